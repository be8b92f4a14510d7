//! Which rows of a frame answer to a filter.

use super::codes::{Code, with_codes};
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

/// One condition on one column.
enum Test<'a> {
    /// The row's code is allowed.
    Codes(&'a super::codes::Codes, Vec<bool>),
    /// The row's hour is wanted whole, or the row's time is.
    Time(&'a Times, Vec<Hour>, &'a Conditions),
}

#[derive(Clone, Copy, PartialEq)]
enum Hour {
    Out,
    In,
    /// The bound is inside of it.
    Partly,
}

impl Test<'_> {
    /// Returns the bits of up to 64 rows.
    fn bits(&self, start: usize, end: usize) -> u64 {
        match self {
            Self::Codes(codes, allowed) => {
                with_codes!(codes, codes => bits(&codes[start..end], |_, code| allowed[code]))
            }
            Self::Time(times, hours, conditions) => {
                with_codes!(&times.hours, codes => bits(&codes[start..end], |at, code| {
                    match hours[code] {
                        Hour::Out => false,
                        Hour::In => true,
                        Hour::Partly => conditions.wants(times.micros[start + at]),
                    }
                }))
            }
        }
    }
}

fn bits<C: Code>(codes: &[C], test: impl Fn(usize, usize) -> bool) -> u64 {
    let each = codes.iter().enumerate();
    each.fold(0, |bits, (at, code)| bits | u64::from(test(at, code.index())) << at)
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
            if let Some(column) = self.attribute(attribute).filter(|_| allowed.contains(&false)) {
                tests.push(Test::Codes(&column.codes, allowed));
            }
        }
        if conditions.since.is_some() || conditions.until.is_some() {
            let Some(times) = &self.times else {
                return Selection::None;
            };
            tests.push(Test::Time(times, hours(times, conditions), conditions));
        }
        if tests.is_empty() {
            return Selection::All;
        }
        let mut words = Vec::with_capacity(self.rows.div_ceil(64));
        for start in (0..self.rows).step_by(64) {
            let end = (start + 64).min(self.rows);
            let mut word = u64::MAX >> (64 - (end - start));
            for test in &tests {
                if word == 0 {
                    break;
                }
                word &= test.bits(start, end);
            }
            words.push(word);
        }
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
