//! A source and a store that a history happens to.

use std::path::PathBuf;
use std::time::Duration;

use axis_core::{
    CancellationToken, Dataset, Engine, Error, ErrorKind, FAIL_POINTS, Query, Strategy, SyncEvent, SyncReport,
    rows_to_json,
};
use axis_testkit::model::{Cursor, During, History, Mode, Op, Row, Run};
use axis_testkit::postgres::TestDatabase;
use serde_json::Value;
use tempfile::TempDir;

use super::{Outcome, Source, TABLES, child, config, options};
use crate::support::until;

/// What was asked for, and the circumstances.
#[derive(Clone, Copy)]
struct Sync {
    mode: Mode,
    before: i64,
    after: i64,
    oldest_writer: Option<i64>,
}

pub(super) struct World {
    source: Source,
    url: String,
    directory: TempDir,
    engine: Option<Engine>,
    /// Generation and run of the last commit.
    last: (u64, String),
}

impl World {
    pub(super) async fn new(history: &History, database: &TestDatabase) -> Outcome<Self> {
        let mut world = Self {
            source: Source::new(history, database).await?,
            url: database.url.clone(),
            directory: tempfile::tempdir().unwrap(),
            engine: None,
            last: (0, String::new()),
        };
        world.open(history).await?;
        Ok(world)
    }

    pub(super) async fn live(&mut self, history: &History) -> Outcome<()> {
        for op in &history.ops {
            self.happen(history, *op).await?;
        }
        self.source.check().await
    }

    /// Closes the store and returns what was done.
    pub(super) async fn end(mut self) -> Vec<String> {
        // The error of the history counts, not that of its end.
        let _ = self.source.end(false).await;
        let _ = self.close().await;
        self.source.log
    }

    async fn happen(&mut self, history: &History, op: Op) -> Outcome<()> {
        match op {
            Op::Table(table, change) => self.source.happen(table, change).await,
            Op::Begin => self.source.begin().await,
            Op::Commit => self.source.end(true).await,
            Op::Rollback => self.source.end(false).await,
            Op::Sync { mode, during } => self.sync(mode, during).await,
            Op::Kill { mode, point, hit } => self.kill(history, mode, point, hit).await,
            Op::Reopen => self.reopen(history).await,
            Op::Reset => self.reset().await,
        }
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("s.duckdb")
    }

    async fn open(&mut self, history: &History) -> Outcome<()> {
        let config = config(history, &self.url, &self.store());
        self.engine = Some(Engine::builder(config).open().await.map_err(told)?);
        Ok(())
    }

