//! What a source tells about a session: facts to judge an installation by, not needed to sync.

use chrono::{DateTime, TimeDelta, Utc};

/// What is known of a session besides its rows; a file has no role, no wire and no clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionFacts {
    /// Whether what is sent is encrypted; `None` where it does not leave the machine.
    pub encrypted: Option<bool>,
    /// What the role of the session may do.
    pub role: Option<RoleFacts>,
    /// How far the clocks are apart.
    pub clock: Option<ClockDifference>,
}

/// What a role may do besides reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleFacts {
    /// Its name.
    pub name: String,
    /// Whether it may do everything.
    pub superuser: bool,
    /// How many tables it may change.
    pub writable_tables: u64,
    /// The first of them.
    pub writable_table: Option<String>,
    /// Whether it may create something in the database or in one of its schemas.
    pub creates: bool,
    /// Whether the server shows it other roles' transactions. Otherwise refreshes read further back, to be safe.
    pub sees_transactions: bool,
}

/// How far the source's clock is from one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockDifference {
    /// The source's time less ours.
    pub ahead: TimeDelta,
    /// By how much that can be wrong: half of what the answer took.
    pub uncertainty: TimeDelta,
}

impl ClockDifference {
    /// Of a time that the source told between two times of ours.
    #[must_use]
    pub fn between(before: DateTime<Utc>, source: DateTime<Utc>, after: DateTime<Utc>) -> Self {
        let uncertainty = (after - before) / 2;
        Self {
            ahead: source - (before + uncertainty),
            uncertainty,
        }
    }

    /// Returns the least that the clocks are apart, whoever is ahead.
    #[must_use]
    pub fn at_least(&self) -> TimeDelta {
        (self.ahead.abs() - self.uncertainty).max(TimeDelta::zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let slow = ClockDifference::between(at(100), at(109), at(110));
        assert_eq!(slow.ahead, TimeDelta::seconds(4));
        assert_eq!(slow.at_least(), TimeDelta::zero());
        let behind = ClockDifference::between(at(100), at(40), at(102));
        assert_eq!(behind.at_least(), TimeDelta::seconds(60));
    }
}
