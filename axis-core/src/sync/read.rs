//! Reads each table as planned: rebuilt ones into staging tables, windows into temporary ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use super::jobs::{Job, Jobs, Siblings};
use super::peek::{Peeked, Rest, Rows};
use super::plan::TablePlan;
use super::reconcile;
use super::report::Reconciliation;
use super::run::{RunContext, progress_event};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use crate::source::{ReadRequest, Reader, Snapshot, Window};
use crate::store::{Feed, Limits, Session, VectorBatch, stage_delta, stage_full, stage_more};

/// A table that has been read.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) rows: u64,
    pub(super) truncated: bool,
    /// The rows of a small window.
    pub(super) window: Option<Rows>,
    /// The store is known to hold the window's rows, so they were not staged.
    pub(super) held: Option<Held>,
    /// What a comparison of all keys found.
    pub(super) reconciled: Option<Reconciliation>,
}

/// What is known of a table whose window brought nothing new.
#[derive(Debug)]
pub(super) struct Held {
    /// Rows of the whole table.
    pub(super) rows: u64,
}

/// Reads rebuilt tables into staging tables on up to `sync_workers` sessions of one snapshot, and windows into temporary tables of
/// the session that will commit.
pub(super) async fn stage_all(
    context: &RunContext,
    leader: &mut dyn Snapshot,
    plans: &mut [TablePlan],
    session: &mut Session,
) -> Result<Vec<Staged>> {
    let jobs = Jobs::of(plans);
    let windows: Vec<usize> = (0..plans.len())
        .filter(|index| plans[*index].window.is_some())
        .collect();
    let mut staged: Vec<Option<Staged>> = plans.iter().map(|_| None).collect();
    // A failure of one session must stop the others, but not be mistaken for a cancellation by the caller.
    let stop = context.cancel.child_token();
    let forks = forks(context, leader, context.workers.min(jobs.len())).await?;
    let load = if jobs.len() == 0 {
        None
    } else {
        Some(context.store.load().await)
    };
    let shared = &*plans;
    let own = work(context, leader, shared, &jobs, &stop);
    let others = futures::future::join_all(forks.into_iter().map(async |mut fork| {
        let done = work(context, fork.as_mut(), shared, &jobs, &stop).await?;
        confirm(context, fork.as_mut()).await?;
        fork.close().await;
        Ok(done)
    }));
    let (own, mut outcomes) = tokio::join!(own, others);
    outcomes.push(own);
    for (index, done) in first_cause(outcomes)? {
        let before = staged[index].as_ref().map_or(0, |part| part.rows);
        let rows = before + done.rows;
        staged[index] = Some(Staged { rows, ..done });
    }
    drop(load);
    for index in windows {
        let plan = &mut plans[index];
        let mut done = stage_window(context, leader, plan, &stop, session, index).await?;
        if plan.reconcile {
            done = reconcile::table(context, leader, plan, &stop, session, index, done).await?;
        }
        staged[index] = Some(done);
    }
    let staged: Vec<Staged> = staged.into_iter().flatten().collect();
    if is_confirmed(&staged) {
        confirm(context, leader).await?;
    }
    Ok(staged)
}

/// Tells whether what was read has to be, and was, confirmed. Rows that the store holds already are not stored, wherever they
/// come from, and a refresh that finds nothing else spares the question.
pub(super) fn is_confirmed(staged: &[Staged]) -> bool {
    staged
        .iter()
        .any(|staged| staged.held.is_none() || staged.reconciled.is_some())
}

/// Makes sure that a session has read what its snapshot promised.
pub(super) async fn confirm(context: &RunContext, snapshot: &mut dyn Snapshot) -> Result<()> {
    tokio::select! {
        confirmed = snapshot.confirm() => confirmed,
        () = context.cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the sync was cancelled").during("sync.read")),
    }
}