    async fn close(&mut self) -> Outcome<()> {
        match self.engine.take() {
            Some(engine) => engine.close().await.map_err(told),
            None => Ok(()),
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is open between events")
    }

    fn dataset(&self) -> Dataset {
        self.engine().dataset("shop").expect("it is configured")
    }

    async fn reopen(&mut self, history: &History) -> Outcome<()> {
        self.source.log.push("reopen".to_owned());
        self.close().await?;
        self.open(history).await?;
        self.uncommitted().await
    }

    async fn reset(&mut self) -> Outcome<()> {
        self.source.log.push("reset watermarks".to_owned());
        match self.dataset().reset_watermarks().await {
            Err(error) if error.kind() != ErrorKind::InvalidArgument => Err(told(error)),
            _ => self.uncommitted().await,
        }
    }

    async fn sync(&mut self, mode: Mode, during: During) -> Outcome<()> {
        let cancel = CancellationToken::new();
        self.source.log.push(format!("sync, {mode:?}, meanwhile: {during:?}"));
        let (before, oldest_writer) = (self.source.now().await?, self.source.oldest_writer());
        let mut events = self.engine().events();
        let handle = self
            .dataset()
            .start_sync(options(mode).cancel(cancel.clone()))
            .map_err(told)?;
        let mut ended = None;
        if during != During::Nothing {
            let failed_or_planned = |event: &SyncEvent| {
                let over = matches!(event, SyncEvent::Planned { .. } | SyncEvent::Failed { .. });
                over.then_some(())
            };
            until(&mut events, failed_or_planned).await;
            match during {
                // The snapshot was taken before: what commits now belongs to the next sync.
                During::Commit => ended = self.source.end_unseen(true).await?,
                _ => cancel.cancel(),
            }
        }
        let outcome = handle.wait().await;
        let run = Sync {
            mode,
            before,
            after: self.source.now().await?,
            oldest_writer,
        };
        match outcome {
            Ok(report) => self.committed(&report, run).await?,
            Err(error) if during == During::Cancel && error.kind() == ErrorKind::Cancelled => {
                self.uncommitted().await?;
            }
            Err(error) => return Err(told(error)),
        }
        if let Some(ended) = ended {
            self.source.show(ended);
        }
        Ok(())
    }

    async fn kill(&mut self, history: &History, mode: Mode, point: u32, hit: u32) -> Outcome<()> {
        self.close().await?;
        let (before, oldest_writer) = (self.source.now().await?, self.source.oldest_writer());
        let index = point as usize % (FAIL_POINTS.len() + FAIL_POINTS.len() / 2);
        let (words, fate) = if let Some(name) = FAIL_POINTS.get(index) {
            let at = format!("{name} {hit}");
            let victim = child::start(history, &self.url, &self.store(), mode, Some(&at));
            (at, victim.wait())
        } else {
            let after = Duration::from_micros(u64::from(point) % 80_000);
            let victim = child::start(history, &self.url, &self.store(), mode, None);
            (format!("{after:?}"), victim.kill_after(after))
        };
        let after = self.source.now().await?;
        self.source.log.push(format!(
            "sync of another process, {mode:?}, to be killed at {words}: {fate:?}"
        ));
        self.open(history).await?;
        let status = self.dataset().status();
        match status.last_success {
            Some(report) if report.run_id != self.last.1 => {
                let run = Sync {
                    mode,
                    before,
                    after,
                    oldest_writer,
                };
                self.committed(&report, run).await
            }
            _ => self.uncommitted().await,
        }
    }

    /// Checks what a sync has made of the store.
    async fn committed(&mut self, report: &SyncReport, sync: Sync) -> Outcome<()> {
        let mut same = true;
        for (table, report) in report.tables.iter().enumerate() {
            let full = matches!(report.strategy, Strategy::Full { .. });
            self.source.log.push(format!(
                "-- {}: {}, {} deleted, {} inserted",
                report.table,
                report.strategy.as_str(),
                report.rows_deleted,
                report.rows_inserted
            ));
            let found = self.stored(table).await?;
            if found.len() as u64 != report.rows_total {
                return Err(format!(
                    "{} rows are reported, {} are stored",
                    report.rows_total,
                    found.len()
                ));
            }
            let reconciled = report.reconciled.is_some() && !full;
            let keyed = self.source.tables[table].shape().keyed;
            let compared = if keyed { full || reconciled } else { full };
            if sync.mode == Mode::Reconcile && !compared {
                return Err("deleted rows were not looked for".to_owned());
            }
            let run = Run {
                before: sync.before,
                after: sync.after,
                oldest_writer: sync.oldest_writer,
                full,
                reconciled,
            };
            let model = &mut self.source.tables[table];
            let was = model.stored().to_vec();
            model
                .synced(run, found)
                .map_err(|error| format!("{}: {error}", report.table))?;
            same &= !full && report.schema_change.is_none() && was == model.stored();
        }
        if report.changed == same {
            return Err(format!("the report says changed: {}", report.changed));
        }
        self.last = (self.last.0 + u64::from(report.changed), report.run_id.clone());
        self.whole().await
    }

    /// Checks that the store is what it was.
    async fn uncommitted(&self) -> Outcome<()> {
        if self.last.0 == 0 {
            return Ok(());
        }
        for (table, model) in self.source.tables.iter().enumerate() {
            model
                .unchanged(self.stored(table).await?)
                .map_err(|error| format!("{}: {error}", TABLES[table]))?;
        }
        self.whole().await
    }

    /// Checks that generation and view belong to the tables, and that nothing else is there.
    async fn whole(&self) -> Outcome<()> {
        let generation = self.dataset().status().generation;
        if generation != self.last.0 {
            return Err(format!("generation {generation} after {}", self.last.0));
        }
        let sql = "select a, b, (select count(*) from duckdb_tables() where starts_with(table_name, '_axis_staging_')) as left from counts";
        let found = self.ask(sql).await?;
        let stored = |table: usize| self.source.tables[table].stored().len();
        let expected = serde_json::json!({"a": stored(0), "b": stored(1), "left": 0});
        if found == [expected.clone()] {
            Ok(())
        } else {
            Err(format!("the view shows {found:?} and not {expected}"))
        }
    }

    /// Reads a table of the store.
    async fn stored(&self, table: usize) -> Outcome<Vec<Row>> {
        let cursor = match self.source.tables[table].shape().cursor {
            Cursor::None | Cursor::Sequence => "cur",
            Cursor::Time | Cursor::LocalTime => "epoch_us(cur)",
        };
        let sql = format!(
            "select id, {cursor} as cur, columns(* exclude (id, cur))::varchar from {}",
            TABLES[table]
        );
        let row = |row: &Value| {
            let values = row.as_object().expect("a row is an object");
            Row {
                id: values["id"].as_i64().expect("a key is a number"),
                cursor: values["cur"].as_i64(),
                cells: values
                    .iter()
                    .filter(|(name, _)| *name != "id" && *name != "cur")
                    .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                    .collect(),
            }
        };
        Ok(self.ask(&sql).await?.iter().map(row).collect())
    }

    async fn ask(&self, sql: &str) -> Outcome<Vec<Value>> {
        let batches = self.engine().query(Query::sql(sql)).await.map_err(told)?;
        Ok(rows_to_json(&batches.collect().await.map_err(told)?))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn told(error: Error) -> String {
    error.chain().to_string()
}
