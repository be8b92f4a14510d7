//! Properties of plans over random configurations, sources and histories.

use std::time::Duration;

use chrono::DateTime;
use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, prop_assert_ne, proptest};
use proptest::strategy::Strategy as Generator;

use super::window::Clocks;
use super::*;
use crate::config::{Connection, PostgresConnection};
use crate::source::{OnBadValue, Wire};
use crate::store::Mark;

const COLUMNS: [(&str, ColumnType); 4] = [
    ("id", ColumnType::BigInt),
    ("at", ColumnType::TimestampTz),
    ("day", ColumnType::Date),
    ("note", ColumnType::Varchar),
];

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn source(columns: &[usize]) -> Vec<SourceColumn> {
    let column = |index: &usize| {
        let (name, ty) = COLUMNS[*index].clone();
        SourceColumn {
            origin: None,
            source_type: ty.to_string(),
            column: Column {
                name: name.to_owned(),
                ty,
            },
            on_bad_value: OnBadValue::Fail,
            wire: Wire::Sqlite,
        }
    };
    columns.iter().map(column).collect()
}

fn watermark(ty: &ColumnType) -> CursorValue {
    match ty {
        ColumnType::BigInt => CursorValue::Integer(1000),
        ColumnType::TimestampTz => CursorValue::Timestamp {
            micros: at(0).timestamp_micros(),
            utc: true,
        },
        ColumnType::Date => CursorValue::Date(19_000),
        _ => CursorValue::Text("n".to_owned()),
    }
}

/// One case: what is configured, what the source has, and what was stored before.
#[derive(Clone, Debug)]
struct Case {
    now: Vec<usize>,
    before: Vec<usize>,
    cursor: Option<usize>,
    policy: SchemaPolicy,
    mode: SyncMode,
    stored: bool,
    marked: bool,
    truncated: bool,
    other_query: bool,
    /// Seconds from the last mark back to the oldest writer.
    open: i64,
    interval: Option<u64>,
    /// Whether the cursor is the key, too.
    keyed: bool,
    reconcile_interval: Option<u64>,
}

fn cases() -> impl Generator<Value = Case> {
    let columns = || prop::sample::subsequence(vec![0_usize, 1, 2, 3], 1..=4).prop_shuffle();
    let policy = prop::sample::select(vec![SchemaPolicy::Recreate, SchemaPolicy::Add, SchemaPolicy::Block]);
    let mode = prop::sample::select(vec![
        SyncMode::Auto,
        SyncMode::Auto,
        SyncMode::Full,
        SyncMode::Reconcile,
    ]);
    let rarely = || prop::bool::weighted(0.15);
    (
        (columns(), columns(), rarely(), prop::option::weighted(0.9, 0_usize..4)),
        (policy, mode, prop::bool::weighted(0.9), prop::bool::weighted(0.9)),
        (
            rarely(),
            rarely(),
            prop::sample::select(vec![0_i64, 0, 30, 900]),
            prop::option::weighted(0.2, 1_u64..200),
            (prop::bool::weighted(0.7), prop::option::of(1_u64..200)),
        ),
    )
        .prop_map(
            |(
                (now, before, differs, cursor),
                (policy, mode, stored, marked),
                (truncated, other_query, open, interval, (keyed, reconcile_interval)),
            )| Case {
                before: if differs { before } else { now.clone() },
                now,
                cursor,
                policy,
                mode,
                stored,
                marked,
                truncated,
                other_query,
                open,
                interval,
                keyed,
                reconcile_interval,
            },
        )
}

impl Case {
    fn dataset(&self) -> DatasetConfig {
        let connection = Connection::Postgres(PostgresConnection::new("h", "d"));
        let mut dataset = DatasetConfig::custom("shop", connection, vec![self.table()]);
        dataset.on_schema_change = self.policy;
        dataset.full_refresh_interval = self.interval.map(Duration::from_secs);
        dataset.reconcile_interval = self.reconcile_interval.map(Duration::from_secs);
        dataset
    }

