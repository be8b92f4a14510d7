//! How a KPI looks: the first setting that says so wins, from the source's own for the KPI to the built-in default.

use crate::config::{KpiDisplay, KpiOptions, KpiOverride, title_case};

/// The lines of a chart, in the order in which they are listed.
pub(super) const LINES: [&str; 3] = ["daily", "avg_7d", "avg_30d"];
/// The unit whose values are added up.
const COUNT: &str = "count";

/// The settings that apply to one source, or to all of them together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks<'o> {
    options: &'o KpiOptions,
    source: Option<&'o KpiDisplay>,
}

impl<'o> Looks<'o> {
    pub(super) fn new(options: &'o KpiOptions, source: Option<&str>) -> Self {
        Self {
            options,
            source: source.and_then(|source| options.display_per_source.get(source)),
        }
    }

    /// Looks at the source's setting for the KPI, then at the global one.
    fn of_kpi<T>(&self, kpi: &str, read: impl Fn(&'o KpiOverride) -> Option<T>) -> Option<T> {
        let levels = [self.source, Some(&self.options.display)];
        levels
            .into_iter()
            .flatten()
            .find_map(|level| read(level.overrides.get(kpi)?))
    }

    /// As [`of_kpi`](Self::of_kpi), and after each looks at what holds for every KPI.
    fn of_any<T>(
        &self,
        kpi: &str,
        read: impl Fn(&'o KpiOverride) -> Option<T>,
        read_all: impl Fn(&'o KpiDisplay) -> Option<T>,
    ) -> Option<T> {
        let levels = [self.source, Some(&self.options.display)];
        let mut levels = levels.into_iter().flatten();
        levels.find_map(|level| level.overrides.get(kpi).and_then(&read).or_else(|| read_all(level)))
    }

    pub(super) fn card_value(&self, kpi: &str) -> &'o str {
        let own = |own: &'o KpiOverride| own.card_display_value.as_deref();
        self.of_any(kpi, own, |all| all.card_display_value.as_deref())
            .unwrap_or("latest")
    }

    pub(super) fn lines(&self, kpi: &str) -> Vec<&'o str> {
        let own = |own: &'o KpiOverride| own.trend_lines.as_deref();
        let lines = self.of_any(kpi, own, |all| all.trend_lines.as_deref());
        lines.map_or_else(|| LINES.to_vec(), |lines| lines.iter().map(String::as_str).collect())
    }

    pub(super) fn unit(&self, kpi: &str) -> &'o str {
        self.of_kpi(kpi, |own| own.unit.as_deref()).unwrap_or("score")
    }

    pub(super) fn polarity(&self, kpi: &str) -> &'o str {
        self.of_kpi(kpi, |own| own.polarity.as_deref())
            .unwrap_or("higher_better")
    }

    pub(super) fn display_name(&self, kpi: &str) -> String {
        self.of_kpi(kpi, |own| own.display_name.clone())
            .unwrap_or_else(|| title_case(kpi))
    }
}

/// Returns the unit of a KPI that several sources have: the one on which they agree, else the global one.
pub(super) fn common_unit<'o, 's>(
    options: &'o KpiOptions,
    kpi: &str,
    sources: impl Iterator<Item = Option<&'s str>>,
) -> &'o str {
    let mut units = sources.map(|source| Looks::new(options, source).unit(kpi));
    let global = Looks::new(options, None).unit(kpi);
    let first = units.next().unwrap_or(global);
    if units.all(|unit| unit == first) { first } else { global }
}

/// Tells whether values in this unit are added up.
pub(super) fn adds_up(unit: &str) -> bool {
    unit == COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(card: Option<&str>, unit: Option<&str>) -> KpiOverride {
        KpiOverride {
            card_display_value: card.map(str::to_owned),
            unit: unit.map(str::to_owned),
            ..KpiOverride::default()
        }
    }

    /// Global: avg_30d, and avg_7d for `a`; source `s`: latest, and avg_7d for `b`.
    fn options() -> KpiOptions {
        let mut options = KpiOptions::default();
        options.display.card_display_value = Some("avg_30d".to_owned());
        options
            .display
            .overrides
            .insert("a".to_owned(), looks(Some("avg_7d"), Some("percent")));
        let mut own = KpiDisplay {
            card_display_value: Some("latest".to_owned()),
            ..KpiDisplay::default()
        };
        own.overrides
            .insert("b".to_owned(), looks(Some("avg_7d"), Some("count")));
        options.display_per_source.insert("s".to_owned(), own);
        options
    }

    #[test]
    fn the_first_level_that_says_something_wins() {
        let options = options();
        let card = |source, kpi| Looks::new(&options, source).card_value(kpi);
        assert_eq!(card(Some("s"), "b"), "avg_7d");
        assert_eq!(card(Some("s"), "a"), "latest");
        assert_eq!(card(None, "a"), "avg_7d");
        assert_eq!(card(Some("other"), "a"), "avg_7d");
        assert_eq!(card(None, "c"), "avg_30d");
        assert_eq!(Looks::new(&KpiOptions::default(), None).card_value("a"), "latest");
        assert_eq!(Looks::new(&options, Some("s")).unit("a"), "percent");
        assert_eq!(Looks::new(&options, None).unit("c"), "score");
    }

    #[test]
    fn sources_that_disagree_have_the_global_unit() {
        let options = options();
        let unit = |kpi, sources: &[Option<&str>]| common_unit(&options, kpi, sources.iter().copied()).to_owned();
        assert_eq!(unit("b", &[Some("s")]), "count");
        assert_eq!(unit("b", &[Some("s"), Some("other")]), "score");
        assert_eq!(unit("a", &[Some("s"), None]), "percent");
        assert_eq!(unit("a", &[]), "percent");
    }
}
