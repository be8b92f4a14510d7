//! One snapshot for several takers: datasets that are synced together and whose rows must add up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::{CutBy, Horizon, Parts, ReadRequest, Reader, SessionFacts, Snapshot, Source, SourceColumn, Weight};
use crate::clock::Clock;
use crate::config::TypePolicy;
use crate::error::{Error, ErrorKind, Result};

/// Where errors of this module come from.
const OPERATION: &str = "source.snapshot";

/// Lets those of the sources that are one and the same open one snapshot together: each is replaced by a source that gives its
/// taker a session on it, once. A source that nobody else has stays as it is.
///
/// The first to ask opens the leader, and each gets a fork of it; the last gets the leader itself. When the leader cannot be
/// forked, it is lent to one taker after the other: nobody ever reads from another snapshot. A taker that never asks gives
/// its place up by being dropped, and the leader is closed when there is nobody left to ask.
pub(crate) fn share(mut sources: Vec<&mut Arc<dyn Source>>) {
    while let Some(first) = sources.pop() {
        let source = Arc::clone(first);
        let (same, others) = sources
            .into_iter()
            .partition::<Vec<_>, _>(|other| Arc::ptr_eq(other, &source));
        sources = others;
        if same.is_empty() {
            continue;
        }
        let leader = Arc::new(Mutex::new(Leader::new(source)));
        for source in same.into_iter().chain([first]) {
            *source = Arc::new(Seat(SyncMutex::new(Some(Arc::clone(&leader)))));
        }
    }
}

/// One taker's right to the snapshot. What shares the leader is counted by its references: the seats that were not used, and
/// those who wait for it or have it on loan.
struct Seat(SyncMutex<Option<Arc<Mutex<Leader>>>>);

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seat")
    }
}

#[async_trait]
impl Source for Seat {
    async fn snapshot(&self, cancel: &CancellationToken) -> Result<Box<dyn Snapshot>> {
        let leader = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(leader) = leader else {
            let message = "a place in a shared snapshot was used twice";
            return Err(Error::new(ErrorKind::Internal, message).during(OPERATION));
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "waiting for the shared snapshot was cancelled").during(OPERATION))
            }
            taken = take(leader, cancel) => taken,
        }
    }
}

/// Gives the caller a session on the leader's snapshot.
async fn take(leader: Arc<Mutex<Leader>>, cancel: &CancellationToken) -> Result<Box<dyn Snapshot>> {
    let mut leader = leader.lock_owned().await;
    leader.open(cancel).await?;
    let others = Arc::strong_count(OwnedMutexGuard::mutex(&leader)) > 1;
    if others {
        if let Some(fork) = leader.fork().await? {
            return Ok(fork);
        }
        return Ok(Box::new(Loan(leader)));
    }
    leader.session.take().ok_or_else(lost)
}

/// The session that has opened the snapshot.
struct Leader {
    source: Arc<dyn Source>,
    /// `None` before the first taker, after the last, and when the session was lost.
    session: Option<Box<dyn Snapshot>>,
    /// Why there will be no session; told to everyone, because trying again would only take the same time once more.
    failure: Option<Error>,
    /// Whether forking has failed.
    alone: bool,
}

impl Leader {
    fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            session: None,
            failure: None,
            alone: false,
        }
    }

    /// Opens the snapshot at the first call; later ones check that the session can still be used.
    async fn open(&mut self, cancel: &CancellationToken) -> Result<()> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        if let Some(session) = &self.session {
            if session.is_usable() {
                return Ok(());
            }
            self.session = None;
            self.failure = Some(lost());
            return Err(lost());
        }
        match self.source.snapshot(cancel).await {
            Ok(session) => self.session = Some(session),
            Err(error) => {
                if error.kind() != ErrorKind::Cancelled {
                    self.failure = Some(error.clone());
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Opens another session on the snapshot; `None` when that is impossible.
    async fn fork(&mut self) -> Result<Option<Box<dyn Snapshot>>> {
        if self.alone {
            return Ok(None);
        }
        let fork = self.session.as_mut().ok_or_else(lost)?.fork().await?;
        self.alone = fork.is_none();
        Ok(fork)
    }
}

impl Drop for Leader {
    /// Says goodbye when the last who could have asked is gone.
    fn drop(&mut self) {
        if let (Some(session), Ok(runtime)) = (self.session.take(), Handle::try_current()) {
            runtime.spawn(session.close());
        }
    }
}

fn lost() -> Error {
    let message =
        "the session of the snapshot that several datasets share was lost; none of them reads from another one";
    Error::new(ErrorKind::SourceUnavailable, message).during(OPERATION)
}

/// The leader's session, until it is closed or dropped; meanwhile other takers wait.
struct Loan(OwnedMutexGuard<Leader>);

impl Loan {
    fn session(&mut self) -> Result<&mut Box<dyn Snapshot>> {
        self.0.session.as_mut().ok_or_else(lost)
    }
}

#[async_trait]
impl Snapshot for Loan {
    fn horizon(&self) -> &Horizon {
        let session = self.0.session.as_ref();
        session.expect("only a leader with a session is lent").horizon()
    }

    fn server(&self) -> &str {
        self.0.session.as_ref().map_or("", |session| session.server())
    }

    async fn describe(&mut self, query: &str, types: &BTreeMap<String, TypePolicy>) -> Result<Vec<SourceColumn>> {
        self.session()?.describe(query, types).await
    }

    async fn weigh(&mut self, query: &str) -> Result<Weight> {
        self.session()?.weigh(query).await
    }

    async fn cut(&mut self, query: &str, columns: &[SourceColumn], by: &CutBy, pieces: usize) -> Result<Parts> {
        self.session()?.cut(query, columns, by, pieces).await
    }

    async fn read(&mut self, request: ReadRequest) -> Result<Reader> {
        self.session()?.read(request).await
    }

    /// The leader is lent because it cannot be forked.
    async fn fork(&mut self) -> Result<Option<Box<dyn Snapshot>>> {
        Ok(None)
    }

    async fn confirm(&mut self) -> Result<()> {
        self.session()?.confirm().await
    }

    async fn facts(&mut self, clock: &dyn Clock) -> Result<SessionFacts> {
        self.session()?.facts(clock).await
    }

    fn is_usable(&self) -> bool {
        self.0.session.as_ref().is_some_and(|session| session.is_usable())
    }

    async fn close(self: Box<Self>) {}
}
