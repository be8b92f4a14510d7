//! A reference model: what a store must hold after a sync, by the documented rules and without the code that follows them.
//!
//! It knows what is committed in the source, because whoever changes the source tells it. After a rebuild the store must
//! equal the source. After a refresh it must be what the window rule makes of it for *some* bound that is not above the
//! safe one; and as long as all changes were of the kind that a refresh sees, it must equal the source as well.

mod history;

use std::collections::{BTreeMap, BTreeSet};

pub use history::{Change, During, History, Mode, Op, Place};

/// What the cursor of a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// There is none: every sync is a rebuild.
    None,
    /// A number from a sequence.
    Sequence,
    /// The start of the transaction, an instant; in microseconds since 1970 here.
    Time,
    /// The same without a time zone.
    LocalTime,
}

/// What distinguishes a table from others.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What the cursor is.
    pub cursor: Cursor,
    /// Whether `primary_key` is configured.
    pub keyed: bool,
    /// `incremental_lookback_seconds`.
    pub lookback: i64,
}

/// A row; a value that is NULL is not among the cells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The key.
    pub id: i64,
    /// The cursor.
    pub cursor: Option<i64>,
    /// All other values, as text.
    pub cells: BTreeMap<String, String>,
}

/// A row of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The row.
    pub row: Row,
    /// Whether the transaction that gave the row its cursor took it from its own clock or from the sequence.
    pub honest: bool,
}

/// The circumstances of a sync; times are the server's, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// A time before it began.
    pub before: i64,
    /// A time after it ended.
    pub after: i64,
    /// The start of the oldest transaction that was open all the time.
    pub oldest_writer: Option<i64>,
    /// Whether the table was rebuilt.
    pub full: bool,
    /// Whether all keys were compared.
    pub reconciled: bool,
}

/// A run, and the greatest cursor that it can have left.
#[derive(Clone, Copy, Debug)]
struct Mark {
    run: Run,
    watermark: i64,
}

/// A table in source and store.
#[derive(Clone, Debug)]
pub struct Table {
    shape: Shape,
    /// What is committed in the source.
    pub rows: BTreeMap<i64, Version>,
    /// What was when the last sync looked.
    synced: BTreeMap<i64, Version>,
    /// What is in the store; without a key there may be several rows of one id.
    stored: Vec<Row>,
    marks: Vec<Mark>,
    /// Whether every change so far was one that refreshes see.
    exact: bool,
}

