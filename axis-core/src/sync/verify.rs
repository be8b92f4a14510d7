//! Compares what the source returns with what is stored: rows and sums of hashes, every table in one snapshot.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::event::SyncEvent;
use super::read::{confirm, first_cause, forks};
use super::run::{RunContext, progress_event, tell_progress, while_open};
use super::verdict::{self, Sides, VerifyReport};
use super::{columns, plan};
use crate::column::Column;
use crate::config::TableConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{ReadRequest, Reader, Snapshot, SourceColumn, sql_text};
use crate::store::{Feed, Hashed, Limits, Session, Sums, VectorBatch, stored_columns, sum_feed, sum_table};

/// One table, as both sides describe it.
struct Subject {
    table: String,
    query: String,
    source: Vec<SourceColumn>,
    /// The source's columns under their final names.
    delivered: Vec<Column>,
    stored: Vec<(String, String)>,
    hashed: Hashed,
}

/// Compares every table of the dataset, in the given snapshot or in a new one.
///
/// # Errors
/// `NotSynced` when a table was never synced, and what reading either side can end with.
pub(crate) async fn verify(context: &RunContext, snapshot: Option<Box<dyn Snapshot>>) -> Result<VerifyReport> {
    let started_at = context.clock.now();
    for table in &context.dataset.tables {
        if !context.record.tables.contains_key(&table.name) {
            return Err(Error::new(
                ErrorKind::NotSynced,
                "there is nothing to compare, the dataset was never synced",
            )
            .during("verify.start")
            .with("table", &table.name));
        }
    }
    for progress in &context.progress {
        // A sync of the same run has counted its own rows.
        progress.rows.store(0, Relaxed);
        progress.bytes.store(0, Relaxed);
    }
    let mut snapshot = match snapshot {
        Some(snapshot) => snapshot,
        None => context.source.snapshot(&context.cancel).await?,
    };
    let snapshot_at = snapshot.horizon().taken_at;
    let mut subjects = Vec::with_capacity(context.dataset.tables.len());
    for table in &context.dataset.tables {
        let subject = describe(context, snapshot.as_mut(), table).await;
        subjects.push(subject.map_err(|error| error.with("table", &table.name))?);
    }
    context.events.tell(SyncEvent::Verifying {
        dataset: context.dataset.name.clone(),
        run_id: context.run_id.clone(),
        tables: subjects.iter().map(|subject| subject.table.clone()).collect(),
    });
    let subjects: Arc<[Subject]> = subjects.into();
    let telling = tell_progress(context);
    let reading = Box::pin(sum_source(context, snapshot.as_mut(), &subjects));
    let source = while_open(context, reading).await?;
    drop(telling);
    snapshot.close().await;
    let store = sum_store(context, &subjects).await?;
    let tables = subjects
        .iter()
        .zip(source.into_iter().zip(store))
        .map(|(subject, (source, store))| {
            let truncated = context
                .record
                .tables
                .get(&subject.table)
                .is_some_and(|table| table.truncated);
            let Subject {
                table,
                delivered,
                stored,
                hashed,
                ..
            } = subject;
            verdict::table(table, truncated, delivered, stored, hashed, &Sides { source, store })
        })
        .collect::<Vec<_>>();
    let finished_at = context.clock.now();
    Ok(VerifyReport {
        run_id: context.run_id.clone(),
        dataset: context.dataset.name.clone(),
        equal: tables.iter().all(|table| table.equal),
        synced: None,
        generation: context.record.generation,
        started_at,
        finished_at,
        snapshot_at,
        elapsed_ms: u64::try_from((finished_at - started_at).num_milliseconds()).unwrap_or(0),
        tables,
    })
}

/// Asks both sides for a table's columns; those of one name and one type are compared.
async fn describe(context: &RunContext, snapshot: &mut dyn Snapshot, table: &TableConfig) -> Result<Subject> {
    let query = sql_text::clean_query(&table.query)?;
    // The server may wait for a lock here, for as long as somebody holds it.
    let source = tokio::select! {
        source = snapshot.describe(&query, &table.types) => source?,
        () = context.cancel.cancelled() => return Err(cancelled()),
    };
    let names: Vec<String> = source.iter().map(|column| column.column.name.clone()).collect();
    let finals = columns::names(context.dataset.kind, &context.dataset.columns, &names)?.finals;
    let delivered: Vec<Column> = source
        .iter()
        .zip(&finals)
        .map(|(column, name)| Column {
            name: name.clone(),
            ty: column.column.ty.clone(),
        })
        .collect();
    let name = table.name.clone();
    let stored = context
        .store
        .pool
        .write(limits(&context.cancel), move |connection, _| {
            stored_columns(connection, &name)
        })
        .await?;
    let compared = verdict::common(&delivered, &stored);
    let key: Option<Vec<usize>> = table
        .primary_key
        .iter()
        .map(|wanted| {
            let name = &finals[plan::position(&names, &finals, wanted)?];
            compared.iter().position(|column| column.name == *name)
        })
        .collect();
    Ok(Subject {
        table: table.name.clone(),
        query,
        source,
        delivered,
        stored,
        hashed: Hashed {
            columns: compared,
            // A key that is not there on both sides identifies nothing.
            key: key.unwrap_or_default(),
        },
    })
}

