//! What a comparison of store and source finds, and that it finds nothing where there is nothing.

use std::fmt::Write as _;

use axis_core::config::{Connection, DatasetConfig, TableConfig};
use axis_core::{Dataset, Difference, ErrorKind, Strategy, VerifyOptions, VerifyReport};

use super::support::{DEADLINE, Shop, config, open};
use super::types::{self, TABLE};

const GOODS: &str = "
create table goods (id int, name text, price float8, amount numeric(9,2), tags text[]);
insert into goods select i, 'name ' || i, i / 7.0, i * 1.5, array[i::text] from generate_series(1, 5000) i;
";

fn goods() -> Vec<TableConfig> {
    vec![TableConfig::new("goods", "select * from goods")]
}

async fn verify(dataset: &Dataset) -> VerifyReport {
    let verified = dataset.verify(VerifyOptions::default()).await;
    verified.unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// The columns of a table that differ, and in what.
fn differing(report: &VerifyReport, table: usize) -> Vec<(&str, &Difference)> {
    let columns = report.tables[table].columns.iter();
    columns
        .map(|found| (found.column.as_str(), &found.difference))
        .collect()
}

/// Lets somebody else write to the store while no engine has it.
async fn tamper(shop: Shop, tables: Vec<TableConfig>, sql: &str) -> Shop {
    shop.engine.close().await.unwrap();
    let connection = duckdb::Connection::open(shop.store()).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    shop.reopen(tables, |_| {}).await
}

#[tokio::test]
async fn every_type_is_equal_after_a_sync_and_one_changed_value_of_each_is_found_and_named() {
    let shop = types::open("verify_types").await;
    let synced = shop.sync().await;
    let report = verify(&shop.dataset()).await;
    assert!(report.equal, "{report:?}");
    assert_eq!((report.generation, report.synced), (1, None));
    for (index, (ty, _, values, _)) in TABLE.iter().enumerate() {
        let table = &report.tables[index];
        assert!(table.equal && table.columns.is_empty(), "{ty}: {table:?}");
        assert_eq!(
            (table.rows.source, table.rows.store),
            (values.len() as u64 + 1, synced.tables[index].rows_total)
        );
        assert_eq!(table.checksum.source, table.checksum.store, "{ty}");
        assert_eq!(table.checksum.source.len(), 32);
    }
    // A value becomes NULL; where there are two, one becomes the other.
    let mut sql = String::new();
    for (index, (_, _, values, _)) in TABLE.iter().enumerate() {
        let value = values.get(1).map_or("null".to_owned(), |value| format!("'{value}'"));
        let _ = write!(sql, "update t{index} set v = {value} where n = 0;");
    }
    shop.database.execute(&sql);
    let report = verify(&shop.dataset()).await;
    assert!(!report.equal);
    for (index, (ty, ..)) in TABLE.iter().enumerate() {
        assert_eq!(differing(&report, index), [("v", &Difference::Values)], "{ty}");
        assert!(!report.tables[index].equal);
        assert_ne!(
            report.tables[index].checksum.source,
            report.tables[index].checksum.store
        );
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_value_that_somebody_changed_in_the_store_is_found_and_named() {
    let shop = Shop::open("verify_store", GOODS, goods()).await;
    shop.sync().await;
    let shop = tamper(shop, goods(), "update goods set amount = amount + 0.01 where id = 4711").await;
    let report = verify(&shop.dataset()).await;
    assert_eq!(differing(&report, 0), [("amount", &Difference::Values)]);
    // What a full sync puts right is equal again.
    shop.sync().await;
    assert!(verify(&shop.dataset()).await.equal);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn values_that_swapped_their_rows_are_found_and_named_when_there_is_a_key() {
    let swap = "update goods set name = case id when 1 then 'name 2' else 'name 1' end where id in (1, 2)";
    let shop = Shop::open("verify_swapped", GOODS, goods()).await;
    shop.sync().await;
    shop.database.execute(swap);
    let report = verify(&shop.dataset()).await;
    assert!(!report.equal, "{report:?}");
    assert_ne!(report.tables[0].checksum.source, report.tables[0].checksum.store);
    // Each column by itself has the same values as before.
    assert_eq!(differing(&report, 0), []);
    let keyed = vec![goods().remove(0).with_primary_key(["id"])];
    let shop = shop.reopen(keyed, |_| {}).await;
    let report = verify(&shop.dataset()).await;
    assert_eq!(differing(&report, 0), [("name", &Difference::Values)]);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn missing_additional_and_doubled_rows_are_found() {
    let mut shop = Shop::open("verify_rows", GOODS, goods()).await;
    for (change, rows) in [
        ("delete from goods where id = 17", 4_999),
        (
            "insert into goods select * replace (9999 as id) from goods where id = 17",
            5_001,
        ),
        ("insert into goods select * from goods where id = 17", 5_001),
        // As many rows as there should be, but one is missing and another there twice.
        (
            "delete from goods where id = 17; insert into goods select * from goods where id = 18",
            5_000,
        ),
    ] {
        shop.sync().await;
        shop = tamper(shop, goods(), change).await;
        let report = verify(&shop.dataset()).await;
        assert!(!report.equal && !report.tables[0].equal, "{change}");
        assert_eq!(
            (report.tables[0].rows.source, report.tables[0].rows.store),
            (5_000, rows),
            "{change}"
        );
        assert_eq!(differing(&report, 0).is_empty(), rows != 5_000, "{change}: {report:?}");
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn an_empty_table_is_equal_and_so_are_nan_and_infinities_while_null_is_not_empty() {
    let shop = Shop::open(
        "verify_special",
        "create table nothing (a int, b text); create table special (n int, f float8, t text);
         insert into special values (1, 'NaN', ''), (2, 'Infinity', ''), (3, '-0', null), (4, null, null)",
        vec![
            TableConfig::new("nothing", "select * from nothing"),
            TableConfig::new("special", "select * from special"),
        ],
    )
    .await;
    shop.sync().await;
    let report = verify(&shop.dataset()).await;
    assert!(report.equal, "{report:?}");
    assert_eq!(report.tables[0].checksum.store, "0".repeat(32));
    for (change, column) in [
        ("update special set t = null where n = 1", "t"),
        ("update special set t = '' where n = 3", "t"),
        ("update special set f = 'Infinity' where n = 1", "f"),
        ("update special set f = 0 where n = 3", "f"),
    ] {
        shop.sync().await;
        shop.database.execute(change);
        let report = verify(&shop.dataset()).await;
        assert_eq!(differing(&report, 1), [(column, &Difference::Values)], "{change}");
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn columns_that_came_went_or_changed_their_type_are_named() {
    let shop = Shop::open("verify_schema", GOODS, goods()).await;
    shop.sync().await;
    shop.database.execute(
        "alter table goods drop column tags; alter table goods add column colour text; alter table goods alter price type text",
    );
    let report = verify(&shop.dataset()).await;
    assert!(!report.equal);
    let ty = Difference::Type {
        source: "VARCHAR".to_owned(),
        store: "DOUBLE".to_owned(),
    };
    assert_eq!(
        differing(&report, 0),
        [
            ("price", &ty),
            ("colour", &Difference::OnlyInSource),
            ("tags", &Difference::OnlyInStore)
        ]
    );
    // The other columns are equal, and the checksums are over them.
    assert_eq!(report.tables[0].checksum.source, report.tables[0].checksum.store);
    let shop = tamper(shop, goods(), "drop table goods").await;
    let report = verify(&shop.dataset()).await;
    assert_eq!((report.tables[0].rows.source, report.tables[0].rows.store), (5_000, 0));
    assert!(!report.equal);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn several_tables_are_compared_in_one_snapshot_whatever_their_sizes() {
    let mut statements = GOODS.to_owned();
    let mut tables = goods();
    for index in 0..6 {
        let _ = write!(
            statements,
            "create table g{index} as select i, md5(i::text) as t from generate_series(1, {index} * 3000) i;"
        );
        tables.push(TableConfig::new(format!("g{index}"), format!("select * from g{index}")));
    }
    let shop = Shop::open_with("verify_several", &statements, tables, |config| {
        config.store.sync_workers = 3;
    })
    .await;
    shop.sync().await;
    assert!(verify(&shop.dataset()).await.equal);
    shop.database
        .execute("delete from g5 where i = 14999; insert into g2 values (7, 'x')");
    let report = verify(&shop.dataset()).await;
    let equal: Vec<bool> = report.tables.iter().map(|table| table.equal).collect();
    assert_eq!(equal, [true, true, true, false, true, true, false]);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn rows_since_the_last_sync_are_a_difference_unless_the_verification_syncs_first() {
    let mut events = goods();
    events[0] = events[0].clone().with_incremental_column("id");
    let shop = Shop::open("verify_sync", GOODS, events).await;
    let error = shop.dataset().verify(VerifyOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSynced);
    shop.settle().await;
    let next = shop.dataset().status().generation + 1;
    shop.database
        .execute("insert into goods values (5001, 'new', 1, 1, '{}')");
    let report = verify(&shop.dataset()).await;
    assert_eq!(
        (report.tables[0].rows.source, report.tables[0].rows.store),
        (5_001, 5_000)
    );
    let report = shop
        .dataset()
        .verify(VerifyOptions::default().sync(true))
        .await
        .unwrap();
    assert!(report.equal, "{report:?}");
    let synced = report.synced.unwrap();
    assert_eq!((synced.strategy, synced.generation), (Strategy::Incremental, next));
    assert_eq!((report.generation, report.snapshot_at), (next, synced.snapshot_at));
    assert_eq!(shop.dataset().status().last_success.unwrap(), synced);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_source_that_is_being_written_to_is_equal_in_the_snapshot_of_the_sync() {
    let shop = Shop::open(
        "verify_busy_source",
        "create table log (id bigserial primary key, at timestamptz default clock_timestamp(), t text);
         insert into log (t) select md5(i::text) from generate_series(1, 3000) i",
        vec![
            TableConfig::new("log", "select * from log").with_incremental_column("at"),
            TableConfig::new("again", "select id, t from log"),
        ],
    )
    .await;
    shop.sync().await;
    let writer = shop.session().await;
    let writing = async {
        // Until the comparisons are done; every statement commits.
        loop {
            writer
                .batch_execute("insert into log (t) select md5(i::text) from generate_series(1, 50) i; update log set t = 'u', at = clock_timestamp() where id = (select max(id) from log)")
                .await
                .unwrap();
        }
    };
    let comparing = async {
        let mut rows = Vec::new();
        for _ in 0..5 {
            let report = shop
                .dataset()
                .verify(VerifyOptions::default().sync(true))
                .await
                .unwrap();
            assert!(report.tables[1].equal, "{report:?}");
            // Both tables saw the same moment.
            assert_eq!(report.tables[0].rows.source, report.tables[1].rows.source);
            rows.push(report.tables[1].rows.source);
        }
        assert!(rows.is_sorted() && rows[0] < rows[4], "{rows:?}");
    };
    tokio::time::timeout(DEADLINE, async {
        tokio::select! {
            () = writing => unreachable!("it never ends"),
            () = comparing => {}
        }
    })
    .await
    .unwrap();
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_table_that_the_row_cap_has_cut_is_told_as_such() {
    let ordered = vec![TableConfig::new("goods", "select * from goods order by id")];
    let shop = Shop::open_with("verify_cut", GOODS, ordered, |config| {
        config.store.max_sync_rows = Some(100);
    })
    .await;
    shop.sync().await;
    let report = verify(&shop.dataset()).await;
    let table = &report.tables[0];
    assert!(table.truncated && !table.equal && !report.equal);
    assert_eq!((table.rows.source, table.rows.store), (5_000, 100));
    // When the source has shrunk to what is stored, it is equal nevertheless.
    shop.database.execute("delete from goods where id > 100");
    let report = verify(&shop.dataset()).await;
    assert!(report.tables[0].truncated && report.equal, "{report:?}");
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_is_compared_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.sqlite");
    let source = rusqlite::Connection::open(&path).unwrap();
    source
        .execute_batch(
            "create table t (id integer primary key, name text, x real);
             insert into t values (1, 'a', 1.5), (2, null, 0), (3, '', null)",
        )
        .unwrap();
    let mut settings = config(
        &directory.path().join("s.duckdb"),
        "postgres://localhost/none",
        Vec::new(),
    );
    settings.datasets.retain(|dataset| dataset.name != "shop");
    let table = TableConfig::new("t", "select * from t");
    let settings = settings.with_dataset(DatasetConfig::custom("file", Connection::Sqlite { path }, vec![table]));
    let engine = open(settings).await;
    let dataset = engine.dataset("file").unwrap();
    dataset.sync(axis_core::SyncOptions::default()).await.unwrap();
    assert!(verify(&dataset).await.equal);
    source.execute_batch("update t set name = '' where id = 2").unwrap();
    assert_eq!(differing(&verify(&dataset).await, 0), [("name", &Difference::Values)]);
    let synced = dataset.verify(VerifyOptions::default().sync(true)).await.unwrap();
    assert!(synced.equal, "{synced:?}");
    engine.close().await.unwrap();
}
