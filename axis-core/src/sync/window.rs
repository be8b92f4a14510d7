//! Where the next window must begin so that nothing committed since can lie before it. Pure.
//!
//! A cursor that is a time is compared with clocks: the window begins at the watermark or at the last run's horizon,
//! whichever is older, less the lookback. Any other cursor (a sequence, a text) cannot be compared with a clock; for it the
//! past snapshots serve: a transaction that was open at the last run took its values after the newest snapshot that is
//! older than the transaction, so they lie above the watermark which that snapshot left.

use std::time::Duration;

use chrono::TimeDelta;

use super::plan::shift;
use crate::column::ColumnType;
use crate::source::{CursorValue, Horizon};
use crate::store::Mark;

/// The lookback when the source does not tell about running transactions and none is configured.
const BLIND_LOOKBACK: Duration = Duration::from_secs(300);
/// The most marks that are kept; beyond, every second of the older half goes, which only widens windows.
const MARKS_KEPT: usize = 128;

/// Returns the inclusive lower bound of the next window; `None` when no bound is known to be safe.
pub(crate) fn start(
    watermark: &CursorValue,
    marks: &[Mark],
    lookback: Option<Duration>,
    ty: &ColumnType,
) -> Option<CursorValue> {
    let last = marks.last()?;
    let blind = if last.oldest_writer.is_none() {
        BLIND_LOOKBACK
    } else {
        Duration::ZERO
    };
    let back = TimeDelta::from_std(lookback.unwrap_or(blind)).ok()?;
    let horizon = last.oldest_writer.unwrap_or(last.taken_at);
    match watermark {
        CursorValue::Timestamp { micros, utc } => {
            let horizon = if *utc {
                horizon.timestamp_micros()
            } else {
                last.local.and_utc().timestamp_micros()
            };
            let back = back.num_microseconds()?;
            Some(CursorValue::Timestamp {
                micros: (*micros).min(horizon).saturating_sub(back),
                utc: *utc,
            })
        }
        CursorValue::Date(days) => {
            let horizon = shift(last.local, back)
                .date()
                .to_epoch_days()
                .min((horizon - back).date_naive().to_epoch_days());
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
    watermark: &CursorValue,
    lookback: Option<Duration>,
) -> Vec<Mark> {
    let mark = Mark {
        taken_at: horizon.taken_at,
        snapshot_at: horizon.snapshot_at,
        quiet: horizon.quiet,
        oldest_writer: horizon.oldest_writer,
        local: horizon.local,
        watermark: watermark.clone(),
    };
    let needed = if matches!(watermark, CursorValue::Timestamp { .. } | CursorValue::Date(_)) {
        marks.len() // the last mark says it all
    } else {
        let back = lookback.unwrap_or(BLIND_LOOKBACK).max(BLIND_LOOKBACK);
        let safe_before =
            horizon.oldest_writer.unwrap_or(horizon.taken_at) - TimeDelta::from_std(back).unwrap_or(TimeDelta::zero());
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

fn is_number(value: &CursorValue) -> bool {
    matches!(value, CursorValue::Double(value) if value.is_finite()) || !matches!(value, CursorValue::Double(_))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn mark(taken: i64, oldest: Option<i64>, watermark: CursorValue) -> Mark {
        let oldest_writer = oldest.map(at);
        Mark {
            taken_at: at(taken),
            snapshot_at: at(taken),
            quiet: oldest == Some(taken),
            oldest_writer,
            local: oldest_writer.unwrap_or(at(taken)).naive_utc(),
            watermark,
        }
    }

    fn stamp(seconds: i64) -> CursorValue {
        CursorValue::Timestamp {
            micros: at(seconds).timestamp_micros(),
            utc: true,
        }
    }

    #[test]
    fn a_time_begins_at_the_watermark_or_the_horizon_whichever_is_older() {
        let ty = ColumnType::TimestampTz;
        let quiet = [mark(100, Some(100), stamp(90))];
        assert_eq!(start(&stamp(90), &quiet, None, &ty), Some(stamp(90)));
        let busy = [mark(100, Some(40), stamp(90))];
        assert_eq!(start(&stamp(90), &busy, None, &ty), Some(stamp(40)));
        assert_eq!(
            start(&stamp(90), &busy, Some(Duration::from_secs(10)), &ty),
            Some(stamp(30))
        );
        let future = [mark(100, Some(100), stamp(9_000))];
        assert_eq!(start(&stamp(9_000), &future, None, &ty), Some(stamp(100)));
    }

    #[test]
    fn a_source_that_does_not_tell_is_read_five_minutes_back() {
        let blind = [mark(1_000, None, stamp(990))];
        assert_eq!(
            start(&stamp(990), &blind, None, &ColumnType::TimestampTz),
            Some(stamp(690))
        );
        assert_eq!(
            start(&stamp(990), &blind, Some(Duration::ZERO), &ColumnType::TimestampTz),
            Some(stamp(990))
        );
    }

    #[test]
    fn a_date_covers_the_whole_day_of_the_horizon() {
        let day = CursorValue::Date(at(0).date_naive().to_epoch_days());
        let busy = [mark(90_000, Some(-90_000), day.clone())];
        let CursorValue::Date(from) = start(&day, &busy, None, &ColumnType::Date).unwrap() else {
            panic!()
        };
        assert_eq!(from, at(-90_000).date_naive().to_epoch_days());
    }

    #[test]
    fn a_sequence_goes_back_to_the_last_snapshot_before_the_oldest_writer() {
        let ty = ColumnType::BigInt;
        let int = CursorValue::Integer;
        let marks = [
            mark(0, Some(0), int(10)),
            mark(100, Some(100), int(20)),
            mark(200, Some(150), int(30)),
        ];
        assert_eq!(start(&int(30), &marks, None, &ty), Some(int(20)));
        let quiet = [mark(200, Some(200), int(30))];
        assert_eq!(start(&int(30), &quiet, None, &ty), Some(int(30)));
        let never = [mark(200, Some(150), int(30))];
        assert_eq!(start(&int(30), &never, None, &ty), None);
    }

    #[test]
    fn marks_that_no_window_can_need_are_forgotten() {
        let int = CursorValue::Integer;
        let mut marks = Vec::new();
        for run in 0..1_000 {
            let horizon = Horizon {
                taken_at: at(run * 60),
                snapshot_at: at(run * 60),
                quiet: false,
                oldest_writer: Some(at(run * 60)),
                local: at(run * 60).naive_utc(),
            };
            marks = remember(&marks, &horizon, &int(run), None);
        }
        assert!(marks.len() < 10, "{}", marks.len());
        // A transaction that never ends keeps marks, but not without bound, and an old anchor stays.
        for run in 1_000..3_000 {
            let horizon = Horizon {
                taken_at: at(run * 60),
                snapshot_at: at(run * 60),
                quiet: false,
                oldest_writer: Some(at(60_000)),
                local: at(60_000).naive_utc(),
            };
            marks = remember(&marks, &horizon, &int(run), None);
        }
        assert!(marks.len() <= MARKS_KEPT + 1);
        let CursorValue::Integer(from) = start(&int(2_999), &marks, None, &ColumnType::BigInt).unwrap() else {
            panic!()
        };
        assert!(from <= 1_000);
    }
}
