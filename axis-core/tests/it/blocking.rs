//! The same words without `async`.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use arrow::record_batch::RecordBatchReader as _;
use axis_core::blocking::{Engine, SyncHandle};
use axis_core::config::TableConfig;
use axis_core::{
    ErrorKind, Event, PageRequest, Query, Strategy, SyncEvent, SyncOptions, SyncState, VerifyOptions, rows_to_json,
};
use axis_testkit::postgres::TestDatabase;
use serde_json::json;
use tempfile::TempDir;

use super::cancel;
use super::support::{DEADLINE, config};

struct Shop {
    engine: Engine,
    database: TestDatabase,
    directory: TempDir,
}

impl Shop {
    fn open(prefix: &str, statements: &str, tables: Vec<TableConfig>) -> Self {
        let (database, directory) = (TestDatabase::create(prefix), tempfile::tempdir().unwrap());
        database.execute(statements);
        let config = config(&directory.path().join("s.duckdb"), &database.url, tables);
        Self {
            engine: Engine::builder(config).open().unwrap(),
            database,
            directory,
        }
    }

    fn orders(prefix: &str) -> Self {
        let table = TableConfig::new("orders", "select * from orders").with_incremental_column("placed");
        let statements = "create table orders (id bigint primary key, placed timestamptz not null);
             insert into orders select i, now() - make_interval(secs => 1000 - i) from generate_series(1, 1000) i";
        Self::open(prefix, statements, vec![table])
    }

    /// A sync that stays in the middle of reading until the guard is dropped.
    fn gated(prefix: &str) -> (Self, Gate) {
        let shop = Self::open(prefix, cancel::GATED, cancel::tables());
        let gate = Gate::close(&shop.database.url);
        (shop, gate)
    }

    fn start(&self) -> SyncHandle {
        let dataset = self.engine.dataset("shop").unwrap();
        dataset.start_sync(SyncOptions::default()).unwrap()
    }
}

/// A session that keeps the gate of [`cancel::GATED`] closed until it is dropped.
struct Gate {
    open: Option<mpsc::Sender<()>>,
    keeper: Option<thread::JoinHandle<()>>,
}

impl Gate {
    fn close(url: &str) -> Self {
        let (open, opened) = mpsc::channel::<()>();
        let (closed, is_closed) = mpsc::channel();
        let url = url.to_owned();
        let keeper = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            let client = runtime.block_on(super::support::session(&url));
            runtime
                .block_on(client.batch_execute("select pg_advisory_lock(7)"))
                .unwrap();
            closed.send(()).unwrap();
            let _ = opened.recv();
        });
        is_closed.recv().unwrap();
        Self {
            open: Some(open),
            keeper: Some(keeper),
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.open.take());
        self.keeper.take().unwrap().join().unwrap();
    }
}

