//! Groups of rows: a number for each row's group, and what is counted and summed in each.

use std::collections::HashMap;

use super::codes::{Code, Codes, with_codes};
use super::select::Selection;

/// The group of a row that is in none.
pub(crate) const NONE: u32 = u32::MAX;
/// Up to so many groups have a place each, whether rows fall into them or not.
const DENSE: usize = 1 << 21;
/// Rows that are worked on at once, so that their groups stay in the processor's cache.
const BLOCK: usize = 1024;

/// A column by which rows are grouped: the index of the group behind each code, or [`NONE`].
#[derive(Debug)]
pub(crate) struct Key<'a> {
    /// The code of each row.
    pub(crate) codes: &'a Codes,
    /// The index behind each code.
    pub(crate) index: Vec<u32>,
    /// The indices are below this.
    pub(crate) size: usize,
}

/// The group of each row.
#[derive(Debug)]
pub(crate) struct Groups {
    /// One a row.
    pub(crate) ids: Vec<u32>,
    /// Groups that have a place.
    pub(crate) count: usize,
    /// The size of the second key.
    inner: usize,
    /// The places of groups that are too many for a place each.
    sparse: Option<Vec<u64>>,
}

impl Groups {
    /// Groups the selected rows below `limit` by one or two keys.
    pub(crate) fn new(selection: &Selection, limit: usize, outer: &Key<'_>, inner: Option<&Key<'_>>) -> Self {
        let size = inner.map_or(1, |key| key.size.max(1));
        match outer.size.checked_mul(size).filter(|count| *count <= DENSE) {
            Some(count) => Self {
                ids: dense(selection, limit, outer, inner),
                count,
                inner: size,
                sparse: None,
            },
            None => Self::sparse(selection, limit, outer, inner, size),
        }
    }

    fn sparse(selection: &Selection, limit: usize, outer: &Key<'_>, inner: Option<&Key<'_>>, size: usize) -> Self {
        let index = |key: &Key<'_>, row: usize| key.index[key.codes.get(row) as usize];
        let mut ids = vec![NONE; limit];
        let mut known = HashMap::new();
        let mut places = Vec::new();
        selection.each(limit, |row| {
            let (outer, inner) = (index(outer, row), inner.map_or(0, |key| index(key, row)));
            if outer != NONE && inner != NONE {
                let place = u64::from(outer) * size as u64 + u64::from(inner);
                ids[row] = *known.entry(place).or_insert_with(|| {
                    places.push(place);
                    places.len() as u32 - 1
                });
            }
        });
        Self {
            ids,
            count: places.len(),
            inner: size,
            sparse: Some(places),
        }
    }

    /// Returns the indices of both keys, of a group.
    pub(crate) fn keys(&self, group: usize) -> (usize, usize) {
        let place = self.sparse.as_ref().map_or(group, |places| places[group] as usize);
        (place / self.inner, place % self.inner)
    }

    /// Counts the rows of each group, sums their values, and counts those that reach the threshold. `values` are as many as
    /// there are rows.
    pub(crate) fn tally(&self, values: &[f64], threshold: f64) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.count];
        for (group, value) in self.ids.iter().zip(values) {
            if *group != NONE {
                tallies[*group as usize].add(*value, threshold);
            }
        }
        tallies
    }

    /// Counts the rows of each group.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.count];
        for group in self.ids.iter().filter(|group| **group != NONE) {
            counts[*group as usize] += 1;
        }
        counts
    }
}

/// What is counted and summed over rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Rows whose value is at or above the threshold.
    pub(crate) passed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, value: f64, threshold: f64) {
        self.count += 1;
        self.sum += value;
        self.passed += u64::from(value >= threshold);
    }

    /// Returns the mean; 0 of nothing.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum / self.count as f64
        }
    }

    /// Returns the percentage that passes; 0 of nothing.
    pub(crate) fn pass_rate(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            100.0 * self.passed as f64 / self.count as f64
        }
    }
}

fn dense(selection: &Selection, limit: usize, outer: &Key<'_>, inner: Option<&Key<'_>>) -> Vec<u32> {
    let words = match selection {
        Selection::None => return vec![NONE; limit],
        Selection::All => None,
        Selection::Some(words) => Some(words),
    };
    let mut ids = Vec::with_capacity(limit);
    for start in (0..limit).step_by(BLOCK) {
        let end = (start + BLOCK).min(limit);
        with_codes!(outer.codes, codes => ids.extend(codes[start..end].iter().map(|code| outer.index[code.index()])));
        let block = &mut ids[start..end];
        if let Some(key) = inner {
            let size = key.size.max(1) as u32;
            with_codes!(key.codes, codes => {
                for (id, code) in block.iter_mut().zip(&codes[start..end]) {
                    let index = key.index[code.index()];
                    *id = if index == NONE || *id == NONE { NONE } else { *id * size + index };
                }
            });
        }
        let Some(words) = words else { continue };
        for (ids, word) in block.chunks_mut(64).zip(&words[start / 64..]) {
            if *word == u64::MAX {
                continue;
            }
            for (at, id) in ids.iter_mut().enumerate() {
                // All ones for a row that is not selected.
                *id |= ((word >> at & 1) as u32).wrapping_sub(1);
            }
        }
    }
    ids
}