/// Opens the sessions beside the leader that it takes to read with so many at once; fewer where the source cannot share.
pub(super) async fn forks(
    context: &RunContext,
    leader: &mut dyn Snapshot,
    sessions: usize,
) -> Result<Vec<Box<dyn Snapshot>>> {
    let mut forks = Vec::new();
    for _ in 1..sessions {
        let fork = tokio::select! {
            fork = leader.fork() => fork?,
            () = context.cancel.cancelled() => {
                return Err(Error::new(ErrorKind::Cancelled, "the sync was cancelled").during("sync.read"));
            }
        };
        match fork {
            Some(fork) => forks.push(fork),
            // Fail closed: what cannot share the snapshot does not read.
            None => break,
        }
    }
    Ok(forks)
}

/// Joins what the sessions did; of several failures the one that caused the others counts.
pub(super) fn first_cause<T>(outcomes: Vec<Result<Vec<(usize, T)>>>) -> Result<Vec<(usize, T)>> {
    let mut done = Vec::new();
    let mut failure: Option<Error> = None;
    for outcome in outcomes {
        match outcome {
            Ok(part) => done.extend(part),
            Err(error)
                if failure
                    .as_ref()
                    .is_none_or(|first| first.kind() == ErrorKind::Cancelled) =>
            {
                failure = Some(error);
            }
            Err(_) => {}
        }
    }
    failure.map_or(Ok(done), Err)
}

/// Takes reads of rebuilt tables until there are none left.
async fn work(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plans: &[TablePlan],
    jobs: &Jobs,
    stop: &CancellationToken,
) -> Result<Vec<(usize, Staged)>> {
    let mut done = Vec::new();
    let mut session = context.store.pool.session()?;
    loop {
        let Some(job) = jobs.take() else { return Ok(done) };
        match stage_job(context, snapshot, &plans[job.table], stop, &mut session, &job).await {
            Ok(staged) => done.push((job.table, staged)),
            Err(error) => {
                stop.cancel();
                return Err(error);
            }
        }
    }
}

/// Reads a table whole into a new staging table.
pub(super) async fn stage_whole(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    index: usize,
) -> Result<Staged> {
    let job = Job::whole(index, plan.query.clone());
    stage_job(context, snapshot, plan, stop, session, &job).await
}

async fn stage_job(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    job: &Job,
) -> Result<Staged> {
    let reader = start(context, snapshot, plan, stop, job.table, &job.query).await?;
    let place = if job.first {
        Place::New(Arc::clone(&job.siblings))
    } else {
        job.siblings.until_created(stop).await?;
        Place::Existing
    };
    let (rows, truncated) = stage(context, plan, stop, session, Input::Reader(reader), place).await?;
    if job.siblings.done() {
        tell_done(context, plan, job.table);
    }
    Ok(Staged {
        rows,
        truncated,
        window: None,
        held: None,
        reconciled: None,
    })
}

async fn stage_window(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    index: usize,
) -> Result<Staged> {
    let reader = start(context, snapshot, plan, stop, index, &plan.query).await?;
    let columns = plan.columns.clone();
    let limits = Limits {
        timeout: None,
        cancel: stop.clone(),
    };
    let peeked = session
        .run(limits, move |_, _| Peeked::read(reader, &columns))
        .await
        .map_err(|error| error.with("table", &plan.table))?;
    reach(Step::WindowPeeked);
    if let Some(held) = held(context, plan, &peeked) {
        tell_done(context, plan, index);
        let rows = peeked.first.len as u64;
        return Ok(Staged {
            rows,
            truncated: false,
            window: Some(peeked.first),
            held: Some(held),
            reconciled: None,
        });
    }
    let Peeked { first, rest } = peeked;
    let window = (rest.is_none() && first.is_small()).then(|| first.clone());
    let input = Input::Peeked {
        first: Some(first),
        rest,
    };
    let (rows, truncated) = stage(context, plan, stop, session, input, Place::Window).await?;
    if truncated {
        return Err(Error::new(
            ErrorKind::Config,
            format!(
                "more than max_sync_rows = {} rows changed since the last sync; raise max_sync_rows or run a full sync",
                context.cap.unwrap_or_default()
            ),
        )
        .during("sync.read")
        .with("table", &plan.table));
    }
    tell_done(context, plan, index);
    Ok(Staged {
        rows,
        truncated,
        window,
        held: None,
        reconciled: None,
    })
}

