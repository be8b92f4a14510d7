//! Tests of the source as a whole, on real files.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::params;

use super::support::{Batch, File, at, drain, request, rows, windowed};
use super::*;
use crate::column::{BATCH_ROWS, ColumnType};
use crate::source::{CursorValue, OnBadValue, Window};

#[tokio::test]
async fn every_type_is_read() {
    let file = File::new(
        "create table t(a integer, b boolean, c real, d decimal(8,2), e numeric, f varchar(9), g json, h blob, i date,
             j time, k timestamp, l timestamptz, m uuid, n, o any);
         insert into t values(1, 1, 2, '3.25', 1e3, 'x', '{}', x'6162', '1970-01-03', '00:00:02', '1970-01-01 00:00:03',
             '1970-01-01T01:00:04+01:00', '00000000-0000-0000-0000-000000000005', null, 7);
         insert into t values(null, null, null, null, null, null, null, null, null, null, null, null, null, 'n', 7.5);",
    );
    let mut snapshot = file.snapshot().await;
    let columns = snapshot
        .describe("select *, count(*) over () as total from t", &BTreeMap::new())
        .await
        .unwrap();
    let types: Vec<_> = columns
        .iter()
        .map(|column| format!("{} {}", column.column.name, column.column.ty))
        .collect();
    assert_eq!(
        types.join(", "),
        "a BIGINT, b BOOLEAN, c DOUBLE, d DECIMAL(8,2), e DOUBLE, f VARCHAR, g VARCHAR, h BLOB, i DATE, j TIME, \
         k TIMESTAMP, l TIMESTAMP WITH TIME ZONE, m UUID, n VARCHAR, o DOUBLE, total BIGINT"
    );
    assert_eq!(columns[3].source_type.to_lowercase(), "decimal(8,2)");
    assert_eq!(columns[13].source_type, "expression");
    assert_eq!(
        rows(&mut *snapshot, "select * from t -- all of it", &[]).await.unwrap(),
        [
            "1|true|2|325|1000|x|{}|ab|2|2000000|3000000|4000000|00000000-0000-0000-0000-000000000005|NULL|7",
            "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|n|7.5"
        ]
    );
    snapshot.close().await;
}

