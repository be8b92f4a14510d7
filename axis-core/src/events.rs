//! Everything that happens, numbered: the newest events are kept, and each listener reads them at its own pace.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::dataset::lock;
use crate::sync::SyncEvent;

/// How many events are kept. Who is further behind loses the oldest.
const KEPT: usize = 1024;

/// One event of an engine. As JSON it is the event with `id` and `at`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its place among the events of this engine.
    pub id: EventId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub what: SyncEvent,
}

/// Names an event of one opened engine: later events have greater numbers, and another engine, also of the same store, has
/// other names. As text it is `epoch-number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    epoch: u64,
    number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.number)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, number) = text.split_once('-').ok_or(())?;
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}

/// The events of one engine; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct EventLog {
    kept: Arc<Mutex<Kept>>,
    /// The number of the newest event; dropped with the last handle.
    newest: Arc<watch::Sender<u64>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Kept {
    epoch: u64,
    /// The number of the newest event; the first is 1.
    newest: u64,
    events: VecDeque<Arc<Event>>,
    readiness: Option<(bool, bool)>,
}

impl EventLog {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let kept = Kept {
            epoch: u64::try_from(clock.now().timestamp_micros()).unwrap_or_default(),
            newest: 0,
            events: VecDeque::new(),
            readiness: None,
        };
        Self {
            kept: Arc::new(Mutex::new(kept)),
            newest: Arc::new(watch::Sender::new(0)),
            clock,
        }
    }

    pub(crate) fn tell(&self, what: SyncEvent) {
        let mut kept = lock(&self.kept);
        self.push(&mut kept, what);
    }

    /// Tells the readiness when it is another than the last; the first is only remembered.
    pub(crate) fn tell_readiness(&self, ready: bool, degraded: bool) {
        let mut kept = lock(&self.kept);
        let before = kept.readiness.replace((ready, degraded));
        if before.is_some_and(|before| before != (ready, degraded)) {
            self.push(&mut kept, SyncEvent::Readiness { ready, degraded });
        }
    }

    fn push(&self, kept: &mut Kept, what: SyncEvent) {
        kept.newest += 1;
        let id = EventId {
            epoch: kept.epoch,
            number: kept.newest,
        };
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        let at = self.clock.now();
        kept.events.push_back(Arc::new(Event { id, at, what }));
        self.newest.send_replace(kept.newest);
    }

    /// Listens from now on, or from after an event. `ended` completes when nothing happens any more.
    pub(crate) fn listen(&self, after: Option<&str>, ended: impl Future<Output = ()> + Send + 'static) -> Events {
        let kept = lock(&self.kept);
        let after = match after.map(EventId::from_str) {
            None => Some(kept.newest),
            Some(Ok(id)) if id.epoch == kept.epoch && id.number <= kept.newest => Some(id.number),
            // It is of another engine.
            Some(_) => None,
        };
        Events {
            // No event has the number 0, so what came before the first is lost as well.
            next: after.map_or(0, |after| after + 1),
            kept: Arc::clone(&self.kept),
            newest: self.newest.subscribe(),
            clock: Arc::clone(&self.clock),
            ended: Box::pin(ended),
            has_ended: false,
        }
    }
}

/// What happens in an engine, in order. A listener holds nobody up: one that is more than 1,024 events behind gets
/// [`SyncEvent::Lost`] in place of the oldest. Holds nothing of the engine.
pub struct Events {
    /// The number of the next event to tell.
    next: u64,
    kept: Arc<Mutex<Kept>>,
    newest: watch::Receiver<u64>,
    clock: Arc<dyn Clock>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
}