#[test]
fn every_word_waits() {
    let shop = Shop::orders("blocking_words");
    let engine = &shop.engine;
    let dataset = engine.dataset("shop").unwrap();
    assert_eq!(dataset.status().state, SyncState::NotSynced);
    assert!(dataset.metadata().unwrap().is_none());
    assert_eq!(engine.dataset("shoop").unwrap_err().kind(), ErrorKind::NotFound);

    let report = dataset.sync(SyncOptions::default()).unwrap();
    assert_eq!(report.rows_read, 1_000);
    let all: Vec<_> = engine.syncable().collect();
    let outcomes = engine.sync(&all, &SyncOptions::default()).unwrap();
    assert_eq!(outcomes[0].0, "shop");
    assert_eq!(outcomes[0].1.as_ref().unwrap().strategy, Strategy::Incremental);
    assert_eq!(dataset.watermarks().len(), 1);
    assert_eq!(dataset.reset_watermarks().unwrap(), 1);
    assert!(dataset.sync(SyncOptions::full()).unwrap().changed);

    assert!(dataset.verify(VerifyOptions::default()).unwrap().equal);
    let verified = engine.verify(&all, &VerifyOptions::default().sync(true)).unwrap();
    assert!(verified[0].1.as_ref().unwrap().synced.is_some());
    assert_eq!(dataset.page(PageRequest::default()).unwrap().total, 1_000);
    assert_eq!(dataset.metadata().unwrap().unwrap().row_count, 1_000);
    assert_eq!(engine.runs(100).unwrap()[0].outcome, "unchanged");
    assert!(engine.usage().unwrap().store_bytes > 0);
    engine.probe().unwrap();

    let mut stream = engine.query(Query::sql("select count(*) as n from orders")).unwrap();
    let batch = stream.next().unwrap().unwrap();
    assert_eq!(rows_to_json(&[batch]), [json!({"n": 1_000})]);
    assert!(stream.next().is_none());
    let reader = engine
        .query(Query::sql("select range as i from range(10000)"))
        .unwrap()
        .into_reader();
    assert_eq!(reader.schema().field(0).name(), "i");
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 10_000);

    engine.close().unwrap();
    engine.close().unwrap();
    assert!(engine.is_closed());
    assert_eq!(
        engine.query(Query::sql("select 1")).unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(
        dataset.sync(SyncOptions::default()).unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[test]
fn a_sync_is_watched_on_the_thread_that_waits() {
    let shop = Shop::orders("blocking_watch");
    let caller = thread::current().id();
    let mut seen = Vec::new();
    let handle = shop.start();
    let run = handle.run_id().to_owned();
    let report = handle
        .watch(|event| {
            assert_eq!(thread::current().id(), caller);
            assert_eq!(event.run_id(), Some(run.as_str()));
            seen.push(
                serde_json::to_value(event).unwrap()["event"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        })
        .unwrap();
    assert_eq!((report.run_id, report.rows_read), (run, 1_000));
    seen.dedup();
    assert_eq!(seen, ["started", "planned", "progress", "committed"]);
}

#[test]
fn a_sync_is_waited_for_in_parts_and_cancelled_from_another_thread() {
    let (shop, gate) = Shop::gated("blocking_cancel");
    let mut handle = shop.start();
    assert!(handle.wait_timeout(Duration::from_millis(10)).unwrap().is_none());
    let dataset = shop.engine.dataset("shop").unwrap();
    assert_eq!(
        dataset.sync(SyncOptions::default()).unwrap_err().kind(),
        ErrorKind::Busy
    );
    let canceller = handle.canceller();
    thread::spawn(move || canceller.cancel()).join().unwrap();
    for _ in 0..2 {
        let outcome = handle.wait_timeout(DEADLINE).unwrap().unwrap();
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    }
    assert_eq!(handle.watch(|_| {}).unwrap_err().kind(), ErrorKind::Cancelled);

    let events = shop.engine.events();
    drop(shop.start());
    let code = |event: Arc<Event>| match &event.what {
        SyncEvent::Failed { failure, .. } => Some(failure.code.clone()),
        _ => None,
    };
    assert_eq!(events.into_iter().find_map(code).unwrap(), "AXIS_CANCELLED");
    let events = shop.engine.events();
    shop.start().detach();
    drop(gate);
    assert!(
        events
            .into_iter()
            .any(|event| matches!(event.what, SyncEvent::Committed { .. }))
    );
}

#[test]
fn events_end_when_the_engine_closes_and_tell_what_was_before() {
    let (shop, _gate) = Shop::gated("blocking_events");
    let events = shop.engine.events();
    let listener = thread::spawn(move || events.collect::<Vec<_>>());
    let handle = shop.start();
    shop.engine.close().unwrap();
    assert_eq!(handle.wait().unwrap_err().kind(), ErrorKind::Cancelled);
    let events = listener.join().unwrap();
    let last = events.last().map(|event| event.what.name());
    assert_eq!(last, Some("failed"), "{events:?}");

    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path().join("s.duckdb")).unwrap();
    let events = engine.events();
    let listener = thread::spawn(move || events.count());
    drop(engine);
    assert_eq!(listener.join().unwrap(), 0);
}

#[test]
fn a_stream_outlives_its_engine_and_dropping_it_ends_the_query() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.duckdb");
    let engine = Engine::open(&path).unwrap();
    let endless = "select range as i from range(1000000000000)";
    let mut stream = engine.query(Query::sql(endless)).unwrap();
    drop(engine);
    assert!(stream.next().unwrap().unwrap().num_rows() > 0);
    assert_eq!(Engine::open(&path).unwrap_err().kind(), ErrorKind::Locked);
    drop(stream);
    // Dropping the last handle has let go of the store.
    let engine = Engine::open(&path).unwrap();

    let query = Query::sql(endless);
    let id = query.id;
    let mut stream = engine.query(query).unwrap();
    assert_eq!(engine.queries().len(), 1);
    let other = engine.clone();
    assert!(thread::spawn(move || other.cancel_query(id)).join().unwrap().unwrap());
    let error = stream.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(stream.next().is_none());
}

#[test]
fn on_a_thread_of_an_async_runtime_what_waits_is_refused() {
    let shop = Shop::orders("blocking_async");
    let (engine, path) = (shop.engine.clone(), shop.directory.path().join("other.duckdb"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = |error: axis_core::Error| {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("on a thread of an async runtime"), "{error}");
    };
    let mut stream = engine.query(Query::sql("select 1")).unwrap();
    let stream = runtime.block_on(async move {
        let dataset = engine.dataset("shop").unwrap();
        refused(Engine::open(path).unwrap_err());
        refused(dataset.sync(SyncOptions::default()).unwrap_err());
        refused(engine.query(Query::sql("select 1")).unwrap_err());
        refused(engine.close().unwrap_err());
        refused(stream.next().unwrap().unwrap_err());
        assert!(engine.events().next().is_none());
        assert_eq!(dataset.status().state, SyncState::NotSynced);
        drop(engine);
        stream
    });
    assert_eq!(stream.count(), 1);
    // The last handle may be dropped there.
    let engine = Engine::open(shop.directory.path().join("third.duckdb")).unwrap();
    runtime.block_on(async move { drop(engine) });
}

#[test]
fn an_engine_of_a_runtime_that_is_there_is_used_by_both() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = directory.path().join("s.duckdb");
    let inner = runtime.block_on(axis_core::Engine::open(path)).unwrap();
    let engine = Engine::new(inner.clone(), runtime.handle().clone()).unwrap();
    assert_eq!(engine.query(Query::sql("select 1")).unwrap().count(), 1);
    runtime.block_on(inner.close()).unwrap();
    assert_eq!(engine.runs(1).unwrap_err().kind(), ErrorKind::Closed);
    drop(runtime);
    assert_eq!(engine.runs(1).unwrap_err().kind(), ErrorKind::Closed);

    let small = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = Engine::new(inner, small.handle().clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_panic_of_the_work_goes_on_in_the_caller() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path().join("s.duckdb")).unwrap();
    let work = || engine.run::<()>(async { std::panic::resume_unwind(Box::new("as it was")) });
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"as it was"));
    engine.probe().unwrap();
}