/// Tells whether the store is known to hold exactly what was read.
fn held(context: &RunContext, plan: &TablePlan, peeked: &Peeked) -> Option<Held> {
    let Window { from, .. } = plan.window.as_ref()?;
    let all = peeked.rest.is_none() && context.cap.is_none_or(|cap| peeked.first.len as u64 <= cap);
    if !all
        || !plan.added.is_empty()
        || !context
            .memory
            .holds(&plan.table, context.record.generation, from, &peeked.first)
    {
        return None;
    }
    let last = context.record.last_success.as_ref()?;
    let table = last.tables.iter().find(|table| table.table == plan.table)?;
    Some(Held { rows: table.rows_total })
}

async fn start(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &TablePlan,
    stop: &CancellationToken,
    index: usize,
    query: &str,
) -> Result<Reader> {
    let request = ReadRequest {
        query: query.to_owned(),
        columns: plan.source.clone(),
        window: plan.window.clone(),
        limit: context.cap.map(|cap| cap.saturating_add(1)),
        progress: Arc::clone(&context.progress[index]),
        cancel: stop.clone(),
    };
    snapshot
        .read(request)
        .await
        .map_err(|error| error.with("table", &plan.table))
}

/// Stages what comes; returns the rows, and whether the row cap cut them.
async fn stage(
    context: &RunContext,
    plan: &TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    input: Input,
    place: Place,
) -> Result<(u64, bool)> {
    let truncated = Arc::new(AtomicBool::new(false));
    let feed = Box::new(Capped {
        input,
        remaining: context.cap.unwrap_or(u64::MAX),
        truncated: Arc::clone(&truncated),
    });
    let (store, table, columns) = (Arc::clone(&context.store), plan.table.clone(), plan.columns.clone());
    let limits = Limits {
        timeout: None,
        cancel: stop.clone(),
    };
    let rows = session
        .run(limits, move |connection, reason| {
            let feeds = &store.feeds;
            match place {
                Place::New(siblings) => {
                    stage_full(connection, reason, feeds, &table, columns, feed, || siblings.created())
                }
                Place::Existing => stage_more(connection, reason, feeds, &table, columns, feed),
                Place::Window => stage_delta(connection, reason, feeds, &table, columns, feed),
            }
        })
        .await
        .map_err(|error| error.with("table", &plan.table))?;
    Ok((rows, truncated.load(Ordering::SeqCst)))
}

fn tell_done(context: &RunContext, plan: &TablePlan, index: usize) {
    let event = progress_event(context, &plan.table, &context.progress[index], true);
    context.events.tell(event);
}

/// Where rows go.
enum Place {
    /// Into a new staging table; others may append to it once it is there.
    New(Arc<Siblings>),
    /// Into a staging table that is there.
    Existing,
    /// Into a temporary table of the session.
    Window,
}

/// Where rows come from.
#[derive(Debug)]
enum Input {
    Reader(Reader),
    Peeked { first: Option<Rows>, rest: Option<Rest> },
}

impl Input {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        match self {
            Self::Reader(reader) => reader.fill(batch),
            Self::Peeked { first, rest } => match (first.take(), rest) {
                (Some(rows), _) => Ok(rows.replay(batch)),
                (None, Some(rest)) => rest.fill(batch),
                (None, None) => Ok(0),
            },
        }
    }
}

/// Passes batches on until the row cap, and notices that there was more.
struct Capped {
    input: Input,
    remaining: u64,
    truncated: Arc<AtomicBool>,
}

impl Feed for Capped {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        if self.truncated.load(Ordering::SeqCst) {
            // One row beyond the cap was asked for; reading to the end keeps the session usable.
            while self.input.fill(batch)? > 0 {}
            return Ok(0);
        }
        let rows = self.input.fill(batch)?;
        reach(Step::BatchRead);
        let allowed = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(rows);
        if allowed < rows {
            self.truncated.store(true, Ordering::SeqCst);
        }
        self.remaining -= allowed as u64;
        Ok(allowed)
    }
}
