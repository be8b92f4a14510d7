//! One connection that waits for the next sync, because connecting takes longer than a refresh.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::connect::Link;

/// How long a connection waits: a little more than the shortest refresh interval.
const KEPT: Duration = Duration::from_secs(90);

/// Keeps at most one connection, outside of any transaction.
#[derive(Debug, Default)]
pub(super) struct Idle(Arc<Mutex<Slot>>);

#[derive(Debug, Default)]
struct Slot {
    link: Option<Link>,
    /// Counts what was kept, so that a timer closes only the connection that it was set for.
    number: u64,
}

impl Idle {
    /// Takes the connection, unless the server has closed it.
    pub(super) fn take(&self) -> Option<Link> {
        lock(&self.0).link.take().filter(|link| !link.client.is_closed())
    }

    /// Keeps a connection for a while; one that was kept before is closed.
    pub(super) fn keep(&self, link: Link) {
        let (before, number) = {
            let mut slot = lock(&self.0);
            slot.number += 1;
            (slot.link.replace(link), slot.number)
        };
        let slot = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            if let Some(before) = before {
                before.close().await;
            }
            tokio::time::sleep(KEPT).await;
            if let Some(link) = expired(&slot, number) {
                link.close().await;
            }
        });
    }
}

fn expired(slot: &Weak<Mutex<Slot>>, number: u64) -> Option<Link> {
    let slot = slot.upgrade()?;
    let mut slot = lock(&slot);
    if slot.number == number { slot.link.take() } else { None }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
