//! Where the next window must begin so that nothing committed since can lie before it. Pure.
//!
//! A cursor that is a time is compared with clocks: the window begins at the watermark or at the last run's horizon,
//! whichever is older, less the lookback. Stamps may be coarser than the clock: unless nobody was at work, a horizon counts
//! from the second before its own. And the clock of those who stamp may show another zone than the server's: if they all use
//! the same one, a transaction that had been open for a while stamped at most that much less than the watermark.
//!
//! Any other cursor (a sequence, a text) cannot be compared with a clock; for it the past snapshots serve: a transaction that
//! was open at the last run took its values after the newest snapshot that is older than the transaction, so they lie above
//! the watermark which that snapshot left.
//!
//! Clocks are set back now and then, and rows are stamped a second time with times that have passed already. A clock that
//! reads less than at the last run gives no safe bound. One that has caught up since shows in that less time has passed on it
//! than on ours; the window then begins earlier by the difference. Only when our clock is set back with it, as on one
//! machine, and both have caught up before the next run, does nobody notice.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::plan::shift;
use crate::column::ColumnType;
use crate::source::{CursorValue, Horizon};
use crate::store::Mark;

/// The lookback when the source does not tell about running transactions and none is configured.
const BLIND_LOOKBACK: Duration = Duration::from_secs(300);
/// The most marks that are kept; beyond, every second of the older half goes, which only widens windows.
const MARKS_KEPT: usize = 128;

/// Smaller differences between two clocks are delays of messages: clocks are set by leaps only when they are off by more.
const SMALLEST_LEAP: TimeDelta = TimeDelta::milliseconds(100);

/// What two clocks read when a snapshot was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) source: DateTime<Utc>,
    pub(crate) ours: DateTime<Utc>,
}

impl Clocks {
    /// Returns what the clocks read at a snapshot, when ours reads `now` and the snapshot may have waited for a while.
    pub(crate) fn of(horizon: &Horizon, now: DateTime<Utc>) -> Self {
        let waited = TimeDelta::from_std(horizon.arrived.elapsed()).unwrap_or(TimeDelta::zero());
        Self {
            source: horizon.taken_at,
            ours: now - waited,
        }
    }
}

/// Returns the inclusive lower bound of the next window; `None` when no bound is known to be safe.
pub(crate) fn start(
    watermark: &CursorValue,
    marks: &[Mark],
    lookback: Option<Duration>,
    ty: &ColumnType,
    clocks: Clocks,
) -> Option<CursorValue> {
    let last = marks.last()?;
    let blind = match last.oldest_writer {
        Some(_) => Duration::ZERO,
        // It may have begun long ago, and a prepared transaction is sure to be one that writes.
        None if last.prepared && lookback.is_none() => return None,
        None => BLIND_LOOKBACK,
    };
    let mut back = TimeDelta::from_std(lookback.unwrap_or(blind)).ok()?;
    let horizon = last.oldest_writer.unwrap_or(last.oldest_seen);
    // How long the oldest had been open; the watermark was stamped no later than that while ended.
    let open = (last.taken_at - horizon).max(TimeDelta::zero());
    if matches!(watermark, CursorValue::Timestamp { .. } | CursorValue::Date(_)) {
        back = back.checked_add(&set_back(last, clocks)?)?;
    }
    match watermark {
        CursorValue::Timestamp { micros, utc } => {
            let horizon = if *utc { horizon } else { last.local.and_utc() };
            let micros = if last.quiet && *micros <= horizon.timestamp_micros() {
                // Whatever begins later stamps no less, however coarsely.
                *micros
            } else {
                let stamped = micros.saturating_sub(coarse(open).num_microseconds()?);
                stamped.min((horizon.timestamp() - 1).saturating_mul(1_000_000))
            };
            Some(CursorValue::Timestamp {
                micros: micros.saturating_sub(back.num_microseconds()?),
                utc: *utc,
            })
        }
        CursorValue::Date(days) => {
            let horizon = shift(last.local, back)
                .date()
                .to_epoch_days()
                .min((horizon - back).date_naive().to_epoch_days());
            let back = back + open;
            let back =
                i32::try_from(back.num_days() + i64::from(back.subsec_nanos() > 0 || back.num_seconds() % 86_400 > 0))
                    .ok()?;
            Some(CursorValue::Date((*days).saturating_sub(back).min(horizon)))
        }
        _ if matches!(ty, ColumnType::Float | ColumnType::Double) && !is_number(watermark) => None,
        _ => {
            if last.quiet && back.is_zero() {
                return Some(watermark.clone());
            }
            let safe_before = horizon - back;
            marks
                .iter()
                .rev()
                .find(|mark| mark.snapshot_at <= safe_before)
                .map(|mark| mark.watermark.clone())
        }
    }
}

