//! Bounds of windows after runs that saw this and that.

use std::time::Instant;

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
        oldest_seen: oldest_writer.unwrap_or(at(taken)),
        local: oldest_writer.unwrap_or(at(taken)).naive_utc(),
        prepared: false,
        open: oldest_writer.map(|oldest| (oldest, oldest.naive_utc())),
        seen_at: Some(at(taken)),
        watermark,
    }
}

/// Long after everything, on both clocks alike.
fn later() -> Clocks {
    clocks(1_000_000, 1_000_000)
}

fn clocks(source: i64, ours: i64) -> Clocks {
    Clocks {
        source: at(source),
        ours: at(ours),
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
    assert_eq!(start(&stamp(90), &quiet, None, &ty, later()), Some(stamp(90)));
    let busy = [mark(100, Some(40), stamp(90))];
    // The second before the oldest writer's, and as much before the watermark, were the stamps in another zone.
    assert_eq!(start(&stamp(90), &busy, None, &ty, later()), Some(stamp(28)));
    assert_eq!(
        start(&stamp(90), &busy, Some(Duration::from_secs(10)), &ty, later()),
        Some(stamp(18))
    );
    let future = [mark(100, Some(100), stamp(9_000))];
    assert_eq!(start(&stamp(9_000), &future, None, &ty, later()), Some(stamp(99)));
}

#[test]
fn a_source_that_does_not_tell_is_read_five_minutes_back() {
    let blind = [mark(1_000, None, stamp(990))];
    assert_eq!(
        start(&stamp(990), &blind, None, &ColumnType::TimestampTz, later()),
        Some(stamp(690))
    );
    assert_eq!(
        start(
            &stamp(990),
            &blind,
            Some(Duration::ZERO),
            &ColumnType::TimestampTz,
            later()
        ),
        Some(stamp(990))
    );
}

#[test]
fn what_a_source_does_show_of_its_writers_counts_also_when_it_hides_others() {
    let mut hidden = mark(10_000, None, stamp(9_990));
    hidden.oldest_seen = at(8_000);
    let from = start(&stamp(9_990), &[hidden], None, &ColumnType::TimestampTz, later());
    // 300 s before the watermark less the time for which the oldest had been open.
    assert_eq!(from, Some(stamp(9_990 - 2_002 - 300)));
}

#[test]
fn stamps_that_are_coarser_than_the_clock_lie_in_the_window() {
    let mut busy = mark(100, Some(40), stamp(90));
    busy.oldest_writer = Some(at(40) + TimeDelta::milliseconds(900));
    busy.oldest_seen = at(40) + TimeDelta::milliseconds(900);
    let bound = |mark: Mark| start(&stamp(99), &[mark], None, &ColumnType::TimestampTz, later()).unwrap();
    // `timestamptz(0)` writes 40 or 41 for it.
    assert!(bound(busy) <= stamp(40));
}

#[test]
fn writers_in_a_zone_that_the_server_does_not_know_are_found_by_how_long_they_were_open() {
    // Stamped in a zone eight hours behind: the local horizon lies far in the future of all stamps.
    let hours = -8 * 3600;
    let watermark = CursorValue::Timestamp {
        micros: at(99 + hours).timestamp_micros(),
        utc: false,
    };
    let busy = mark(100, Some(40), watermark.clone());
    let late = CursorValue::Timestamp {
        micros: at(40 + hours).timestamp_micros(),
        utc: false,
    };
    let from = start(&watermark, &[busy], None, &ColumnType::Timestamp, later()).unwrap();
    assert!(from <= late, "{from:?}");
}

#[test]
fn a_date_covers_the_whole_day_of_the_horizon() {
    let day = CursorValue::Date(at(0).date_naive().to_epoch_days());
    let busy = [mark(90_000, Some(-90_000), day.clone())];
    let CursorValue::Date(from) = start(&day, &busy, None, &ColumnType::Date, later()).unwrap() else {
        panic!()
    };
    assert!(from <= at(-90_000).date_naive().to_epoch_days());
    let CursorValue::Date(day) = day else { panic!() };
    assert_eq!(
        from,
        day - 3,
        "it had been open for two days and an hour, in whatever zone"
    );
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
    assert_eq!(start(&int(30), &marks, None, &ty, later()), Some(int(20)));
    let quiet = [mark(200, Some(200), int(30))];
    assert_eq!(start(&int(30), &quiet, None, &ty, later()), Some(int(30)));
    let never = [mark(200, Some(150), int(30))];
    assert_eq!(start(&int(30), &never, None, &ty, later()), None);
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
            oldest_seen: at(run * 60),
            prepared: None,
            local: at(run * 60).naive_utc(),
            arrived: Instant::now(),
        };
        marks = remember(&marks, &horizon, later(), &int(run), None);
    }
    assert!(marks.len() < 10, "{}", marks.len());
    // A transaction that never ends keeps marks, but not without bound, and an old anchor stays.
    for run in 1_000..3_000 {
        let horizon = Horizon {
            taken_at: at(run * 60),
            snapshot_at: at(run * 60),
            quiet: false,
            oldest_writer: Some(at(60_000)),
            oldest_seen: at(60_000),
            prepared: None,
            local: at(60_000).naive_utc(),
            arrived: Instant::now(),
        };
        marks = remember(&marks, &horizon, later(), &int(run), None);
    }
    assert!(marks.len() <= MARKS_KEPT + 1);
    let CursorValue::Integer(from) = start(&int(2_999), &marks, None, &ColumnType::BigInt, later()).unwrap() else {
        panic!()
    };
    assert!(from <= 1_000);
}

