//! Frames by dataset: made once a generation, shared by all requests, given up when the data changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use duckdb::Connection;
use tokio::sync::{OnceCell, Semaphore};

use super::load::{self, Needs};
use super::{Relation, Shared};
use crate::dataset::{Dataset, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::query::Texts;
use crate::store::{Limits, Reason, stored_generation};

/// The frames of an engine, and the turns of those who work on them.
#[derive(Debug)]
pub(crate) struct Frames {
    slots: Mutex<HashMap<(String, Part), Arc<Slot>>>,
    /// As many as there are processors: more would only take them from each other.
    turns: Semaphore,
    /// One: each may take as much memory as all shared frames together.
    narrowed: Semaphore,
}

/// Which rows of a relation a shared frame has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// All of them.
    Whole,
    /// Those of classifications, with this column as the label.
    Labels(String),
}

#[derive(Debug)]
struct Slot {
    generation: u64,
    /// Whether it is being made although nobody waits for it.
    begun: AtomicBool,
    /// Whether a request has asked for it.
    asked: AtomicBool,
    /// `None` inside: the relation is too large.
    frame: OnceCell<Option<Shared>>,
}

impl Default for Frames {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            slots: Mutex::default(),
            turns: Semaphore::new(processors),
            narrowed: Semaphore::new(1),
        }
    }
}

impl Frames {
    /// Forgets everything: generations of another store say nothing about this one.
    pub(crate) fn forget(&self) {
        lock(&self.slots).clear();
    }

    /// Returns where the frame of this generation is, or will be; what was made of another one is given up.
    fn slot(&self, dataset: &str, part: Part, generation: u64) -> Arc<Slot> {
        let fits = |slot: &Slot| {
            let newer = slot.frame.get().and_then(Option::as_ref);
            slot.generation >= generation || newer.is_some_and(|frame| frame.generation >= generation)
        };
        let mut slots = lock(&self.slots);
        slots.retain(|(name, _), slot| name != dataset || fits(slot));
        let slot = slots.entry((dataset.to_owned(), part)).or_insert_with(|| {
            Arc::new(Slot {
                generation,
                begun: AtomicBool::new(false),
                asked: AtomicBool::new(false),
                frame: OnceCell::new(),
            })
        });
        Arc::clone(slot)
    }

    /// Returns the older frames that somebody has asked.
    fn outdated(&self, dataset: &str, generation: u64) -> Vec<(Part, Option<Shared>)> {
        let slots = lock(&self.slots);
        let of = slots
            .iter()
            .filter(|((name, _), slot)| name == dataset && slot.generation < generation);
        of.filter(|(_, slot)| slot.asked.load(Ordering::Relaxed))
            .map(|((_, part), slot)| (part.clone(), slot.frame.get().cloned().flatten()))
            .collect()
    }
}

/// Makes the frames anew that were asked before the last change, so that the next one who asks need not wait. Those that nobody
/// asked are not made again.
pub(crate) fn renew(dataset: &Dataset) {
    let engine = dataset.engine();
    for (part, before) in engine.frames.outdated(dataset.name(), dataset.generation()) {
        let searched = before.is_some_and(|frame| frame.texts.initialized());
        let dataset = dataset.clone();
        engine.clone().in_background(async move {
            let renewed = async {
                let slot = slot(&dataset, part.clone())?;
                if let Some(frame) = made(&dataset, &slot, &part).await?
                    && searched
                {
                    Texts::of(&dataset, &frame).await?;
                }
                Ok::<_, Error>(())
            };
            if let Err(error) = renewed.await {
                tracing::debug!(error = %error.chain(), "the columns are not in memory");
            }
        });
    }
}

/// Returns the dataset's frame, which is made when nobody has asked since the last change; `None` when the relation is too
/// large for one. When whoever makes it goes away, the next one who waits makes it.
///
/// # Errors
/// `NotSynced`, `Store`, `Closed`.
pub(crate) async fn of(dataset: &Dataset, part: Part) -> Result<Option<Shared>> {
    let slot = slot(dataset, part.clone())?;
    slot.asked.store(true, Ordering::Relaxed);
    made(dataset, &slot, &part).await
}

/// Returns where the frame of the newest generation is, or will be.
fn slot(dataset: &Dataset, part: Part) -> Result<Arc<Slot>> {
    dataset.check_readable()?;
    match dataset.generation() {
        0 => Err(not_synced(dataset)),
        generation => Ok(dataset.engine().frames.slot(dataset.name(), part, generation)),
    }
}

async fn made(dataset: &Dataset, slot: &Slot, part: &Part) -> Result<Option<Shared>> {
    let needs = match part {
        Part::Whole => Needs::everything(),
        Part::Labels(column) => Needs::labels(column),
    };
    slot.frame.get_or_try_init(|| make(dataset, needs)).await.cloned()
}

