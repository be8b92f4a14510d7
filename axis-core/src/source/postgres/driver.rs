//! Who polls a connection: its own task, or the thread that reads its rows.
//!
//! A task of its own would pass every few kilobytes of a COPY from thread to thread. While rows stream, the reading thread
//! polls the connection itself, so that bytes go from the socket to the decoder without a switch.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

type Connection = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// A connection that is polled by one of two.
#[derive(Clone)]
pub(super) struct Driver(Arc<Mutex<State>>);

struct State {
    /// `None` once it has ended.
    connection: Option<Connection>,
    /// Whether a reader polls it.
    lent: bool,
    /// The task, to be woken when the connection is its own again: the reader takes its place wherever bytes arrive.
    task: Option<Waker>,
}

impl Driver {
    pub(super) fn new(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            connection: Some(Box::pin(connection)),
            lent: false,
            task: None,
        })))
    }

    /// Polls the connection until it ends, except while it is lent.
    pub(super) async fn run(self) {
        poll_fn(|context| {
            let mut state = self.state();
            if !state.lent && state.poll(context).is_ready() {
                return Poll::Ready(());
            }
            state.task = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Takes the connection over from its task until the guard drops.
    pub(super) fn lend(&self) -> Lent {
        self.state().lent = true;
        Lent(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(());
        };
        let Poll::Ready(result) = connection.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.connection = None;
        if let Err(error) = result {
            // Whoever uses the session sees the failure too; this is for the case that nobody does.
            tracing::debug!(error = %error, "a connection to PostgreSQL failed");
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

/// Polls the connection in place of its task.
pub(super) struct Lent(Driver);

impl Lent {
    /// Moves bytes; what arrived is then ready in the streams of the session.
    pub(super) fn poll(&self, context: &mut Context<'_>) {
        let _ = self.0.state().poll(context);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.lent = false;
        if let Some(task) = state.task.take() {
            task.wake();
        }
    }
}