/// Returns the marks to keep after a run that left this watermark.
pub(crate) fn remember(
    marks: &[Mark],
    horizon: &Horizon,
    clocks: Clocks,
    watermark: &CursorValue,
    lookback: Option<Duration>,
) -> Vec<Mark> {
    // Before the clock was set back, times meant something else.
    let marks = &marks[..marks.partition_point(|mark| mark.snapshot_at <= horizon.taken_at)];
    let (oldest_writer, local) = oldest_writer(marks.last(), horizon).unzip();
    let mark = Mark {
        taken_at: horizon.taken_at,
        snapshot_at: horizon.snapshot_at,
        quiet: horizon.quiet,
        oldest_writer,
        oldest_seen: horizon.oldest_seen,
        local: local.unwrap_or(horizon.local),
        prepared: horizon.prepared.is_some(),
        open: horizon.oldest_writer.map(|oldest| (oldest, horizon.local)),
        seen_at: Some(clocks.ours),
        watermark: watermark.clone(),
    };
    let needed = if matches!(watermark, CursorValue::Timestamp { .. } | CursorValue::Date(_)) {
        marks.len() // the last mark says it all
    } else {
        let back = lookback.unwrap_or(BLIND_LOOKBACK).max(BLIND_LOOKBACK);
        let safe_before = horizon.oldest_seen - TimeDelta::from_std(back).unwrap_or(TimeDelta::zero());
        // The newest mark that old is the last that any later window can need.
        marks
            .iter()
            .rposition(|mark| mark.snapshot_at <= safe_before)
            .unwrap_or(0)
    };
    let mut kept: Vec<Mark> = marks[needed..].to_vec();
    kept.push(mark);
    if kept.len() > MARKS_KEPT {
        let half = kept.len() / 2;
        kept = kept
            .into_iter()
            .enumerate()
            .filter(|(index, _)| *index >= half || index % 2 == 0)
            .map(|(_, mark)| mark)
            .collect();
    }
    kept
}

/// Lengthens a time to whole seconds and one more, unless it is none.
fn coarse(time: TimeDelta) -> TimeDelta {
    if time.is_zero() {
        time
    } else {
        TimeDelta::seconds(time.num_seconds() + 2)
    }
}

/// Returns by how much the source's clock may have been set back since a mark; `None` when it reads less than then.
fn set_back(mark: &Mark, clocks: Clocks) -> Option<TimeDelta> {
    let passed = clocks.source - mark.taken_at;
    if passed < TimeDelta::zero() {
        return None;
    }
    let missing = mark
        .seen_at
        .map_or(TimeDelta::zero(), |seen| clocks.ours - seen - passed);
    Some(if missing > SMALLEST_LEAP {
        missing + SMALLEST_LEAP
    } else {
        TimeDelta::zero()
    })
}

/// Finds the oldest start of a transaction that may still write, in both zones.
///
/// When a prepared transaction began is nowhere to be seen. But at the last mark it was not begun yet, or open, or prepared, so
/// it is no older than what was found then; and if it was prepared since, no older than what was open then.
fn oldest_writer(last: Option<&Mark>, horizon: &Horizon) -> Option<(DateTime<Utc>, NaiveDateTime)> {
    let open = (horizon.oldest_writer?, horizon.local);
    let Some(prepared) = horizon.prepared else {
        return Some(open);
    };
    let last = last?;
    let bound = if prepared > last.snapshot_at {
        last.open?
    } else {
        (last.oldest_writer?, last.local)
    };
    Some((open.0.min(bound.0), open.1.min(bound.1)))
}

fn is_number(value: &CursorValue) -> bool {
    matches!(value, CursorValue::Double(value) if value.is_finite()) || !matches!(value, CursorValue::Double(_))
}

#[cfg(test)]
mod tests;