    fn table(&self) -> TableConfig {
        let table = TableConfig::new("t", "select");
        match self.cursor {
            Some(index) if self.keyed => table
                .with_incremental_column(COLUMNS[index].0)
                .with_primary_key([COLUMNS[index].0]),
            Some(index) => table.with_incremental_column(COLUMNS[index].0),
            None => table,
        }
    }

    fn plan(&self, stored: &DatasetRecord, mode: SyncMode, columns: &[usize], query: &str) -> Result<TablePlan> {
        let given = Given {
            dataset: &self.dataset(),
            table: &self.table(),
            query,
            server: "",
            identity: "here",
            stored,
            mode,
            now: at(100),
            clocks: Clocks {
                source: at(100),
                ours: at(100),
            },
        };
        table(&given, source(columns))
    }

    /// What a first sync of the columns of before would have left.
    fn stored(&self) -> DatasetRecord {
        let mut stored = DatasetRecord::default();
        if !self.stored {
            return stored;
        }
        let query = if self.other_query { "select other" } else { "select" };
        let Ok(first) = self.plan(&stored, SyncMode::Auto, &self.before, query) else {
            return stored;
        };
        let mut record = first.record;
        record.truncated = self.truncated;
        record.last_full = Some(at(0));
        if let (true, Some((_, ty))) = (self.marked, first.cursor) {
            record.watermark = Some(watermark(&ty));
            record.marks = vec![Mark {
                snapshot_at: at(0),
                quiet: self.open == 0,
                taken_at: at(0),
                oldest_writer: Some(at(-self.open)),
                oldest_seen: at(-self.open),
                local: at(-self.open).naive_utc(),
                prepared: false,
                open: None,
                seen_at: None,
                watermark: watermark(&ty),
            }];
        }
        stored.tables.insert("t".to_owned(), record);
        stored
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_plan_is_incremental_only_when_everything_it_continues_is_as_it_was(case in cases()) {
        let stored = case.stored();
        let Ok(plan) = case.plan(&stored, case.mode, &case.now, "select") else {
            let no_cursor = case.cursor.is_some_and(|index| !case.now.contains(&index));
            let blocked = case.policy == SchemaPolicy::Block && case.before != case.now;
            prop_assert!(no_cursor || blocked, "only these two can fail");
            return Ok(());
        };
        prop_assert_eq!(plan.window.is_some(), plan.strategy == Strategy::Incremental);
        prop_assert_eq!(plan.columns.len(), case.now.len());
        if let Some(window) = &plan.window {
            let record = &stored.tables["t"];
            prop_assert_ne!(case.mode, SyncMode::Full);
            prop_assert!(case.keyed || case.mode == SyncMode::Auto);
            let passed = case.reconcile_interval.is_some_and(|seconds| seconds <= 100);
            prop_assert_eq!(plan.reconcile, case.keyed && (passed || case.mode == SyncMode::Reconcile));
            prop_assert_eq!(&record.fingerprint, &plan.record.fingerprint);
            prop_assert!(!record.truncated);
            prop_assert!(case.interval.is_none_or(|seconds| seconds > 100));
            // The window begins at the watermark or before it, never behind.
            prop_assert!(window.from <= record.watermark.clone().unwrap());
            let cursor = plan.cursor.clone().unwrap();
            prop_assert_eq!((&window.column, &window.ty), (&cursor.0, &cursor.1));
            // What is not added was there before, as it is now.
            for column in &plan.record.columns {
                let added = plan.added.iter().any(|(name, _)| *name == column.name);
                prop_assert_eq!(record.columns.contains(column), !added);
            }
            prop_assert!(record.columns.iter().all(|column| plan.record.columns.contains(column)));
            prop_assert!(plan.added.is_empty() || case.policy == SchemaPolicy::Add);
        } else {
            prop_assert!(plan.added.is_empty(), "a rebuild adds nothing");
            prop_assert!(!plan.reconcile, "a rebuild finds deleted rows");
        }
    }

    #[test]
    fn a_rebuild_gives_the_first_reason_that_holds(case in cases()) {
        let stored = case.stored();
        let Ok(plan) = case.plan(&stored, case.mode, &case.now, "select") else { return Ok(()) };
        let Strategy::Full { because } = plan.strategy else { return Ok(()) };
        let record = stored.tables.get("t");
        match because {
            FullReason::FirstSync => prop_assert!(record.is_none()),
            FullReason::SchemaChanged => {
                prop_assert!(plan.schema_change.is_some());
                prop_assert_ne!(&record.unwrap().columns, &plan.record.columns);
            }
            FullReason::Requested => prop_assert_eq!(case.mode, SyncMode::Full),
            FullReason::DefinitionChanged => prop_assert_ne!(&record.unwrap().fingerprint, &plan.record.fingerprint),
            FullReason::NoIncrementalColumn => prop_assert!(case.cursor.is_none()),
            FullReason::Truncated => prop_assert!(record.unwrap().truncated),
            FullReason::Interval => prop_assert!(case.interval.unwrap() <= 100),
            FullReason::WatermarkMissing => prop_assert!(record.unwrap().watermark.is_none()),
            FullReason::NoPrimaryKey => {
                prop_assert!(!case.keyed && case.mode == SyncMode::Reconcile);
            }
            FullReason::SourceReplaced => prop_assert!(false, "all cases have one source"),
            FullReason::KeysMissing | FullReason::Uploaded => prop_assert!(false, "only a run can find that"),
            FullReason::NoSafeWindow => {
                prop_assert!(case.open > 0, "without an open transaction every window is safe");
                prop_assert!(matches!(plan.cursor.unwrap().1, ColumnType::BigInt | ColumnType::Varchar));
            }
        }
    }
}

#[test]
fn what_answers_to_the_same_name_but_is_another_thing_is_read_whole() {
    let known = TableRecord {
        server: "1/00000001/5".to_owned(),
        origins: [("a".to_owned(), (16_384, 1)), ("b".to_owned(), (16_384, 2))].into(),
        fingerprint: String::new(),
        columns: Vec::new(),
        cursor: None,
        watermark: None,
        marks: Vec::new(),
        truncated: false,
        last_full: None,
        last_reconciled: None,
    };
    let with = |change: fn(&mut TableRecord)| {
        let mut now = known.clone();
        change(&mut now);
        is_replaced(&known, &now)
    };
    assert!(!with(|_| {}));
    assert!(
        !with(|now| {
            now.origins.insert("c".to_owned(), (16_384, 3));
        }),
        "a new column"
    );
    assert!(
        !with(|now| {
            now.origins.remove("a");
        }),
        "an expression says nothing"
    );
    assert!(
        with(|now| {
            now.origins.insert("b".to_owned(), (16_384, 3));
        }),
        "dropped and added again"
    );
    assert!(
        with(|now| {
            now.origins.insert("a".to_owned(), (16_400, 1));
        }),
        "another table"
    );
    assert!(with(|now| now.server = "1/00000002/5".to_owned()), "after a failover");
}

#[test]
fn a_column_that_went_and_came_again_elsewhere_is_not_added() {
    let column = |name: &str| ColumnRecord {
        source: name.to_owned(),
        name: name.to_owned(),
        ty: "INTEGER".to_owned(),
        source_type: "int4".to_owned(),
    };
    let before = [column("a"), column("b"), column("c")];
    let in_order = |names: &[&str]| {
        let now: Vec<_> = names.iter().map(|name| column(name)).collect();
        keeps_all(&before, &now)
    };
    assert!(in_order(&["a", "b", "c", "d"]) && in_order(&["x", "a", "b", "c"]));
    assert!(!in_order(&["a", "c", "b"]) && !in_order(&["a", "b", "d"]));
}
