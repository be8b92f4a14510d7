//! Daily values with their averages over calendar days.

use std::collections::BTreeMap;

use super::display::{Looks, adds_up, common_unit};
use super::frame::{Entry, begin_of, day_of};
use super::{Question, finite};

const WEEK: i64 = 7;
const MONTH: i64 = 30;

/// One observed day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Day {
    /// Days since 1970.
    pub(super) day: i64,
    /// Of the rows within the range.
    pub(super) value: f64,
    /// Mean of the observed values of the last 7 days, this one included.
    pub(super) avg_7d: f64,
    /// Of the last 30 days.
    pub(super) avg_30d: f64,
    /// Rows within the range.
    pub(super) count: u64,
}

/// The days of one KPI that have rows within the range, ascending, and the unit of their values.
#[derive(Clone, Debug)]
pub(super) struct Series<'q> {
    pub(super) days: Vec<Day>,
    pub(super) unit: &'q str,
}

/// A sum and of how many.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    count: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The sum where values add up, the mean elsewhere; of nothing it is nothing.
    fn value(self, adds: bool) -> Self {
        if self.count == 0 {
            return self;
        }
        let sum = if adds { self.sum } else { self.sum / self.count as f64 };
        Self { sum, count: 1 }
    }
}

/// What a day amounts to.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    day: i64,
    /// The whole day.
    all: Sum,
    /// What is within the range.
    within: Sum,
    /// Rows within the range.
    rows: u64,
}

impl Question {
    /// Computes the days of one KPI from its entries.
    pub(super) fn series<'e>(&self, kpi: &str, entries: &[&'e Entry]) -> Series<'_> {
        let mut by_source: BTreeMap<Option<&'e str>, Vec<&'e Entry>> = BTreeMap::new();
        for entry in entries {
            by_source.entry(entry.key.source()).or_default().push(entry);
        }
        let unit = match &self.request.source_name {
            Some(source) => Looks::new(&self.options, Some(source)).unit(kpi),
            None => common_unit(&self.options, kpi, by_source.keys().copied()),
        };
        let mut days = Vec::new();
        for (source, entries) in by_source {
            let adds = adds_up(Looks::new(&self.options, source).unit(kpi));
            days.extend(self.totals(&entries).into_iter().map(|total| Total {
                all: total.all.value(adds),
                within: total.within.value(adds),
                ..total
            }));
        }
        let adds = adds_up(unit);
        let days: Vec<Total> = merge(days)
            .into_iter()
            .map(|total| Total {
                all: total.all.value(adds),
                within: total.within.value(adds),
                ..total
            })
            .collect();
        Series {
            days: averages(&days),
            unit,
        }
    }

    /// Adds up the rows of each day, ascending, as far back as an average of the range looks.
    fn totals(&self, entries: &[&Entry]) -> Vec<Total> {
        let (first, last) = self.range;
        let from = begin_of(day_of(first).saturating_sub(MONTH - 1));
        let to = begin_of(day_of(last).saturating_add(1)).saturating_sub(1);
        let mut days: Vec<Total> = Vec::new();
        for entry in entries {
            let mut begun = false;
            for (time, value) in self.frame.rows(entry, from, to) {
                let day = day_of(time);
                let row = Sum { sum: value, count: 1 };
                let is_within = (first..=last).contains(&time);
                let within = if is_within { row } else { Sum::default() };
                match days.last_mut().filter(|known| begun && known.day == day) {
                    Some(total) => {
                        total.all.add(row);
                        total.within.add(within);
                        total.rows += within.count;
                    }
                    None => days.push(Total {
                        day,
                        all: row,
                        within,
                        rows: within.count,
                    }),
                }
                begun = true;
            }
        }
        merge(days)
    }
}

/// Makes one of the totals of each day, ascending.
fn merge(mut days: Vec<Total>) -> Vec<Total> {
    // Several ascending runs, which a stable sort merges.
    days.sort_by_key(|total| total.day);
    days.dedup_by(|later, kept| {
        let same = later.day == kept.day;
        if same {
            kept.all.add(later.all);
            kept.within.add(later.within);
            kept.rows += later.rows;
        }
        same
    });
    days
}

/// Gives each day within the range its averages; those outside only serve the others.
fn averages(days: &[Total]) -> Vec<Day> {
    let average = |at: usize, length: i64| {
        let after = days[at].day.saturating_sub(length);
        let window = days[..=at].iter().rev().take_while(|total| total.day > after);
        let (sum, count) = window.fold((0.0, 0_u32), |(sum, count), total| (sum + total.all.sum, count + 1));
        finite(sum / f64::from(count))
    };
    let shown = days.iter().enumerate().filter(|(_, total)| total.rows > 0);
    shown
        .map(|(at, total)| Day {
            day: total.day,
            value: finite(total.within.sum),
            avg_7d: average(at, WEEK),
            avg_30d: average(at, MONTH),
            count: total.rows,
        })
        .collect()
}