/// Sums up the source's rows, on up to `sync_workers` sessions of the one snapshot.
async fn sum_source(context: &RunContext, leader: &mut dyn Snapshot, subjects: &Arc<[Subject]>) -> Result<Vec<Sums>> {
    let stop = context.cancel.child_token();
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..subjects.len()).collect());
    let forks = forks(context, leader, context.workers.min(subjects.len())).await?;
    let load = context.store.load().await;
    let others = futures::future::join_all(forks.into_iter().map(async |mut fork| {
        let done = work(context, fork.as_mut(), subjects, &queue, &stop).await?;
        confirm(context, fork.as_mut()).await?;
        fork.close().await;
        Ok(done)
    }));
    let (own, mut outcomes) = tokio::join!(work(context, leader, subjects, &queue, &stop), others);
    drop(load);
    outcomes.push(own);
    let mut sums = vec![Sums::default(); subjects.len()];
    for (index, sum) in first_cause(outcomes)? {
        sums[index] = sum;
    }
    confirm(context, leader).await?;
    Ok(sums)
}

/// Takes tables from the queue until it is empty.
async fn work(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    subjects: &Arc<[Subject]>,
    queue: &Mutex<VecDeque<usize>>,
    stop: &CancellationToken,
) -> Result<Vec<(usize, Sums)>> {
    let mut done = Vec::new();
    let mut session = context.store.pool.session()?;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(index) = next else { return Ok(done) };
        match sum(context, snapshot, subjects, index, stop, &mut session).await {
            Ok(sums) => done.push((index, sums)),
            Err(error) => {
                stop.cancel();
                return Err(error.with("table", &subjects[index].table));
            }
        }
    }
}

async fn sum(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    subjects: &Arc<[Subject]>,
    index: usize,
    stop: &CancellationToken,
    session: &mut Session,
) -> Result<Sums> {
    let progress = &context.progress[index];
    let request = ReadRequest {
        query: subjects[index].query.clone(),
        columns: subjects[index].source.clone(),
        window: None,
        limit: None,
        progress: Arc::clone(progress),
        cancel: stop.clone(),
    };
    let feed = Box::new(Rows(snapshot.read(request).await?));
    let (store, subjects) = (Arc::clone(&context.store), Arc::clone(subjects));
    let table = subjects[index].table.clone();
    let sums = session
        .run(limits(stop), move |connection, reason| {
            let Subject { delivered, hashed, .. } = &subjects[index];
            sum_feed(connection, reason, &store.feeds, delivered.clone(), hashed, feed)
        })
        .await?;
    context.events.tell(progress_event(context, &table, progress, true));
    Ok(sums)
}

/// Sums up the stored rows of all tables in one transaction.
async fn sum_store(context: &RunContext, subjects: &Arc<[Subject]>) -> Result<Vec<Sums>> {
    let (store, subjects) = (Arc::clone(&context.store), Arc::clone(subjects));
    let mut session = context.store.pool.session()?;
    session
        .run(limits(&context.cancel), move |connection, reason| {
            let _query = store.pool.query(connection);
            let fault = crate::store::fault::store("verify.store");
            connection.execute_batch("begin transaction").map_err(&fault)?;
            let mut sums = Vec::with_capacity(subjects.len());
            for Subject {
                table, stored, hashed, ..
            } in subjects.iter()
            {
                reason.check()?;
                sums.push(if stored.is_empty() {
                    Sums::default()
                } else {
                    sum_table(connection, reason, table, hashed)?
                });
            }
            connection.execute_batch("commit").map_err(&fault)?;
            Ok(sums)
        })
        .await
}

fn limits(cancel: &CancellationToken) -> Limits {
    Limits {
        timeout: None,
        cancel: cancel.clone(),
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the comparison was cancelled").during("verify.describe")
}

/// Passes rows on as they are read.
struct Rows(Reader);

impl Feed for Rows {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        self.0.fill(batch)
    }
}