#[tokio::test]
async fn names_must_be_unique() {
    let file = File::numbered(1);
    let mut snapshot = file.snapshot().await;
    let error = snapshot
        .describe("select id, at, id as ID from t", &BTreeMap::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`id` and `ID`"), "{error}");
}

#[tokio::test]
async fn policies_choose_the_type() {
    let file = File::new("create table t(V integer, w text); insert into t values(12, '7'), ('x', '8')");
    let mut snapshot = file.snapshot().await;
    let error = rows(&mut *snapshot, "select * from t", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    for part in ["`V`", "INTEGER", "TEXT", "types: {V: varchar}"] {
        assert!(error.message().contains(part), "{error}");
    }
    let policies = [("v", TypePolicy::Null), ("W", TypePolicy::Type(ColumnType::SmallInt))];
    assert_eq!(
        rows(&mut *snapshot, "select * from t", &policies).await.unwrap(),
        ["12|7", "NULL|8"]
    );
    let policies = [("v", TypePolicy::Varchar)];
    assert_eq!(
        rows(&mut *snapshot, "select * from t", &policies).await.unwrap(),
        ["12|7", "x|8"]
    );
    let policies = [("v", TypePolicy::Type(ColumnType::Interval))];
    assert_eq!(
        rows(&mut *snapshot, "select * from t", &policies)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Config
    );
    let policies = [("v", TypePolicy::Null)]
        .map(|(name, policy)| (name.to_owned(), policy))
        .into();
    let columns = snapshot.describe("select * from t", &policies).await.unwrap();
    assert_eq!(columns[0].on_bad_value, OnBadValue::Null);
}

#[tokio::test]
async fn refusals_say_what_is_missing() {
    let file = File::numbered(1);
    let mut snapshot = file.snapshot().await;
    let refused = [
        ("select * from nowhere", "the table `nowhere`"),
        ("select absent from t", "the column `absent`"),
        ("selec * from t", "not a SELECT"),
        ("delete from t", "not a SELECT"),
        ("pragma table_info(t)", "not a SELECT"),
    ];
    for (query, part) in refused {
        let error = snapshot.describe(query, &BTreeMap::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceRejected, "{query}");
        assert!(error.message().contains(part), "{query}: {error}");
    }
    // A query may also fail while it runs.
    let error = rows(&mut *snapshot, "select abs(-9223372036854775807 - id) as a from t", &[])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
}

#[tokio::test]
async fn files_that_are_no_databases() {
    let dir = tempfile::tempdir().unwrap();
    let open = async |path: PathBuf| {
        SqliteSource::new(path)
            .snapshot(&CancellationToken::new())
            .await
            .err()
            .unwrap()
    };
    let error = open(dir.path().join("missing.db")).await;
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(error.to_string().contains("missing.db"), "{error}");
    assert!(!dir.path().join("missing.db").exists());
    let path = dir.path().join("text.db");
    std::fs::write(
        &path,
        "this is no database, but long enough to be looked at as one ".repeat(50),
    )
    .unwrap();
    assert_eq!(open(path).await.kind(), ErrorKind::SourceRejected);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = SqliteSource::new(dir.path().join("any.db"))
        .snapshot(&cancel)
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_snapshot_does_not_move() {
    let file = File::numbered(3);
    let before = Utc::now();
    let mut snapshot = file.snapshot().await;
    assert!(snapshot.horizon().taken_at >= before && snapshot.horizon().oldest_writer.is_none());
    assert!(snapshot.fork().await.unwrap().is_none());
    file.writer.execute("insert into t values(4, null)", []).unwrap();
    assert_eq!(
        rows(&mut *snapshot, "select id from t", &[]).await.unwrap(),
        ["1", "2", "3"]
    );
    file.writer.execute("delete from t where id < 3", []).unwrap();
    assert_eq!(
        rows(&mut *snapshot, "select id from t", &[]).await.unwrap(),
        ["1", "2", "3"]
    );
    snapshot.close().await;
    assert_eq!(
        rows(&mut *file.snapshot().await, "select id from t", &[])
            .await
            .unwrap(),
        ["3", "4"]
    );
}

#[tokio::test]
async fn a_window_compares_instants_not_texts() {
    let file = File::new("create table t(at timestamp, id integer); create index i on t(at);");
    let values: [(&str, i64); 8] = [
        ("2024-01-01 12:00:00", 1),
        ("2024-01-01 11:59:59.999999", 2),
        ("2024-01-01T12:00:00.000001Z", 3),
        ("2024-01-01 13:59:59+02:00", 4),
        ("2024-01-02 01:00:00+14:00", 5),
        ("2023-12-31 22:30:00-14:00", 6),
        ("2024-01-01", 7),
        ("2025-06-01", 8),
    ];
    for (at, id) in values {
        file.writer
            .execute("insert into t values(?, ?)", params![at, id])
            .unwrap();
    }
    // 12:00:00 and the second before, as seconds since 1970.
    file.writer
        .execute_batch("insert into t values(1704110400, 9), (1704110399, 10), (null, 11)")
        .unwrap();
    let mut found = windowed(&file, "select * from t", at("2024-01-01 12:00"), &[])
        .await
        .unwrap();
    found.sort_by_key(|row| row.split_once('|').unwrap().1.parse::<i32>().unwrap());
    let ids: Vec<_> = found.iter().map(|row| row.split_once('|').unwrap().1).collect();
    assert_eq!(ids, ["1", "3", "6", "8", "9", "11"]);
}

#[tokio::test]
async fn a_window_can_use_an_index() {
    let file = File::numbered(10);
    file.writer.execute_batch("create index i on t(at)").unwrap();
    let mut snapshot = file.snapshot().await;
    let columns = snapshot
        .describe("select at, id from t", &BTreeMap::new())
        .await
        .unwrap();
    let mut request = request("select at, id from t", columns);
    request.window = Some(Window {
        column: "at".into(),
        ty: ColumnType::Timestamp,
        from: at("2024-01-01 00:00:09"),
    });
    let (statement, _) = window::plan(&request).unwrap();
    let mut explained = file
        .writer
        .prepare(&format!("explain query plan {}", statement.sql))
        .unwrap();
    let details = explained.query_map(rusqlite::params_from_iter(&statement.parameters), |row| {
        row.get::<_, String>(3)
    });
    let details: Vec<String> = details.unwrap().map(Result::unwrap).collect();
    assert!(!details.iter().any(|detail| detail.starts_with("SCAN")), "{details:?}");
    assert_eq!(drain(snapshot.read(request).await.unwrap(), 2).unwrap().len(), 2);
}

#[tokio::test]
async fn windows_of_other_types() {
    let file = File::new(
        "create table t(i integer, r real, d decimal(9,3), s text collate nocase, b date, u uuid, x text);
         insert into t values(1, 0.1, 0.1, 'B', '2024-01-01', '00000000-0000-0000-0000-000000000001', '9'),
             (2, 0.2, 0.2, 'a', '2024-01-02', '00000000-0000-0000-0000-00000000000A', '10'),
             (null, null, null, null, null, null, null);",
    );
    let decimal = CursorValue::Decimal {
        unscaled: 200,
        scale: 3,
    };
    let id = CursorValue::Uuid(uuid::Uuid::from_u128(2));
    for (column, from, expected) in [
        ("i", CursorValue::Integer(2), "2"),
        ("r", CursorValue::Double(0.2), "0.2"),
        ("d", decimal, "200"),
        ("s", CursorValue::Text("a".into()), "a"),
        ("b", CursorValue::Date(19_724), "19724"),
        ("u", id, "00000000-0000-0000-0000-00000000000a"),
    ] {
        let found = windowed(&file, &format!("select {column} from t"), from, &[])
            .await
            .unwrap();
        assert_eq!(found, [expected, "NULL"], "{column}");
    }
    // A policy may make numbers of texts, which SQLite would compare as texts.
    let policy = [("x", TypePolicy::Type(ColumnType::BigInt))];
    let found = windowed(&file, "select x from t", CursorValue::Integer(10), &policy)
        .await
        .unwrap();
    assert_eq!(found, ["10", "NULL"]);
    let error = windowed(&file, "select i from t", CursorValue::Date(1), &[])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn values_that_become_null_belong_to_every_window() {
    let file = File::new(
        "create table t(at timestamp); insert into t values('2020-01-01'), ('0000 not a date'), ('2024-01-01')",
    );
    let from = at("2023-01-01");
    let found = windowed(&file, "select at from t", from, &[("at", TypePolicy::Null)])
        .await
        .unwrap();
    assert_eq!(found, ["NULL", "1704067200000000"]);
}

#[tokio::test]
async fn limit_and_progress() {
    let file = File::numbered(5_000);
    let mut snapshot = file.snapshot().await;
    let query = "select id, at from t order by id";
    let columns = snapshot.describe(query, &BTreeMap::new()).await.unwrap();
    let mut limited = request(query, columns.clone());
    limited.limit = Some(3_000);
    let progress = Arc::clone(&limited.progress);
    assert_eq!(drain(snapshot.read(limited).await.unwrap(), 2).unwrap().len(), 3_000);
    assert_eq!(progress.rows.load(Ordering::Relaxed), 3_000);
    assert_eq!(progress.bytes.load(Ordering::Relaxed), 3_000 * (8 + 19));
    let mut limited = request(query, columns);
    limited.limit = Some(2);
    limited.window = Some(Window {
        column: "id".into(),
        ty: ColumnType::BigInt,
        from: CursorValue::Integer(4_000),
    });
    let found = drain(snapshot.read(limited).await.unwrap(), 2).unwrap();
    assert!(found.len() == 2 && found[0].starts_with("4000|"), "{found:?}");
}

#[tokio::test]
async fn cancelling_ends_a_statement_that_gives_no_row() {
    let file = File::numbered(1);
    let mut snapshot = file.snapshot().await;
    let endless =
        "select n.i as i from (with recursive n(i) as (select 1 union all select i + 1 from n) select i from n) n
         where n.i < 0";
    let columns = snapshot
        .describe("select id as i from t", &BTreeMap::new())
        .await
        .unwrap();
    let request = request(endless, columns);
    let cancel = request.cancel.clone();
    let mut reader = snapshot.read(request).await.unwrap();
    let reading = tokio::task::spawn_blocking(move || reader.fill(&mut Batch::new(1)));
    cancel.cancel();
    assert_eq!(reading.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(rows(&mut *snapshot, "select id from t", &[]).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_dropped_reader_frees_the_session() {
    let file = File::numbered(50_000);
    let mut snapshot = file.snapshot().await;
    let columns = snapshot.describe("select id from t", &BTreeMap::new()).await.unwrap();
    for fills in 0..3 {
        let mut reader = snapshot
            .read(request("select id from t", columns.clone()))
            .await
            .unwrap();
        for _ in 0..fills {
            assert_eq!(reader.fill(&mut Batch::new(1)).unwrap(), BATCH_ROWS);
        }
        drop(reader);
    }
    assert_eq!(
        rows(&mut *snapshot, "select id from t", &[]).await.unwrap().len(),
        50_000
    );
}

#[tokio::test]
async fn a_changed_number_of_columns_is_noticed() {
    let file = File::numbered(1);
    let mut snapshot = file.snapshot().await;
    let columns = snapshot.describe("select id from t", &BTreeMap::new()).await.unwrap();
    let error = drain(
        snapshot.read(request("select id, at from t", columns)).await.unwrap(),
        1,
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
}