impl Table {
    /// Begins with a table that is empty and was never synced.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            rows: BTreeMap::new(),
            synced: BTreeMap::new(),
            stored: Vec::new(),
            marks: Vec::new(),
            exact: false,
        }
    }

    /// Returns its shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns what the store holds, in order.
    #[must_use]
    pub fn stored(&self) -> &[Row] {
        &self.stored
    }

    /// Takes over what a sync has stored.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn synced(&mut self, run: Run, mut found: Vec<Row>) -> Result<(), String> {
        found.sort();
        let source: Vec<Row> = self.rows.values().map(|version| version.row.clone()).collect();
        let safe = self.safe();
        if run.full {
            compare("a rebuild", &source, &found)?;
        } else {
            self.check_window(run, safe, &source, &found)?;
        }
        if run.reconciled {
            let keys = |rows: &[Row]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
            if keys(&source) != keys(&found) {
                return Err(format!(
                    "{:?} are stored where the source has {:?}",
                    keys(&found),
                    keys(&source)
                ));
            }
        }
        self.exact = run.full || self.exact && self.sees_all(run, safe);
        if self.exact {
            compare("a refresh that sees every change", &source, &found)?;
        }
        self.remember(run, safe);
        self.synced.clone_from(&self.rows);
        self.stored = found;
        Ok(())
    }

    /// Checks that nothing has changed.
    ///
    /// # Errors
    /// What has.
    pub fn unchanged(&self, mut found: Vec<Row>) -> Result<(), String> {
        found.sort();
        compare("no commit", &self.stored, &found)
    }

    /// The greatest bound from which the next refresh may read; `None` when it must read everything.
    fn safe(&self) -> Option<i64> {
        let last = self.marks.last()?;
        let lookback = self.shape.lookback * 1_000_000;
        let horizon = last.run.oldest_writer.unwrap_or(last.run.after) - lookback;
        match self.shape.cursor {
            Cursor::None => None,
            Cursor::Time | Cursor::LocalTime => Some(horizon.min(last.watermark - lookback)),
            Cursor::Sequence if last.run.oldest_writer.is_none() && lookback == 0 => Some(last.watermark),
            Cursor::Sequence => {
                let mark = self.marks.iter().rev().find(|mark| mark.run.before <= horizon)?;
                Some(mark.watermark.min(last.watermark))
            }
        }
    }

    fn check_window(&self, run: Run, safe: Option<i64>, source: &[Row], found: &[Row]) -> Result<(), String> {
        // Only the values that occur make a difference; without a bound everything is read.
        let cursors = source.iter().chain(&self.stored).filter_map(|row| row.cursor);
        let bounds: BTreeSet<i64> = cursors.chain(safe).filter(|bound| Some(*bound) <= safe).collect();
        let mut bounds = bounds.into_iter().rev().chain([i64::MIN]);
        if bounds.any(|from| self.refreshed(run, from, source) == found) {
            return Ok(());
        }
        let nearest = safe.unwrap_or(i64::MIN);
        compare(
            &format!("a refresh from {nearest} or below"),
            &self.refreshed(run, nearest, source),
            found,
        )
    }

    /// The window rule, and what a comparison of keys adds to it.
    fn refreshed(&self, run: Run, from: i64, source: &[Row]) -> Vec<Row> {
        let inside = |row: &&Row| row.cursor.is_none_or(|cursor| cursor >= from);
        let staged: Vec<&Row> = source.iter().filter(inside).collect();
        let keys: BTreeSet<i64> = staged.iter().map(|row| row.id).collect();
        let gone = |row: &Row| run.reconciled && source.iter().all(|known| known.id != row.id);
        let goes = |row: &&Row| inside(row) || gone(row) || self.shape.keyed && keys.contains(&row.id);
        let stay = self.stored.iter().filter(|row| !goes(row));
        let mut rows: Vec<Row> = stay.chain(staged).cloned().collect();
        rows.sort();
        rows
    }

    /// Tells whether a refresh from the safe bound sees each difference between the source at the last sync and now.
    fn sees_all(&self, run: Run, safe: Option<i64>) -> bool {
        let inside = |row: &Row| row.cursor.is_none_or(|cursor| Some(cursor) >= safe);
        let ids: BTreeSet<i64> = self.synced.keys().chain(self.rows.keys()).copied().collect();
        ids.into_iter().all(|id| {
            let (old, new) = (self.synced.get(&id), self.rows.get(&id));
            if old.map(|old| &old.row) == new.map(|new| &new.row) {
                return true;
            }
            // Rows that take their cursor as it is meant are promised, whatever the bound is.
            let moved = |new: &Version| old.is_none_or(|old| old.row.cursor != new.row.cursor);
            let comes = new.is_none_or(|new| inside(&new.row) || new.honest && moved(new));
            let goes = old.is_none_or(|old| inside(&old.row) || self.shape.keyed && (new.is_some() || run.reconciled));
            comes && goes
        })
    }

    fn remember(&mut self, run: Run, safe: Option<i64>) {
        let greatest = self.rows.values().filter_map(|version| version.row.cursor).max();
        // A refresh that finds nothing leaves its bound as the watermark.
        let watermark = if run.full { greatest } else { greatest.max(safe) };
        let Some(watermark) = watermark else {
            self.marks.clear();
            return;
        };
        if run.full && self.marks.iter().any(|mark| mark.watermark > watermark) {
            self.marks.clear();
        }
        self.marks.push(Mark { run, watermark });
    }
}

/// Compares rows in order, and tells of some that are missing and some that are too many.
fn compare(what: &str, expected: &[Row], found: &[Row]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let mut missing = expected.to_vec();
    let mut extra = Vec::new();
    for row in found {
        match missing.iter().position(|expected| expected == row) {
            Some(index) => drop(missing.remove(index)),
            None => extra.push(row),
        }
    }
    missing.truncate(4);
    extra.truncate(4);
    Err(format!(
        "after {what} {} rows are stored where {} belong there; missing: {missing:?}; too many: {extra:?}",
        found.len(),
        expected.len()
    ))
}

#[cfg(test)]
mod tests;
