//! Who hears of work while it goes on, on the thread that waits for it.

use axis_core::backup::BackupProgress;
use axis_core::{Events, SyncEvent};
use pyo3::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::written;

/// A function of Python, and what it is told as JSON.
pub(crate) struct Listener {
    told: Told,
    callback: Py<PyAny>,
}

enum Told {
    /// The events of a dataset, or of all.
    Sync(Events, Option<String>),
    /// How far work on a backup is.
    Backup(UnboundedReceiver<BackupProgress>),
}

impl Listener {
    /// Listens to syncs from now on, to one dataset or to all.
    pub(crate) fn of_sync(events: Events, dataset: Option<&str>, callback: Py<PyAny>) -> Self {
        Self {
            told: Told::Sync(events, dataset.map(str::to_owned)),
            callback,
        }
    }

    /// Listens to what the function that is returned is told.
    pub(crate) fn of_backup(callback: Option<Py<PyAny>>) -> (Option<Self>, impl Fn(BackupProgress) + Send + Sync) {
        let (tell, told) = unbounded_channel();
        let listener = callback.map(|callback| Self {
            told: Told::Backup(told),
            callback,
        });
        let tell = move |progress| {
            // There may be nobody who listens, or not any longer.
            let _ = tell.send(progress);
        };
        (listener, tell)
    }

    /// Waits for the next thing to tell. A listener of a sync that is too slow loses the oldest; that holds nobody up.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            let text = match &mut self.told {
                Told::Sync(events, dataset) => match events.next().await {
                    Some(event) => event_text(&event.what, dataset.as_deref()),
                    None => break,
                },
                Told::Backup(told) => match told.recv().await {
                    Some(progress) => progress_text(progress),
                    None => break,
                },
            };
            if let Some(text) = text {
                return text;
            }
        }
        std::future::pending().await
    }

    /// Tells what is left.
    pub(crate) fn drain(&mut self, py: Python<'_>) -> PyResult<()> {
        loop {
            let text = match &mut self.told {
                Told::Sync(events, dataset) => match events.try_next() {
                    Some(event) => event_text(&event.what, dataset.as_deref()),
                    None => return Ok(()),
                },
                Told::Backup(told) => match told.try_recv() {
                    Ok(progress) => progress_text(progress),
                    Err(_) => return Ok(()),
                },
            };
            if let Some(text) = text {
                self.tell(py, &text)?;
            }
        }
    }

    pub(crate) fn tell(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        self.callback.call1(py, (text,)).map(drop)
    }
}

fn event_text(event: &SyncEvent, wanted: Option<&str>) -> Option<String> {
    let is_wanted = wanted.map_or(event.dataset().is_some(), |wanted| event.dataset() == Some(wanted));
    // What an event holds can always be written.
    is_wanted.then(|| written(event).ok()).flatten()
}

fn progress_text(progress: BackupProgress) -> Option<String> {
    written(&progress).ok()
}
