//! Which rows of a frame answer to a filter.

use super::codes::{Code, Codes, NULL, with_codes};
use super::times::{NO_TIME, Times};
use super::{Attribute, Frame};

/// What rows must answer to, resolved: every condition must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conditions {
    /// The text that an attribute equals.
    pub(crate) equal: Vec<(Attribute, String)>,
    /// `metric_category` in upper case; SCORE includes NULL, and a relation without the column.
    pub(crate) category: Option<String>,
    /// `metric_name` is one of these.
    pub(crate) metrics: Option<Vec<String>>,
    /// The earliest `timestamp`, in microseconds since 1970 UTC, inclusive.
    pub(crate) since: Option<i64>,
    /// The latest `timestamp`, inclusive.
    pub(crate) until: Option<i64>,
}

/// The category that rows without one belong to.
pub(crate) const SCORE: &str = "SCORE";

impl Conditions {
    /// Returns the attributes that are looked at.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute> + '_ {
        let equal = self.equal.iter().map(|(attribute, _)| *attribute);
        equal
            .chain(self.category.as_ref().map(|_| Attribute::MetricCategory))
            .chain(self.metrics.as_ref().map(|_| Attribute::MetricName))
    }

    /// Tells whether a time of this kind is wanted.
    fn wants(&self, micros: i64) -> bool {
        micros != NO_TIME
            && self.since.is_none_or(|since| micros >= since)
            && self.until.is_none_or(|until| micros <= until)
    }
}

/// Tells whether a category is the wanted one, which is in upper case.
pub(crate) fn is_category(wanted: &str, category: Option<&str>) -> bool {
    match category {
        Some(category) => category.to_uppercase() == wanted,
        None => wanted == SCORE,
    }
}

/// The rows of a frame that were selected.
#[derive(Debug)]
pub(crate) enum Selection {
    /// Every row.
    All,
    /// No row.
    None,
    /// The rows whose bits are set.
    Some(Vec<u64>),
}

impl Selection {
    /// Calls back with each selected row below `limit`, ascending.
    pub(crate) fn each(&self, limit: usize, mut visit: impl FnMut(usize)) {
        match self {
            Self::All => (0..limit).for_each(visit),
            Self::None => {}
            Self::Some(words) => {
                for (word, start) in words.iter().zip((0..limit).step_by(64)) {
                    let mut bits = *word;
                    if bits == u64::MAX && start + 64 <= limit {
                        (start..start + 64).for_each(&mut visit);
                        continue;
                    }
                    while bits != 0 {
                        let row = start + bits.trailing_zeros() as usize;
                        if row >= limit {
                            return;
                        }
                        visit(row);
                        bits &= bits - 1;
                    }
                }
            }
        }
    }

    /// Tells whether a row is selected.
    pub(crate) fn has(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Some(words) => words[row / 64] >> (row % 64) & 1 == 1,
        }
    }

    /// Counts the selected rows below `limit`.
    pub(crate) fn count(&self, limit: usize) -> usize {
        match self {
            Self::All => limit,
            Self::None => 0,
            Self::Some(words) => {
                let whole = words[..limit / 64]
                    .iter()
                    .map(|word| word.count_ones() as usize)
                    .sum::<usize>();
                let rest = words
                    .get(limit / 64)
                    .map_or(0, |word| word & !(u64::MAX << (limit % 64)));
                whole + rest.count_ones() as usize
            }
        }
    }
}

/// Rows that are tested at once.
const BLOCK: usize = 1024;

/// One condition on one column.
enum Test<'a> {
    /// The row's code is allowed.
    Codes(&'a Codes, Allowed),
    /// The row's time is wanted; only rows of these hours, at either end, need to be looked at.
    Edges(&'a Times, [u32; 2], &'a Conditions),
}

/// How an hour lies to the bounds.
#[derive(Clone, Copy, PartialEq)]
enum Hour {
    Out,
    In,
    /// A bound is inside of it.
    Partly,
}

