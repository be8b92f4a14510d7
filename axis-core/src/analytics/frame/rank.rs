//! Values at chosen places of ascending values, in many groups at once: quantiles that are exact, from one pass and no sorting.

use super::group::NONE;

/// A quantile that lies between two of `count` values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantile {
    below: u64,
    above: u64,
    part: f64,
}

impl Quantile {
    /// Returns where a quantile from 0 to 1 of so many values lies; there must be one.
    pub(crate) fn of(quantile: f64, count: u64) -> Self {
        let place = quantile * (count - 1) as f64;
        Self {
            below: place.floor() as u64,
            above: place.ceil() as u64,
            part: place - place.floor(),
        }
    }
}

/// Returns an interpolated quantile of ascending values; 0 of none.
pub(crate) fn quantile_of(values: &[f64], quantile: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let quantile = Quantile::of(quantile, values.len() as u64);
    let (below, above) = (values[quantile.below as usize], values[quantile.above as usize]);
    below + (above - below) * quantile.part
}

/// Places of interest in the values of each group, and the values that were found there.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Where the places of each group begin; one more than there are groups.
    starts: Vec<u32>,
    /// The places from 0, ascending and different within a group.
    places: Vec<u64>,
    /// The values there.
    found: Vec<f64>,
}

/// Where a group is on the way through its values.
struct Progress {
    seen: u64,
    next: u64,
}

/// A walk over the values of all groups.
pub(crate) struct Walk<'a> {
    places: &'a mut Places,
    progress: Vec<Progress>,
    cursors: Vec<u32>,
}

impl Walk<'_> {
    /// Takes the next value of a group.
    pub(crate) fn step(&mut self, group: u32, value: f64) {
        let at = &mut self.progress[group as usize];
        if at.seen == at.next {
            let cursor = &mut self.cursors[group as usize];
            self.places.found[*cursor as usize] = value;
            *cursor += 1;
            at.next = if *cursor < self.places.starts[group as usize + 1] {
                self.places.places[*cursor as usize]
            } else {
                u64::MAX
            };
        }
        at.seen += 1;
    }
}

impl Places {
    /// Adds the places of the next group.
    pub(crate) fn add(&mut self, wanted: impl IntoIterator<Item = u64>) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        let start = self.places.len();
        self.places.extend(wanted);
        self.places[start..].sort_unstable();
        let mut kept = start;
        for at in start..self.places.len() {
            if at == start || self.places[at] != self.places[kept - 1] {
                self.places[kept] = self.places[at];
                kept += 1;
            }
        }
        self.places.truncate(kept);
        self.starts.push(self.places.len() as u32);
    }

    /// Adds the places of quantiles of a group with so many values.
    pub(crate) fn add_quantiles(&mut self, quantiles: &[f64], count: u64) {
        let places = quantiles.iter().filter(|_| count > 0).flat_map(|quantile| {
            let quantile = Quantile::of(*quantile, count);
            [quantile.below, quantile.above]
        });
        self.add(places);
    }

    /// Walks over values in ascending order, each with its group, and takes down those at the places.
    pub(crate) fn find(&mut self, values: impl Iterator<Item = (u32, f64)>) {
        let mut walk = self.walk();
        for (group, value) in values.filter(|(group, _)| *group != NONE) {
            walk.step(group, value);
        }
    }

    /// Begins to walk over values in ascending order.
    pub(crate) fn walk(&mut self) -> Walk<'_> {
        self.found = vec![0.0; self.places.len()];
        let next = |range: &[u32]| {
            if range[0] < range[1] {
                self.places[range[0] as usize]
            } else {
                u64::MAX
            }
        };
        Walk {
            progress: self
                .starts
                .windows(2)
                .map(|range| Progress {
                    seen: 0,
                    next: next(range),
                })
                .collect(),
            cursors: self.starts.clone(),
            places: self,
        }
    }

    /// Returns the values that were found in a group, ascending.
    pub(crate) fn values(&self, group: usize) -> &[f64] {
        &self.found[self.starts[group] as usize..self.starts[group + 1] as usize]
    }

    /// Returns the value at one of the places of a group.
    pub(crate) fn value(&self, group: usize, place: u64) -> f64 {
        let range = self.starts[group] as usize..self.starts[group + 1] as usize;
        let at = self.places[range].binary_search(&place);
        at.map_or(0.0, |at| self.values(group)[at])
    }

    /// Returns an interpolated quantile of a group with so many values; 0 of none.
    pub(crate) fn quantile(&self, group: usize, quantile: f64, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        let quantile = Quantile::of(quantile, count);
        let (below, above) = (self.value(group, quantile.below), self.value(group, quantile.above));
        below + (above - below) * quantile.part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated_in_each_group() {
        let mut places = Places::default();
        places.add_quantiles(&[0.5, 0.95, 0.99], 4);
        places.add_quantiles(&[0.5], 0);
        places.add_quantiles(&[0.5, 1.0, 0.0], 1);
        let values = [(0, 1.0), (2, 1.5), (0, 2.0), (NONE, 3.0), (0, 4.0), (0, 8.0)];
        places.find(values.into_iter());
        assert_eq!(places.quantile(0, 0.5, 4), 3.0);
        // 0.95 * 3 = 2.85: between 4 and 8.
        assert!((places.quantile(0, 0.95, 4) - 7.4).abs() < 1e-12);
        assert_eq!(places.quantile(1, 0.5, 0), 0.0);
        assert_eq!(places.quantile(2, 1.0, 1), 1.5);
    }
}
