//! Why work on the store is being stopped, kept for the error that says so: DuckDB itself knows no more than an interrupt.

use std::sync::atomic::{AtomicU8, Ordering};

use super::fault;
use crate::error::{Error, ErrorKind, Result};

/// Why a piece of work is being interrupted.
#[derive(Debug, Default)]
pub(crate) struct Reason(AtomicU8);

const RUNNING: u8 = 0;
pub(super) const CANCELLED: u8 = 1;
pub(super) const TIMED_OUT: u8 = 2;

impl Reason {
    pub(super) fn set(&self, reason: u8) {
        // The first reason stays.
        let _ = self
            .0
            .compare_exchange(RUNNING, reason, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Fails when the work is being interrupted; called between statements.
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.load(Ordering::SeqCst) {
            RUNNING => Ok(()),
            TIMED_OUT => Err(Error::new(ErrorKind::Timeout, "the work took longer than allowed")),
            _ => Err(Error::new(ErrorKind::Cancelled, "the work was cancelled")),
        }
    }

    /// Replaces DuckDB's word about an interrupt by the reason for it.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match self.check() {
            _ if error.kind() != ErrorKind::Cancelled => error,
            Err(reason) => reason.during(error.operation()),
            // A reader that was stopped says so itself.
            Ok(()) if error.message() != fault::INTERRUPTED => error,
            // Nobody stopped it: when a part of a statement fails, DuckDB interrupts the other parts, and may report that.
            Ok(()) => Error::new(ErrorKind::Store, "the store refused the operation")
                .during(error.operation())
                .because(error),
        }
    }
}
