//! Timestamps of a frame, and the hours, days and weeks they fall into.

use std::sync::OnceLock;

use chrono::DateTime;

use super::codes::{Codes, NULL};
use super::group::NONE;

pub(super) const MICROS_PER_HOUR: i64 = 3_600_000_000;
/// What stands for a NULL timestamp.
pub(crate) const NO_TIME: i64 = i64::MIN;
/// Up to so many hours between the first and the last one, about 450 years, a table finds the code of each.
const TABLE_HOURS: i64 = 4 << 20;

/// The length of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// One hour.
    Hourly,
    /// One day.
    #[default]
    Daily,
    /// One week, from Monday.
    Weekly,
}

/// The timestamps of a frame, and a code for the hour of each.
#[derive(Debug)]
pub(crate) struct Times {
    /// Microseconds since 1970 UTC; [`NO_TIME`] is NULL.
    pub(crate) micros: Vec<i64>,
    /// The code of the hour of each row; they ascend with time.
    pub(crate) hours: Codes,
    /// The hours behind the codes from 1, as hours since 1970.
    pub(crate) starts: Vec<i64>,
    /// Whether the column is `TIMESTAMP WITH TIME ZONE`, which shows its offset.
    pub(crate) instant: bool,
    /// Made for the first page.
    newest: OnceLock<Newest>,
}

/// All rows in the order of time.
#[derive(Debug)]
pub(crate) struct Newest {
    /// The newest first, those without a time last.
    pub(crate) rows: Vec<u32>,
    /// How many have a time.
    pub(crate) timed: usize,
}

impl Times {
    /// Takes the timestamps in the order of these rows.
    pub(super) fn arrange(micros: &[i64], rows: &[u32], instant: bool) -> Self {
        let hour = |micros: i64| micros.div_euclid(MICROS_PER_HOUR);
        let known = || {
            micros
                .iter()
                .filter(|micros| **micros != NO_TIME)
                .map(|micros| hour(*micros))
        };
        let first = known().min().unwrap_or(0);
        let last = known().max().unwrap_or(0);
        let mut starts: Vec<i64>;
        let hours = if last - first < TABLE_HOURS {
            let mut codes = vec![NULL; (last - first + 1) as usize];
            known().for_each(|hour| codes[(hour - first) as usize] = 1);
            starts = Vec::new();
            for (hour, code) in (first..).zip(&mut codes).filter(|(_, code)| **code != NULL) {
                starts.push(hour);
                *code = starts.len() as u32;
            }
            let all: Vec<u32> = micros
                .iter()
                .map(|micros| match *micros {
                    NO_TIME => NULL,
                    micros => codes[(hour(micros) - first) as usize],
                })
                .collect();
            Codes::arrange(&all, rows, |code| code, starts.len())
        } else {
            starts = known().collect();
            starts.sort_unstable();
            starts.dedup();
            let all: Vec<u32> = micros
                .iter()
                .map(|micros| match *micros {
                    NO_TIME => NULL,
                    micros => starts.partition_point(|start| *start < hour(micros)) as u32 + 1,
                })
                .collect();
            Codes::arrange(&all, rows, |code| code, starts.len())
        };
        Self {
            micros: rows.iter().map(|row| micros[*row as usize]).collect(),
            hours,
            starts,
            instant,
            newest: OnceLock::new(),
        }
    }

    /// Takes only the hours.
    pub(super) fn hours(micros: &[i64], rows: &[u32]) -> Self {
        let mut times = Self::arrange(micros, rows, true);
        times.micros = Vec::new();
        times
    }

    /// Returns the rows in the order of time.
    pub(super) fn newest(&self) -> &Newest {
        self.newest.get_or_init(|| {
            let mut keys: Vec<(i64, u32)> = self.micros.iter().copied().zip(0..).collect();
            // NULL is the least of all.
            keys.sort_unstable_by(|a, b| b.cmp(a));
            Newest {
                timed: keys.partition_point(|(micros, _)| *micros != NO_TIME),
                rows: keys.into_iter().map(|(_, row)| row).collect(),
            }
        })
    }

