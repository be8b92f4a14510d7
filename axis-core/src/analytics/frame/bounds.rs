//! Where a page of rows lies in time: so that reading it needs to look at a narrow range only.

use std::ops::Range;
use std::sync::Arc;

use super::codes::NULL;
use super::times::{MICROS_PER_HOUR, Newest};
use super::{Frame, Selection};

/// Where the rows of a page are, in the order of `timestamp`, those without one last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageBounds {
    /// Selected rows, on all pages.
    pub(crate) total: u64,
    /// The times of the page's rows lie from the oldest to the newest one, both included; `None` when none of them has a time.
    pub(crate) range: Option<(i64, i64)>,
    /// The times of the rows' records lie between these, both included, where the relation has them and all are known.
    pub(crate) records: Option<(i64, i64)>,
    /// Whether the page has rows without a time.
    pub(crate) nulls: bool,
    /// Selected rows of that range, and of those without a time when `nulls`, that come before the page.
    pub(crate) skip: u64,
    /// Rows of the page.
    pub(crate) rows: u64,
    /// All selected rows of that range; those without a time are not counted.
    pub(crate) inside: u64,
}

impl Frame {
    /// Finds where the rows from `offset` on lie, newest first. Without a `timestamp` column no row has a time.
    pub(crate) fn page(&self, selection: &Selection, offset: u64, rows: u64) -> PageBounds {
        self.page_of(selection, offset, rows, false)
    }

    /// The same, oldest first when `ascending`.
    pub(crate) fn page_of(&self, selection: &Selection, offset: u64, rows: u64, ascending: bool) -> PageBounds {
        let total = selection.count(self.rows) as u64;
        let end = offset.saturating_add(rows).min(total);
        if offset >= end {
            return PageBounds {
                total,
                ..PageBounds::default()
            };
        }
        let rows = end - offset;
        let Some(times) = &self.times else {
            return PageBounds {
                total,
                nulls: true,
                skip: offset,
                rows,
                ..PageBounds::default()
            };
        };
        let newest = times.newest();
        let count = |places: Range<usize>| match selection {
            Selection::All => places.len() as u64,
            _ => newest.rows[places]
                .iter()
                .filter(|row| selection.has(**row as usize))
                .count() as u64,
        };
        let without = newest.timed..newest.rows.len();
        let timed = total - count(without.clone());
        if offset >= timed {
            return PageBounds {
                total,
                records: self.record_range(selection, &newest.rows[without]),
                nulls: true,
                skip: offset - timed,
                rows,
                ..PageBounds::default()
            };
        }
        // Counted from the newest on, whatever the direction.
        let last = end.min(timed) - 1;
        let (first, last) = if ascending {
            (timed - 1 - last, timed - 1 - offset)
        } else {
            (offset, last)
        };
        let first_place = place(newest, selection, 0, first);
        let last_place = place(newest, selection, first_place, last - first);
        let micros = |place: usize| times.micros[newest.rows[place] as usize];
        let (latest, earliest) = (micros(first_place), micros(last_place));
        // All rows of those two times belong to the range.
        let before = newest.rows[..first_place].partition_point(|row| times.micros[*row as usize] > latest);
        let after = newest.rows[..newest.timed].partition_point(|row| times.micros[*row as usize] >= earliest);
        let newer_on_range = count(before..first_place);
        let inside = count(before..after);
        let nulls = end > timed;
        let records = self.record_range(selection, &newest.rows[before..after]);
        PageBounds {
            total,
            range: Some((earliest, latest)),
            records: if nulls {
                records
                    .zip(self.record_range(selection, &newest.rows[without]))
                    .map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)))
            } else {
                records
            },
            nulls,
            skip: if ascending {
                // What is older than the page, of the range alone.
                inside - newer_on_range - (last - first + 1)
            } else {
                newer_on_range
            },
            rows,
            inside,
        }
    }

    /// Returns the hours between which the records of the selected ones of these rows lie.
    fn record_range(&self, selection: &Selection, rows: &[u32]) -> Option<(i64, i64)> {
        let records = self.record_times.as_ref()?;
        let (mut first, mut last) = (u32::MAX, NULL);
        for row in rows.iter().map(|row| *row as usize).filter(|row| selection.has(*row)) {
            let code = records.hours.get(row);
            (first, last) = (first.min(code), last.max(code));
        }
        // A record whose time is unknown would be lost.
        Some((
            records.start_of(first)?,
            records.start_of(last)?.saturating_add(MICROS_PER_HOUR - 1),
        ))
    }

    /// Returns the `dataset_id`s of the selected rows between two times, each once and ordered.
    pub(crate) fn records_between(&self, selection: &Selection, range: (i64, i64)) -> Vec<Arc<str>> {
        let (Some(times), Some(records)) = (&self.times, &self.records) else {
            return Vec::new();
        };
        let newest = times.newest();
        let timed = &newest.rows[..newest.timed];
        let from = timed.partition_point(|row| times.micros[*row as usize] > range.1);
        let to = timed.partition_point(|row| times.micros[*row as usize] >= range.0);
        let mut codes: Vec<u32> = timed[from..to]
            .iter()
            .filter(|row| selection.has(**row as usize))
            .map(|row| records.codes[*row as usize])
            .collect();
        codes.sort_unstable();
        codes.dedup();
        let name = |code: u32| records.names.get((code as usize).checked_sub(1)?).map(Arc::clone);
        codes.into_iter().filter_map(name).collect()
    }
}

/// Returns where the selected row is that `skip` selected rows come before, from a place on.
fn place(newest: &Newest, selection: &Selection, from: usize, skip: u64) -> usize {
    if matches!(selection, Selection::All) {
        return from + skip as usize;
    }
    let mut selected = (from..newest.timed).filter(|place| selection.has(newest.rows[*place] as usize));
    // There is one: those with a time were counted.
    selected.nth(skip as usize).unwrap_or(from)
}