impl Events {
    /// Waits for the next event; `None` when the engine has closed or its last handle is dropped, and all was told.
    ///
    /// # Cancellation
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            // What comes after this look wakes the wait below.
            self.newest.mark_unchanged();
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            if self.has_ended {
                return None;
            }
            tokio::select! {
                biased;
                changed = self.newest.changed() => self.has_ended = changed.is_err(),
                () = self.ended.as_mut() => self.has_ended = true,
            }
        }
    }

    /// Returns the next event that has happened already.
    pub fn try_next(&mut self) -> Option<Arc<Event>> {
        let kept = lock(&self.kept);
        let oldest = kept.newest + 1 - kept.events.len() as u64;
        if self.next < oldest {
            let id = EventId {
                epoch: kept.epoch,
                number: oldest - 1,
            };
            self.next = oldest;
            let at = self.clock.now();
            return Some(Arc::new(Event {
                id,
                at,
                what: SyncEvent::Lost {},
            }));
        }
        let event = kept.events.get(usize::try_from(self.next - oldest).ok()?)?;
        self.next += 1;
        Some(Arc::clone(event))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::clock::SystemClock;

    fn log() -> EventLog {
        EventLog::new(Arc::new(SystemClock))
    }

    fn tell(log: &EventLog, run: u64) {
        log.tell(SyncEvent::Started {
            dataset: "orders".to_owned(),
            run_id: run.to_string(),
        });
    }

    fn run(event: &Event) -> &str {
        event.what.run_id().unwrap_or(event.what.name())
    }

    #[tokio::test]
    async fn a_listener_resumes_after_the_event_it_has_seen_last() {
        let log = log();
        tell(&log, 1);
        let mut events = log.listen(None, pending());
        assert!(events.try_next().is_none());
        (2..5).for_each(|number| tell(&log, number));
        let seen = events.next().await.unwrap();
        assert_eq!(run(&seen), "2");
        let mut events = log.listen(Some(&seen.id.to_string()), pending());
        assert_eq!(run(&events.next().await.unwrap()), "3");
        assert_eq!(run(&events.next().await.unwrap()), "4");
        assert!(events.try_next().is_none());
        let json = serde_json::to_value(&*seen).unwrap();
        assert_eq!((&json["event"], &json["run_id"]), (&"started".into(), &"2".into()));
        assert_eq!(json["id"], seen.id.to_string());
    }

    #[tokio::test]
    async fn who_is_too_far_behind_is_told_that_events_are_lost() {
        let log = log();
        let mut slow = log.listen(None, pending());
        let count = KEPT as u64 + 10;
        (0..count).for_each(|number| tell(&log, number));
        let lost = slow.next().await.unwrap();
        assert_eq!(run(&lost), "lost");
        assert_eq!(run(&slow.next().await.unwrap()), "10");
        // Who resumes after it misses nothing that is still there.
        let mut resumed = log.listen(Some(&lost.id.to_string()), pending());
        assert_eq!(run(&resumed.next().await.unwrap()), "10");
        let rest = std::iter::from_fn(|| slow.try_next()).count();
        assert_eq!(rest, KEPT - 1);
    }

    #[tokio::test]
    async fn ids_of_other_engines_and_nonsense_are_lost() {
        let log = log();
        tell(&log, 1);
        for id in ["", "1", "1-", "-1", "0-1", "zz-1", "1-99999999999999999999999"] {
            let mut events = log.listen(Some(id), pending());
            assert_eq!(run(&events.next().await.unwrap()), "lost", "{id}");
            assert_eq!(run(&events.next().await.unwrap()), "1", "{id}");
        }
        let mut events = log.listen(None, pending());
        tell(&log, 2);
        let id = events.next().await.unwrap().id;
        let future = EventId {
            number: id.number + 1,
            ..id
        };
        let mut events = log.listen(Some(&future.to_string()), pending());
        assert_eq!(run(&events.next().await.unwrap()), "lost");
    }

    #[tokio::test]
    async fn the_end_comes_after_everything_was_told() {
        let log = log();
        let mut events = log.listen(None, ready(()));
        let mut others = log.listen(None, pending());
        tell(&log, 1);
        assert_eq!(run(&events.next().await.unwrap()), "1");
        assert!(events.next().await.is_none());
        drop(log);
        assert_eq!(run(&others.next().await.unwrap()), "1");
        assert!(others.next().await.is_none());
    }

    #[tokio::test]
    async fn readiness_is_told_when_it_changes() {
        let log = log();
        let mut events = log.listen(None, pending());
        log.tell_readiness(false, false);
        log.tell_readiness(false, false);
        assert!(events.try_next().is_none());
        log.tell_readiness(true, false);
        assert_eq!(run(&events.next().await.unwrap()), "readiness");
        log.tell_readiness(true, false);
        assert!(events.try_next().is_none());
    }
}