/// Which codes a condition allows.
enum Allowed {
    /// Those from the first to the last one, which a processor compares many at a time.
    Range(u32, u32),
    /// Those that are marked.
    Some(Vec<bool>),
}

impl Allowed {
    /// `None` when there is nothing to test, because every code is allowed.
    fn new(marked: Vec<bool>) -> Option<Self> {
        let first = marked.iter().position(|allowed| *allowed).unwrap_or(0);
        let last = marked.iter().rposition(|allowed| *allowed).unwrap_or(0);
        if !marked[first..=last].iter().all(|allowed| *allowed) {
            return Some(Self::Some(marked));
        }
        (first > 0 || last + 1 < marked.len()).then_some(Self::Range(first as u32, last as u32))
    }
}

impl Test<'_> {
    /// Clears the marks of rows that fail; the first mark is that of row `start`.
    fn apply(&self, start: usize, marks: &mut [u8]) {
        match self {
            Self::Codes(codes, allowed) => with_codes!(codes, codes => keep(&codes[start..], marks, allowed)),
            Self::Edges(times, edges, conditions) => with_codes!(&times.hours, codes => {
                for (at, (mark, code)) in marks.iter_mut().zip(&codes[start..]).enumerate() {
                    if edges.contains(&(code.index() as u32)) {
                        *mark &= u8::from(conditions.wants(times.micros[start + at]));
                    }
                }
            }),
        }
    }
}

fn keep<C: Code>(codes: &[C], marks: &mut [u8], allowed: &Allowed) {
    match allowed {
        Allowed::Range(first, last) => {
            // Codes as narrow as they are stored, so that as many as possible are compared at once.
            let (first, last) = (C::narrow(*first), C::narrow(*last));
            for (mark, code) in marks.iter_mut().zip(codes) {
                *mark &= u8::from(*code >= first) & u8::from(*code <= last);
            }
        }
        Allowed::Some(allowed) => {
            for (mark, code) in marks.iter_mut().zip(codes) {
                *mark &= u8::from(allowed[code.index()]);
            }
        }
    }
}