    /// Returns the first microsecond of the hour behind a code.
    pub(crate) fn start_of(&self, code: u32) -> Option<i64> {
        let hour = self.starts.get((code as usize).checked_sub(1)?)?;
        Some(hour.saturating_mul(MICROS_PER_HOUR))
    }

    /// Sorts the hours into buckets.
    pub(crate) fn buckets(&self, granularity: Granularity) -> Buckets {
        let mut of_hour = vec![NONE; self.starts.len() + 1];
        let mut labels: Vec<String> = Vec::new();
        let mut latest = None;
        for (hour, index) in self.starts.iter().zip(&mut of_hour[1..]) {
            let day = hour.div_euclid(24);
            let start = match granularity {
                Granularity::Hourly => *hour,
                Granularity::Daily => day * 24,
                // 1970 began on a Thursday.
                Granularity::Weekly => ((day + 3).div_euclid(7) * 7 - 3) * 24,
            };
            if latest != Some(start) {
                // Infinities are in no bucket.
                let Some(label) = start
                    .checked_mul(MICROS_PER_HOUR)
                    .and_then(|micros| text(micros, self.instant))
                else {
                    continue;
                };
                labels.push(label);
                latest = Some(start);
            }
            *index = labels.len() as u32 - 1;
        }
        Buckets { of_hour, labels }
    }
}

/// The buckets that hours fall into, ascending.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// The bucket behind the code of each hour; [`NONE`] for those that are in no bucket.
    pub(crate) of_hour: Vec<u32>,
    /// When each begins.
    pub(crate) labels: Vec<String>,
}

/// Writes a time as the analytics do: with a blank, and with an offset when it is an instant.
pub(crate) fn text(micros: i64, instant: bool) -> Option<String> {
    let format = if instant {
        "%Y-%m-%d %H:%M:%S%.f+00:00"
    } else {
        "%Y-%m-%d %H:%M:%S%.f"
    };
    DateTime::from_timestamp_micros(micros).map(|time| time.format(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    #[test]
    fn weeks_begin_on_monday_also_before_1970_and_over_a_new_year() {
        let all = [
            micros("2026-01-04T23:59:59.999999Z"),
            micros("2026-01-05T00:00:00Z"),
            micros("2025-12-31T12:00:00Z"),
            micros("1969-12-31T00:00:00Z"),
            NO_TIME,
            i64::MAX,
        ];
        let times = Times::arrange(&all, &[0, 1, 2, 3, 4, 5], true);
        let buckets = times.buckets(Granularity::Weekly);
        assert_eq!(
            buckets.labels,
            [
                "1969-12-29 00:00:00+00:00",
                "2025-12-29 00:00:00+00:00",
                "2026-01-05 00:00:00+00:00"
            ]
        );
        let of = |row: usize| buckets.of_hour[times.hours.get(row) as usize];
        assert_eq!([of(0), of(1), of(2), of(3), of(4), of(5)], [1, 2, 1, 0, NONE, NONE]);
    }

    #[test]
    fn hours_of_a_wide_and_of_a_narrow_range_are_coded_alike() {
        let near = [micros("2026-01-01T01:59:59Z"), micros("2026-01-01T00:00:00Z"), NO_TIME];
        let mut far = near.to_vec();
        far.push(micros("0001-01-01T00:00:00Z"));
        let near = Times::arrange(&near, &[0, 1, 2], false);
        let far = Times::arrange(&far, &[0, 1, 2, 3], false);
        assert_eq!([near.hours.get(0), near.hours.get(1), near.hours.get(2)], [2, 1, NULL]);
        assert_eq!([far.hours.get(0), far.hours.get(1), far.hours.get(2)], [3, 2, NULL]);
        assert_eq!(
            near.buckets(Granularity::Hourly).labels,
            ["2026-01-01 00:00:00", "2026-01-01 01:00:00"]
        );
    }
}