#[test]
fn a_clock_that_was_set_back_widens_the_window_or_leaves_none() {
    let from = |clocks| {
        start(
            &stamp(90),
            &[mark(100, Some(100), stamp(90))],
            None,
            &ColumnType::TimestampTz,
            clocks,
        )
    };
    assert_eq!(from(clocks(700, 700)), Some(stamp(90)));
    // Set back by 50 s and caught up since: what was stamped with 50 s ago is in the window.
    let CursorValue::Timestamp { micros, .. } = from(clocks(650, 700)).unwrap() else {
        panic!()
    };
    assert!(
        (at(39).timestamp_micros()..=at(40).timestamp_micros()).contains(&micros),
        "{micros}"
    );
    // Ours was set back, or the source's was set forward: nothing was stamped with a past time.
    assert_eq!(from(clocks(700, 650)), Some(stamp(90)));
    assert_eq!(from(clocks(99, 700)), None, "before the last run");
    let day = CursorValue::Date(at(0).date_naive().to_epoch_days());
    let marks = [mark(0, Some(0), day.clone())];
    assert_eq!(start(&day, &marks, None, &ColumnType::Date, clocks(-1, 700)), None);
    // A sequence does not depend on the present clock.
    let int = CursorValue::Integer;
    let marks = [mark(0, Some(0), int(10)), mark(100, Some(50), int(20))];
    assert_eq!(
        start(&int(20), &marks, None, &ColumnType::BigInt, clocks(40, 700)),
        Some(int(10))
    );
}

#[test]
fn marks_from_before_a_clock_was_set_back_are_forgotten() {
    let int = CursorValue::Integer;
    let marks = [mark(0, Some(0), int(10)), mark(100, Some(100), int(20))];
    let horizon = seen(50, Some(50), None);
    let kept = remember(&marks, &horizon, clocks(50, 700), &int(30), None);
    let watermarks: Vec<_> = kept.iter().map(|mark| mark.watermark.clone()).collect();
    assert_eq!(watermarks, [int(10), int(30)]);
}

fn seen(taken: i64, oldest: Option<i64>, prepared: Option<i64>) -> Horizon {
    Horizon {
        taken_at: at(taken),
        snapshot_at: at(taken),
        quiet: false,
        oldest_writer: oldest.map(at),
        oldest_seen: at(oldest.unwrap_or(taken)),
        prepared: prepared.map(at),
        local: at(oldest.unwrap_or(taken)).naive_utc(),
        arrived: Instant::now(),
    }
}

#[test]
fn a_prepared_transaction_is_no_older_than_what_was_open_before_it_was_prepared() {
    let ty = ColumnType::TimestampTz;
    let mut marks = Vec::new();
    let mut run = |taken, oldest, prepared| {
        marks = remember(&marks, &seen(taken, oldest, prepared), later(), &stamp(taken), None);
        start(&stamp(taken), &marks, None, &ty, later())
    };
    // Prepared before anything is known: it may be as old as it likes.
    assert_eq!(run(100, Some(100), Some(90)), None);
    assert_eq!(run(200, Some(150), Some(90)), None, "still the same");
    // One that was prepared since was at most open at the last run.
    assert_eq!(run(300, Some(300), Some(250)), Some(stamp(148)));
    // It stays, and with it the bound.
    assert_eq!(run(400, Some(400), Some(250)), Some(stamp(148)));
    // Another one: it began after the oldest that was open at the last run.
    assert_eq!(run(500, Some(500), Some(450)), Some(stamp(398)));
    assert_eq!(run(600, Some(600), None), Some(stamp(599)));
    // Whoever hides sessions leaves nothing to reason with.
    assert_eq!(run(700, None, Some(650)), None);
    let hidden = remember(&[], &seen(100, None, Some(90)), later(), &stamp(100), None);
    let lookback = Some(Duration::from_secs(40));
    assert_eq!(
        start(&stamp(100), &hidden, lookback, &ty, later()),
        Some(stamp(59)),
        "as configured"
    );
}