/// Gathers 64 marks of 0 or 1 into as many bits; missing ones are 0.
fn gather(marks: &[u8]) -> u64 {
    // The product has the eight marks, which are 8 bits apart, in its highest byte.
    let bits = |marks: [u8; 8]| u64::from_le_bytes(marks).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let (whole, rest) = marks.as_chunks();
    let word = (0..)
        .zip(whole)
        .fold(0, |word, (at, marks)| word | bits(*marks) << (at * 8));
    if rest.is_empty() {
        return word;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    word | bits(last) << (whole.len() * 8)
}

impl Frame {
    /// Selects the rows that answer to every condition. A condition on a column that is not there holds for no row.
    pub(crate) fn select(&self, conditions: &Conditions) -> Selection {
        let mut tests = Vec::new();
        let mut wanted: Vec<(Attribute, Vec<bool>)> = Vec::new();
        for (attribute, text) in &conditions.equal {
            let Some(column) = self.attribute(*attribute) else {
                return Selection::None;
            };
            wanted.push((*attribute, column.allowed(|value| value == Some(text))));
        }
        if let Some(category) = &conditions.category {
            match self.attribute(Attribute::MetricCategory) {
                Some(column) => {
                    wanted.push((
                        Attribute::MetricCategory,
                        column.allowed(|value| is_category(category, value)),
                    ));
                }
                None if category == SCORE => {}
                None => return Selection::None,
            }
        }
        if let Some(metrics) = &conditions.metrics {
            let Some(column) = self.attribute(Attribute::MetricName) else {
                return Selection::None;
            };
            let named = |value: Option<&str>| value.is_some_and(|value| metrics.iter().any(|metric| metric == value));
            wanted.push((Attribute::MetricName, column.allowed(named)));
        }
        for (attribute, allowed) in wanted {
            if !allowed.contains(&true) {
                return Selection::None;
            }
            // NULL is in the dictionary whether there is one or not.
            if let (Some(column), Some(allowed)) = (self.attribute(attribute), Allowed::new(allowed)) {
                tests.push(Test::Codes(&column.codes, allowed));
            }
        }
        if conditions.since.is_some() || conditions.until.is_some() {
            let Some(times) = &self.times else {
                return Selection::None;
            };
            let hours = hours(times, conditions);
            let edge = |hour: Option<usize>| hour.map_or(NULL, |hour| hour as u32);
            let edges = [
                edge(hours.iter().position(|hour| *hour == Hour::Partly)),
                edge(hours.iter().rposition(|hour| *hour == Hour::Partly)),
            ];
            let allowed: Vec<bool> = hours.iter().map(|hour| *hour != Hour::Out).collect();
            if !allowed.contains(&true) {
                return Selection::None;
            }
            tests.extend(Allowed::new(allowed).map(|allowed| Test::Codes(&times.hours, allowed)));
            if edges != [NULL; 2] {
                tests.push(Test::Edges(times, edges, conditions));
            }
        }
        if tests.is_empty() {
            return Selection::All;
        }
        let mut words = Vec::with_capacity(self.rows.div_ceil(64));
        let mut marks = [0_u8; BLOCK];
        for start in (0..self.rows).step_by(BLOCK) {
            let marks = &mut marks[..BLOCK.min(self.rows - start)];
            marks.fill(1);
            tests.iter().for_each(|test| test.apply(start, marks));
            words.extend(marks.chunks(64).map(gather));
        }
        Selection::Some(words)
    }
}

impl Frame {
    /// Keeps of a selection the rows whose records are wanted, which is said for each code.
    pub(crate) fn of_records(&self, selection: &Selection, wanted: &[bool]) -> Selection {
        let Some(records) = &self.records else {
            return Selection::None;
        };
        let mut words = vec![0_u64; self.rows.div_ceil(64)];
        selection.each(self.rows, |row| {
            words[row / 64] |= u64::from(wanted[records.codes[row] as usize]) << (row % 64);
        });
        Selection::Some(words)
    }
}

/// Tells of each hour's code whether the hour is inside of the bounds.
fn hours(times: &Times, conditions: &Conditions) -> Vec<Hour> {
    let codes = 0..=times.starts.len() as u32;
    codes
        .map(|code| match times.start_of(code) {
            None => Hour::Out,
            Some(first) => {
                let last = first.saturating_add(super::times::MICROS_PER_HOUR - 1);
                match (conditions.wants(first), conditions.wants(last)) {
                    (true, true) => Hour::In,
                    _ if conditions.since.is_some_and(|since| since > last)
                        || conditions.until.is_some_and(|until| until < first) =>
                    {
                        Hour::Out
                    }
                    _ => Hour::Partly,
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_bits() {
        let marks: Vec<u8> = (0..64).map(|at| u8::from(at % 3 == 0 || at == 62)).collect();
        let expected = (0..64)
            .filter(|at| marks[*at] == 1)
            .fold(0, |bits, at| bits | 1_u64 << at);
        assert_eq!(gather(&marks), expected);
        assert_eq!(gather(&[1; 64]), u64::MAX);
        assert_eq!(gather(&[1; 13]), 0x1fff);
    }

    #[test]
    fn selected_rows_are_counted_and_visited_below_a_limit() {
        let selection = Selection::Some(vec![u64::MAX, 0b1011, u64::MAX]);
        for limit in [0, 1, 63, 64, 65, 66, 67, 68, 128, 129, 192] {
            let mut rows = Vec::new();
            selection.each(limit, |row| rows.push(row));
            let expected: Vec<usize> = (0..limit).filter(|row| selection.has(*row)).collect();
            assert_eq!((&rows, selection.count(limit)), (&expected, expected.len()), "{limit}");
        }
    }
}
