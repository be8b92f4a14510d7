//! The shortest way through everything.

use axis_core::config::TableConfig;
use axis_core::{Strategy, SyncEvent};

use super::support::{Shop, until};

#[tokio::test]
async fn a_table_arrives_whole_and_the_second_sync_is_incremental() {
    let table = TableConfig::new("orders", "select * from orders").with_incremental_column("placed");
    let shop = Shop::open(
        "smoke",
        "create table orders (id bigint primary key, placed timestamptz not null, note text, price numeric(10,2), tags text[]);
         insert into orders select i, now() - make_interval(secs => 1000 - i), 'note ' || i, i / 3.0, array['a', null, i::text]
         from generate_series(1, 10000) i",
        vec![table],
    )
    .await;
    let mut events = shop.engine.events();
    let report = shop.sync().await;
    assert_eq!(report.rows_read, 10_000, "{report:?}");
    let told = until(&mut events, |event| match event {
        SyncEvent::Committed { report } => Some((**report).clone()),
        _ => None,
    })
    .await;
    assert_eq!(told, report);
    let all = "select id::varchar, placed::varchar, note, price::varchar from orders";
    shop.assert_same(all).await;
    shop.database
        .execute("insert into orders values (20000, now(), 'new', 1, null)");
    let report = shop.sync().await;
    assert_eq!(report.strategy, Strategy::Incremental, "{report:?}");
    shop.assert_same(all).await;
    shop.engine.close().await.unwrap();
}