/// Returns the dataset's frame when it is there; else it is made in the background, for those who come later. Inside it is `None`
/// when the relation is too large for one.
pub(crate) fn ready(dataset: &Dataset) -> Option<Option<Shared>> {
    let generation = dataset.generation();
    let slot = dataset.engine().frames.slot(dataset.name(), Part::Whole, generation);
    slot.asked.store(true, Ordering::Relaxed);
    if let Some(frame) = slot.frame.get() {
        return Some(frame.clone());
    }
    if !slot.begun.swap(true, Ordering::Relaxed) {
        let dataset = dataset.clone();
        dataset.engine().clone().in_background(async move {
            if let Err(error) = of(&dataset, Part::Whole).await {
                tracing::debug!(error = %error.chain(), "the columns are not in memory");
                // The next one tries again.
                slot.begun.store(false, Ordering::Relaxed);
            }
        });
    }
    None
}

/// Returns a frame that has what is needed: the shared one, or one of its own for a relation that is too large for that.
///
/// # Errors
/// As [`of`]; `InvalidArgument` when even what is needed is too large.
pub(crate) async fn narrowed(dataset: &Dataset, mut needs: Needs) -> Result<Shared> {
    let part = needs.label.clone().map_or(Part::Whole, Part::Labels);
    if needs.value.is_none()
        && let Some(frame) = of(dataset, part).await?
    {
        return Ok(frame);
    }
    needs.attributes.extend(needs.conditions.attributes());
    needs.times |= needs.conditions.since.is_some() || needs.conditions.until.is_some();
    let _turn = dataset
        .engine()
        .frames
        .narrowed
        .acquire()
        .await
        .map_err(|_| crate::dataset::closed())?;
    let too_large = || {
        let message = "the question needs more memory than `frame_memory_limit` allows; narrow its filter";
        Error::new(ErrorKind::InvalidArgument, message).during("analytics.frame")
    };
    make(dataset, needs).await?.ok_or_else(too_large)
}

/// Returns the dataset's relation as it is.
///
/// # Errors
/// As [`of`].
pub(crate) async fn relation_of(dataset: &Dataset) -> Result<Relation> {
    if let Some(frame) = of(dataset, Part::Whole).await? {
        return Ok(frame.relation.clone());
    }
    let name = dataset.relation().ok_or_else(|| not_synced(dataset))?.to_owned();
    let read = move |connection: &Connection, _: &Reason| Relation::read(connection, &name);
    let found = dataset
        .engine()
        .readable()
        .await?
        .pool
        .read(Limits::default(), read)
        .await?;
    found.ok_or_else(|| not_synced(dataset))
}

/// Does blocking work on one of as many turns as there are processors.
///
/// # Errors
/// `Closed`, `Internal`.
pub(crate) async fn compute<T: Send + 'static>(
    dataset: &Dataset,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let _turn = dataset
        .engine()
        .frames
        .turns
        .acquire()
        .await
        .map_err(|_| crate::dataset::closed())?;
    let panicked = |_| Error::new(ErrorKind::Internal, "the work panicked").during("analytics");
    tokio::task::spawn_blocking(work).await.map_err(panicked)
}

async fn make(dataset: &Dataset, needs: Needs) -> Result<Option<Shared>> {
    let relation = dataset.relation().ok_or_else(|| not_synced(dataset))?.to_owned();
    let name = dataset.name().to_owned();
    let store = dataset.engine().readable().await?;
    let limit = dataset
        .engine()
        .config
        .store
        .frame_memory_limit
        .unwrap_or(store.pool.memory());
    let missing = not_synced(dataset);
    let work = move |connection: &Connection, reason: &Reason| {
        let Some(relation) = Relation::read(connection, &relation)? else {
            return Err(missing);
        };
        if load::count(connection, &relation, &needs)?.saturating_mul(needs.width()) > limit {
            return Ok(None);
        }
        let generation = stored_generation(connection, &name)?;
        let begun = Instant::now();
        let frame = load::load(connection, reason, &relation, &needs, generation)?;
        let elapsed_ms = begun.elapsed().as_millis() as u64;
        tracing::debug!(
            dataset = name,
            rows = frame.rows,
            elapsed_ms,
            "columns were read into memory"
        );
        Ok(Some(Arc::new(frame)))
    };
    store.pool.snapshot(Limits::default(), work).await
}

fn not_synced(dataset: &Dataset) -> Error {
    Error::new(ErrorKind::NotSynced, "the dataset was never synced").with("dataset", dataset.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_of_an_older_generation_is_made_anew() {
        let frames = Frames::default();
        let slot = frames.slot("monitoring", Part::Whole, 1);
        let count = |dataset, generation| frames.outdated(dataset, generation).len();
        assert_eq!(count("monitoring", 2), 0);
        slot.asked.store(true, Ordering::Relaxed);
        assert_eq!(
            [count("monitoring", 2), count("monitoring", 1), count("eval", 2)],
            [1, 0, 0]
        );
        frames.slot("monitoring", Part::Whole, 2);
        assert_eq!(count("monitoring", 3), 0);
    }
}
