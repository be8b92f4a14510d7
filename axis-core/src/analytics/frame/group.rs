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

/// The selected rows and the group of each.
#[derive(Debug)]
pub(crate) struct Groups {
    /// The group of each selected row.
    ids: Vec<u32>,
    /// The selected rows; every row when there is none.
    rows: Option<Vec<u32>>,
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
        let rows = match selection {
            Selection::All => None,
            _ => {
                let mut rows = Vec::with_capacity(selection.count(limit));
                selection.each(limit, |row| rows.push(row as u32));
                Some(rows)
            }
        };
        let size = inner.map_or(1, |key| key.size.max(1));
        match outer.size.checked_mul(size).filter(|count| *count <= DENSE) {
            Some(count) => Self {
                ids: match &rows {
                    None => every(limit, outer, inner),
                    Some(rows) => listed(rows, outer, inner),
                },
                rows,
                count,
                inner: size,
                sparse: None,
            },
            None => Self::sparse(rows, limit, outer, inner, size),
        }
    }

    fn sparse(rows: Option<Vec<u32>>, limit: usize, outer: &Key<'_>, inner: Option<&Key<'_>>, size: usize) -> Self {
        let index = |key: &Key<'_>, row: u32| key.index[key.codes.get(row as usize) as usize];
        let mut known = HashMap::new();
        let mut places = Vec::new();
        let mut id = |row: u32| {
            let (outer, inner) = (index(outer, row), inner.map_or(0, |key| index(key, row)));
            if outer == NONE || inner == NONE {
                return NONE;
            }
            let place = u64::from(outer) * size as u64 + u64::from(inner);
            *known.entry(place).or_insert_with(|| {
                places.push(place);
                places.len() as u32 - 1
            })
        };
        let ids = match &rows {
            None => (0..limit as u32).map(&mut id).collect(),
            Some(rows) => rows.iter().map(|row| id(*row)).collect(),
        };
        Self {
            ids,
            rows,
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

    /// Calls back with the group and the value of each row that is in a group, in the order of rows.
    pub(crate) fn each(&self, values: &[f64], mut visit: impl FnMut(u32, f64)) {
        match &self.rows {
            None => {
                for (group, value) in self.ids.iter().zip(values).filter(|(group, _)| **group != NONE) {
                    visit(*group, *value);
                }
            }
            Some(rows) => {
                for (group, row) in self.ids.iter().zip(rows).filter(|(group, _)| **group != NONE) {
                    visit(*group, values[*row as usize]);
                }
            }
        }
    }

    /// Counts the rows of each group, sums their values, and counts those that reach the threshold.
    pub(crate) fn tally(&self, values: &[f64], threshold: f64) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.count];
        self.each(values, |group, value| tallies[group as usize].add(value, threshold));
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

/// The groups of all rows below `limit`.
fn every(limit: usize, outer: &Key<'_>, inner: Option<&Key<'_>>) -> Vec<u32> {
    let mut ids = Vec::with_capacity(limit);
    for start in (0..limit).step_by(BLOCK) {
        let end = (start + BLOCK).min(limit);
        with_codes!(outer.codes, codes => ids.extend(codes[start..end].iter().map(|code| outer.index[code.index()])));
        if let Some(key) = inner {
            with_codes!(key.codes, codes => divide(&mut ids[start..end], key, codes[start..end].iter().copied()));
        }
    }
    ids
}

/// The groups of these rows.
fn listed(rows: &[u32], outer: &Key<'_>, inner: Option<&Key<'_>>) -> Vec<u32> {
    let mut ids = Vec::with_capacity(rows.len());
    for block in rows.chunks(BLOCK) {
        let start = ids.len();
        with_codes!(outer.codes, codes => ids.extend(block.iter().map(|row| outer.index[codes[*row as usize].index()])));
        if let Some(key) = inner {
            with_codes!(key.codes, codes => divide(&mut ids[start..], key, block.iter().map(|row| codes[*row as usize])));
        }
    }
    ids
}

/// Divides groups by another key.
fn divide<C: Code>(ids: &mut [u32], key: &Key<'_>, codes: impl Iterator<Item = C>) {
    let size = key.size.max(1) as u32;
    for (id, code) in ids.iter_mut().zip(codes) {
        let index = key.index[code.index()];
        *id = if index == NONE || *id == NONE {
            NONE
        } else {
            *id * size + index
        };
    }
}
