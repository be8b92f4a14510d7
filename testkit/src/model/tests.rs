use std::collections::BTreeMap;

use super::{Cursor, Row, Run, Shape, Table, Version};

fn row(id: i64, cursor: i64) -> Row {
    Row {
        id,
        cursor: Some(cursor),
        cells: BTreeMap::new(),
    }
}

fn put(table: &mut Table, id: i64, cursor: i64, honest: bool) {
    let row = row(id, cursor);
    table.rows.insert(id, Version { row, honest });
}

fn run(at: i64, full: bool, oldest_writer: Option<i64>) -> Run {
    Run {
        before: at,
        after: at + 1,
        oldest_writer,
        full,
        reconciled: false,
    }
}

/// A table that was rebuilt when it held the numbers 1 to 3 as keys and cursors.
fn synced(keyed: bool, oldest_writer: Option<i64>) -> Table {
    let mut table = Table::new(Shape {
        cursor: Cursor::Sequence,
        keyed,
        lookback: 0,
    });
    for id in 1..=3 {
        put(&mut table, id, id, true);
    }
    table
        .synced(run(100, true, oldest_writer), vec![row(3, 3), row(1, 1), row(2, 2)])
        .unwrap();
    table
}

#[test]
fn a_rebuild_must_equal_the_source() {
    let mut table = synced(false, None);
    put(&mut table, 4, 4, true);
    let error = table.synced(run(200, true, None), vec![row(1, 1), row(2, 2), row(3, 3)]);
    assert!(error.unwrap_err().contains("missing: [Row { id: 4"));
}

#[test]
fn a_refresh_may_read_more_than_it_must_and_not_less() {
    let mut table = synced(false, None);
    table.rows.remove(&2);
    put(&mut table, 4, 4, true);
    let from_three = vec![row(1, 1), row(2, 2), row(3, 3), row(4, 4)];
    let from_two = vec![row(1, 1), row(3, 3), row(4, 4)];
    let nothing = vec![row(1, 1), row(2, 2), row(3, 3)];
    table.clone().synced(run(200, false, None), from_three).unwrap();
    table.clone().synced(run(200, false, None), from_two).unwrap();
    table.synced(run(200, false, None), nothing).unwrap_err();
}

#[test]
fn a_moved_row_leaves_its_old_copy_only_without_a_key() {
    let both = vec![row(1, 1), row(1, 4), row(2, 2), row(3, 3)];
    let one = vec![row(1, 4), row(2, 2), row(3, 3)];
    for keyed in [false, true] {
        let mut table = synced(keyed, None);
        put(&mut table, 1, 4, true);
        assert_eq!(
            table.clone().synced(run(200, false, None), both.clone()).is_ok(),
            !keyed
        );
        // Without a key a refresh from the very beginning would do, too.
        table.synced(run(200, false, None), one.clone()).unwrap();
    }
}

#[test]
fn a_late_commit_must_come_and_a_row_below_the_window_need_not() {
    let without = vec![row(1, 1), row(2, 2), row(3, 3)];
    for (honest, fine) in [(true, false), (false, true)] {
        let mut table = synced(false, None);
        // A number that was given out before 3 was, and shows itself only now.
        put(&mut table, 9, 0, honest);
        assert_eq!(table.synced(run(200, false, None), without.clone()).is_ok(), fine);
    }
}

#[test]
fn a_sequence_without_a_snapshot_before_the_oldest_writer_must_be_read_as_a_whole() {
    let mut table = synced(false, Some(50));
    table.rows.remove(&1);
    let stale = vec![row(1, 1), row(2, 2), row(3, 3)];
    table.clone().synced(run(200, false, None), stale).unwrap_err();
    table.synced(run(200, false, None), vec![row(2, 2), row(3, 3)]).unwrap();
}

#[test]
fn a_comparison_of_keys_must_find_deleted_rows() {
    let mut table = synced(true, None);
    table.rows.remove(&1);
    let compared = Run {
        reconciled: true,
        ..run(200, false, None)
    };
    let stale = vec![row(1, 1), row(2, 2), row(3, 3)];
    table.clone().synced(run(200, false, None), stale.clone()).unwrap();
    table.clone().synced(compared, stale).unwrap_err();
    table.synced(compared, vec![row(2, 2), row(3, 3)]).unwrap();
}

#[test]
fn what_no_sync_committed_must_stay() {
    let table = synced(false, None);
    table.unchanged(vec![row(2, 2), row(1, 1), row(3, 3)]).unwrap();
    table.unchanged(vec![row(2, 2), row(3, 3)]).unwrap_err();
}
