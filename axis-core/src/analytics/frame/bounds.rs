//! Where a page of rows lies in time: so that reading it needs to look at a narrow range only.

use std::sync::Arc;

use super::codes::{Code, NULL, with_codes};
use super::times::{MICROS_PER_HOUR, NO_TIME};
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
        let mut of_hour = vec![0_u64; times.starts.len() + 1];
        with_codes!(&times.hours, codes => selection.each(self.rows, |row| of_hour[codes[row].index()] += 1));
        let timed = total - of_hour[NULL as usize];
        if offset >= timed {
            return PageBounds {
                total,
                records: self.record_range(selection, None, true),
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
        let newest = self.nth_newest(selection, &of_hour, first);
        let oldest = self.nth_newest(selection, &of_hour, last);
        PageBounds {
            total,
            range: Some((oldest.micros, newest.micros)),
            records: self.record_range(selection, Some((oldest.micros, newest.micros)), end > timed),
            nulls: end > timed,
            skip: if ascending {
                offset - (timed - oldest.not_older)
            } else {
                offset - newest.newer
            },
            rows,
            inside: oldest.not_older - newest.newer,
        }
    }

    /// Returns the hours between which the records of selected rows lie whose times are in the range, or missing.
    fn record_range(&self, selection: &Selection, range: Option<(i64, i64)>, nulls: bool) -> Option<(i64, i64)> {
        let (times, records) = (self.times.as_ref()?, self.record_times.as_ref()?);
        let wanted = |micros: i64| match range {
            _ if micros == NO_TIME => nulls,
            Some((oldest, newest)) => (oldest..=newest).contains(&micros),
            None => false,
        };
        let (mut first, mut last) = (u32::MAX, NULL);
        with_codes!(&records.hours, codes => selection.each(self.rows, |row| {
            if wanted(times.micros[row]) {
                let code = codes[row].index() as u32;
                (first, last) = (first.min(code), last.max(code));
            }
        }));
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
        let mut codes = Vec::new();
        selection.each(self.rows, |row| {
            if (range.0..=range.1).contains(&times.micros[row]) {
                codes.push(records.codes[row]);
            }
        });
        codes.sort_unstable();
        codes.dedup();
        let name = |code: u32| records.names.get((code as usize).checked_sub(1)?).map(Arc::clone);
        codes.into_iter().filter_map(name).collect()
    }

    /// Returns the time at a place from the newest on, and how many selected rows are around it.
    fn nth_newest(&self, selection: &Selection, of_hour: &[u64], place: u64) -> Place {
        let Some(times) = &self.times else {
            return Place::default();
        };
        let mut before = 0;
        let mut hour = of_hour.len() - 1;
        while hour > 1 && before + of_hour[hour] <= place {
            before += of_hour[hour];
            hour -= 1;
        }
        let mut inside = Vec::new();
        with_codes!(&times.hours, codes => selection.each(self.rows, |row| {
            if codes[row].index() == hour {
                inside.push(times.micros[row]);
            }
        }));
        inside.sort_unstable_by(|a, b| b.cmp(a));
        let Some(found) = inside.get((place - before) as usize).copied() else {
            return Place::default();
        };
        Place {
            micros: found,
            newer: before + inside.partition_point(|micros| *micros > found) as u64,
            not_older: before + inside.partition_point(|micros| *micros >= found) as u64,
        }
    }
}

/// A time among those of the selected rows.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    micros: i64,
    /// Rows that are newer.
    newer: u64,
    /// Rows that are newer or of this very time.
    not_older: u64,
}
