//! The audit log: one line of JSON for each request, without SQL, values or secrets.
//!
//! Lines are written by a thread of their own, in the order in which requests ended. A request waits when 8192 lines are
//! queued, so none is lost to a slow disk. The file is opened for appending and never truncated, so `logrotate` may copy and
//! truncate it. A line that cannot be written is counted and logged as an error.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use axis_core::config::AuditLog;
use axis_core::{Error, ErrorKind, Result};
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait for the disk.
const QUEUED: usize = 8192;
/// Bytes that are written at once, at most.
const AT_ONCE: usize = 256 * 1024;

/// What a handler that ran SQL puts into the extensions of its response: the kind of the statement, and its rows as far as
/// they were sent.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// Such as `SELECT`; never the text.
    pub(crate) kind: &'static str,
    /// Grows while the answer streams.
    pub(crate) rows: Arc<AtomicU64>,
}

/// The audit log of one server.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    lines: Option<mpsc::Sender<Message>>,
    failures: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Flush(oneshot::Sender<()>),
}

impl Audit {
    /// Opens the log.
    ///
    /// # Errors
    /// `Config` when the file cannot be opened: a server that should keep an audit log does not start without it.
    pub(crate) fn open(log: &AuditLog) -> Result<Self> {
        let failures = Arc::new(AtomicU64::new(0));
        let target: Box<dyn Write + Send> = match log {
            AuditLog::Stderr => Box::new(io::stderr()),
            AuditLog::File(path) => Box::new(append(path).map_err(|error| {
                let message = format!(
                    "`server.audit_log`: {} cannot be opened: {}",
                    path.display(),
                    error.kind()
                );
                Error::new(ErrorKind::Config, message)
                    .during("server.start")
                    .because(error)
            })?),
            _ => return Ok(Self { lines: None, failures }),
        };
        let (lines, queue) = mpsc::channel(QUEUED);
        let counted = Arc::clone(&failures);
        thread::Builder::new()
            .name("axis-audit".to_owned())
            .spawn(move || write_all(queue, target, &counted))
            .map_err(|error| Error::new(ErrorKind::Internal, "the audit log cannot be started").because(error))?;
        Ok(Self {
            lines: Some(lines),
            failures,
        })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    /// How many lines could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Queues a line. Returns it when the queue is full, for [`write`](Self::write) to wait.
    pub(crate) fn try_write(&self, line: Vec<u8>) -> Option<Vec<u8>> {
        match self.lines.as_ref()?.try_send(Message::Line(line)) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(Message::Line(line))) => Some(line),
            Err(_) => {
                self.lost(1);
                None
            }
        }
    }

    /// Queues a line, and waits while the queue is full.
    pub(crate) async fn write(&self, line: Vec<u8>) {
        if let Some(lines) = &self.lines
            && lines.send(Message::Line(line)).await.is_err()
        {
            self.lost(1);
        }
    }

    /// Counts a line that nobody could wait for.
    pub(crate) fn lost(&self, lines: u64) {
        lose(&self.failures, lines, &"the queue is full");
    }

    /// Waits until what was queued so far is written.
    pub(crate) async fn flush(&self) {
        let Some(lines) = &self.lines else { return };
        let (done, written) = oneshot::channel();
        if lines.send(Message::Flush(done)).await.is_ok() {
            // The thread ends only with the process.
            let _ = written.await;
        }
    }
}

fn append(path: &std::path::Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

fn lose(failures: &AtomicU64, lines: u64, why: &dyn std::fmt::Display) {
    let before = failures.fetch_add(lines, Ordering::Relaxed);
    // Each power of two is told, so that a full disk does not fill the log as well.
    if (before + lines).ilog2() != before.max(1).ilog2() || before == 0 {
        tracing::error!(lost = before + lines, %why, "the audit log cannot be written");
    }
}

/// Writes whole lines until the server is gone.
fn write_all(mut queue: mpsc::Receiver<Message>, mut target: Box<dyn Write + Send>, failures: &AtomicU64) {
    let mut bytes = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let (mut lines, mut flushed) = (0_u64, Vec::new());
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Line(line) => {
                    bytes.extend_from_slice(&line);
                    lines += 1;
                }
                Message::Flush(done) => flushed.push(done),
            }
            if bytes.len() < AT_ONCE {
                next = queue.try_recv().ok();
            }
        }
        if let Err(error) = target.write_all(&bytes).and_then(|()| target.flush()) {
            lose(failures, lines, &error.kind());
        }
        bytes.clear();
        for done in flushed {
            // Whoever waited may be gone.
            let _ = done.send(());
        }
    }
}
