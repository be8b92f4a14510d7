use axis_core::config::TableConfig;
use axis_core::{Strategy, SyncOptions};
use axis_testkit::postgres;

use super::support::{ask, config, number, open};

#[tokio::test]
async fn a_table_arrives_whole_and_the_second_sync_is_incremental() {
    let database = postgres::TestDatabase::create("smoke");
    database.execute(
        "create table orders (id bigint primary key, at timestamptz not null, note text, price numeric(10,2), tags text[]);
         insert into orders select i, now() - make_interval(secs => 1000 - i), 'note ' || i, i / 3.0, array['a', null, i::text]
         from generate_series(1, 10000) i",
    );
    let directory = tempfile::tempdir().unwrap();
    let table = TableConfig::new("orders", "select * from orders").with_incremental_column("at");
    let engine = open(config(&directory.path().join("s.duckdb"), &database.url, vec![table])).await;
    let shop = engine.dataset("shop").unwrap();
    let report = shop.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(report.rows_read, 10_000, "{report:?}");
    assert_eq!(number(&engine, "select count(*) from orders").await, 10_000);
    database.execute("insert into orders values (20000, now(), 'new', 1, null)");
    let report = shop.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(report.strategy, Strategy::Incremental, "{report:?}");
    assert_eq!(number(&engine, "select count(*) from orders").await, 10_001);
    println!("{:?}", ask(&engine, "select * from orders order by id desc limit 2").await);
    engine.close().await.unwrap();
}
