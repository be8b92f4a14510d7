//! What all questions have in common: which rows they are about, and by what rows are grouped.

use crate::analytics::frame::codes::{Code, NULL, with_codes};
use crate::analytics::frame::{Attribute, Conditions, Frame, Key, NONE, Selection};
use crate::config::KindOptions;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::query::instant;

/// The most groups that an answer lists; those with the fewest rows are left out first.
const GROUPS: usize = 1_000;

/// Which rows a question is about; every condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// `environment` equals it.
    pub environment: Option<String>,
    /// `source_name` equals it.
    pub source_name: Option<String>,
    /// `source_component` equals it.
    pub source_component: Option<String>,
    /// `source_type` equals it.
    pub source_type: Option<String>,
    /// `metric_category` equals it without regard to case. SCORE includes rows without a category.
    pub metric_category: Option<String>,
    /// `metric_name` equals it; reaches metrics that `visible_metrics` hides.
    pub metric_name: Option<String>,
    /// `metric_name` is one of these, when there are any; reaches hidden metrics, too.
    pub metrics: Vec<String>,
    /// Earliest `timestamp`, inclusive: ISO 8601 with a blank or `T`, with or without an offset.
    pub time_start: Option<String>,
    /// Latest `timestamp`, inclusive; a date alone is its midnight.
    pub time_end: Option<String>,
}

impl Filter {
    /// Reads the times, and adds what the configuration shows when no metric is named.
    pub(super) fn conditions(&self, dataset: &Dataset) -> Result<Conditions> {
        let time = |text: Option<&str>, name| text.map(|text| instant(text, name)).transpose();
        let mut conditions = Conditions {
            since: time(self.time_start.as_deref(), "time_start")?,
            until: time(self.time_end.as_deref(), "time_end")?,
            category: self.metric_category.as_deref().map(str::to_uppercase),
            ..Conditions::default()
        };
        for (attribute, text) in [
            (Attribute::Environment, &self.environment),
            (Attribute::SourceName, &self.source_name),
            (Attribute::SourceComponent, &self.source_component),
            (Attribute::SourceType, &self.source_type),
            (Attribute::MetricName, &self.metric_name),
        ] {
            conditions.equal.extend(text.clone().map(|text| (attribute, text)));
        }
        if !self.metrics.is_empty() {
            conditions.metrics = Some(self.metrics.clone());
        } else if self.metric_name.is_none()
            && let KindOptions::Monitoring(options) = &dataset.config().options
            && !options.visible_metrics.is_empty()
        {
            conditions.metrics = Some(options.visible_metrics.clone());
        }
        Ok(conditions)
    }
}

/// A column that answers are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupBy {
    /// `environment`
    Environment,
    /// `evaluation_name`
    EvaluationName,
    /// `metric_name`
    MetricName,
    /// `model_name`
    ModelName,
    /// `source_component`
    SourceComponent,
    /// `source_name`
    SourceName,
    /// `source_type`
    SourceType,
}

impl GroupBy {
    /// Every one, by name.
    pub const ALL: [Self; 7] = [
        Self::Environment,
        Self::EvaluationName,
        Self::MetricName,
        Self::ModelName,
        Self::SourceComponent,
        Self::SourceName,
        Self::SourceType,
    ];

    /// Finds one by the name of its column.
    ///
    /// # Errors
    /// `InvalidArgument`, listing those that there are.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|group| group.name() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::new(
                ErrorKind::InvalidArgument,
                format!("group_by `{name}` is not allowed; allowed are {known}"),
            )
        })
    }

    /// Returns the name of the column.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.attribute().name()
    }

    pub(super) fn attribute(self) -> Attribute {
        match self {
            Self::Environment => Attribute::Environment,
            Self::EvaluationName => Attribute::EvaluationName,
            Self::MetricName => Attribute::MetricName,
            Self::ModelName => Attribute::ModelName,
            Self::SourceComponent => Attribute::SourceComponent,
            Self::SourceName => Attribute::SourceName,
            Self::SourceType => Attribute::SourceType,
        }
    }
}

/// The groups of an answer, ascending by name, NULL last.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) key: Key<'a>,
    /// The name behind each index.
    pub(super) names: Vec<Option<&'a str>>,
    /// Groups with rows that are not listed.
    pub(super) omitted: usize,
}

impl<'a> Named<'a> {
    /// Groups the selected rows below `limit`; `None` when the relation has no such column. NULL is a group when `nulls`.
    pub(super) fn new(
        frame: &'a Frame,
        selection: &Selection,
        limit: usize,
        group: GroupBy,
        nulls: bool,
    ) -> Option<Self> {
        let attribute = group.attribute();
        if attribute == Attribute::MetricName && frame.shape.score_columns().is_some() {
            return None;
        }
        Self::of(frame, selection, limit, attribute, nulls, GROUPS)
    }

    /// The same for any attribute, and up to `most` groups.
    pub(super) fn of(
        frame: &'a Frame,
        selection: &Selection,
        limit: usize,
        attribute: Attribute,
        nulls: bool,
        most: usize,
    ) -> Option<Self> {
        let column = frame.attribute(attribute)?;
        let counts = frame.count_codes(selection, limit, attribute);
        let listed = |code: &u32| counts[*code as usize] > 0 && (nulls || *code != NULL);
        // NULL has the first code, and comes last.
        let codes = (1..column.cardinality() as u32).chain([NULL]);
        let mut kept: Vec<u32> = codes.filter(listed).collect();
        let omitted = kept.len().saturating_sub(most);
        if omitted > 0 {
            let mut by_size = kept.clone();
            by_size.sort_by_key(|code| std::cmp::Reverse(counts[*code as usize]));
            by_size.truncate(most);
            kept.retain({
                let kept: std::collections::HashSet<u32> = by_size.into_iter().collect();
                move |code| kept.contains(code)
            });
        }
        let mut index = vec![NONE; column.cardinality()];
        for (place, code) in kept.iter().enumerate() {
            index[*code as usize] = place as u32;
        }
        Some(Self {
            key: Key {
                codes: &column.codes,
                index,
                size: kept.len(),
            },
            names: kept.iter().map(|code| column.text(*code)).collect(),
            omitted,
        })
    }
}

impl Frame {
    /// Counts the selected rows below `limit` behind each code of an attribute.
    pub(super) fn count_codes(&self, selection: &Selection, limit: usize, attribute: Attribute) -> Vec<u64> {
        let Some(column) = self.attribute(attribute) else {
            return Vec::new();
        };
        let mut counts = vec![0; column.cardinality()];
        with_codes!(&column.codes, codes => selection.each(limit, |row| counts[codes[row].index()] += 1));
        counts
    }
}
