//! Many writers at once, and refreshes in the middle of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axis_core::Strategy;
use axis_core::config::TableConfig;

use super::support::{DEADLINE, Shop, session};

const WRITERS: usize = 6;
const TRANSACTIONS: usize = 25;
const ROUNDS: usize = 3;

/// One table for each kind of cursor: the begin of the transaction, the moment of the statement, local time, a sequence, and
/// the begin again under a key, with updates and deletes of new rows.
const TABLES: &str = "
create table begun (n bigint, c timestamptz default now());
create table told (n bigint, c timestamptz default clock_timestamp());
create table local (n bigint, c timestamp default now());
create table numbered (c bigserial, n bigint);
create table keyed (k bigserial primary key, n bigint, c timestamptz default now());
insert into begun select i, timestamptz '2026-01-01' from generate_series(1, 500) i;
insert into told select i, timestamptz '2026-01-01' from generate_series(1, 500) i;
insert into local select i, timestamp '2026-01-01' from generate_series(1, 500) i;
insert into numbered (n) select i from generate_series(1, 500) i;
insert into keyed (n, c) select i, timestamptz '2026-01-01' from generate_series(1, 500) i;
";

fn tables() -> Vec<TableConfig> {
    let table = |name: &str| TableConfig::new(name, format!("select * from {name}")).with_incremental_column("c");
    vec![
        table("begun"),
        table("told"),
        table("local"),
        table("numbered"),
        table("keyed").with_primary_key(["k"]),
    ]
}

/// Writes transactions that stay open for a random while and end in a random way.
async fn write(url: String, writer: usize, round: usize) {
    let client = session(&url).await;
    let mut random = fastrand::Rng::with_seed((round * WRITERS + writer) as u64);
    for number in 0..TRANSACTIONS {
        let n = (round * WRITERS + writer) * TRANSACTIONS + number;
        let inserts = format!(
            "insert into begun values ({n}); insert into told values ({n}); insert into local values ({n});
             insert into numbered (n) values ({n}); insert into keyed (n) values ({n});
             update keyed set n = -n, c = now() where k = {}",
            random.usize(1..=500)
        );
        let mut statements = vec!["begin".to_owned()];
        if random.bool() {
            statements.push("select now(), nextval('numbered_c_seq')".to_owned());
        }
        statements.push(inserts.clone());
        if random.u8(0..4) == 0 {
            statements.push(format!("savepoint a; {inserts}; rollback to a"));
        }
        // One writer commits in two phases.
        if writer == 0 && number % 3 == 0 {
            let gid = format!("writers {round} {number}");
            statements.push(format!("prepare transaction '{gid}'"));
            statements.push(format!("commit prepared '{gid}'"));
        } else {
            statements.push(if random.u8(0..5) == 0 { "rollback" } else { "commit" }.to_owned());
        }
        for statement in statements {
            client.batch_execute(&statement).await.unwrap();
            // Nobody waits for this: it keeps transactions open, for a while that differs.
            tokio::time::sleep(Duration::from_millis(random.u64(0..12))).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refreshes_among_many_writers_end_equal_to_the_source() {
    let shop = Shop::open("writers", TABLES, tables()).await;
    shop.sync().await;
    let mut incremental = 0;
    for round in 0..ROUNDS {
        let left = Arc::new(AtomicUsize::new(WRITERS));
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let (url, left) = (shop.database.url.clone(), Arc::clone(&left));
            writers.push(tokio::spawn(async move {
                write(url, writer, round).await;
                left.fetch_sub(1, Ordering::SeqCst);
            }));
        }
        while left.load(Ordering::SeqCst) > 0 && !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            let report = shop.sync().await;
            for table in &report.tables {
                let rebuilt = table.strategy != Strategy::Incremental;
                assert!(!rebuilt || table.table == "numbered", "{table:?}");
                incremental += usize::from(!rebuilt);
            }
        }
        for writer in writers {
            tokio::time::timeout(DEADLINE, writer)
                .await
                .expect("a writer ends")
                .unwrap();
        }
        shop.sync().await;
        for table in ["begun", "told", "local", "numbered", "keyed"] {
            let key = if table == "keyed" { ", k::varchar" } else { "" };
            shop.assert_same(&format!("select n::varchar, c::varchar{key} from {table}"))
                .await;
        }
    }
    assert!(
        incremental > 5 * ROUNDS,
        "{incremental} tables were refreshed among the writers"
    );
    shop.engine.close().await.unwrap();
}
