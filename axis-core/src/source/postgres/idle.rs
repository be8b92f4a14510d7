//! Connections that wait for the next sync, because connecting takes longer than a refresh.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::connect::Link;

/// How long a connection waits: a little more than the shortest refresh interval.
const KEPT: Duration = Duration::from_secs(90);
/// How many may wait: two datasets sync at a time, and a session more holds their snapshot for those that come after them.
const MOST: usize = 3;

/// Keeps a few connections, outside of any transaction.
#[derive(Debug, Default)]
pub(super) struct Idle(Arc<Mutex<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    /// The one that was kept last is at the end.
    links: Vec<(u64, Link)>,
    /// Counts what was kept, so that a timer closes only the connection that it was set for.
    number: u64,
}

impl Idle {
    /// Takes the connection that has waited least, unless the server has closed it.
    pub(super) fn take(&self) -> Option<Link> {
        let mut slots = lock(&self.0);
        while let Some((_, link)) = slots.links.pop() {
            if !link.client.is_closed() {
                return Some(link);
            }
        }
        None
    }

    /// Takes all connections.
    pub(super) fn take_all(&self) -> Vec<Link> {
        std::mem::take(&mut lock(&self.0).links)
            .into_iter()
            .map(|(_, link)| link)
            .collect()
    }

    /// Keeps a connection for a while; when there are too many, the one that has waited longest is closed.
    pub(super) fn keep(&self, link: Link) {
        let (before, number) = {
            let mut slots = lock(&self.0);
            slots.number += 1;
            let number = slots.number;
            slots.links.push((number, link));
            let before = (slots.links.len() > MOST).then(|| slots.links.remove(0).1);
            (before, number)
        };
        let slots = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            if let Some(before) = before {
                before.close().await;
            }
            tokio::time::sleep(KEPT).await;
            if let Some(link) = expired(&slots, number) {
                link.close().await;
            }
        });
    }
}

fn expired(slots: &Weak<Mutex<Slots>>, number: u64) -> Option<Link> {
    let slots = slots.upgrade()?;
    let mut slots = lock(&slots);
    let index = slots.links.iter().position(|(kept, _)| *kept == number)?;
    Some(slots.links.remove(index).1)
}

fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}
