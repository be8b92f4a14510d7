//! What an evaluation file is, by the names of its columns.

/// The kinds of evaluation files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvalFormat {
    /// What an evaluation runner exports: one row a verdict.
    EvalRunner,
    /// One row a metric, with the metric that it is a part of.
    Tree,
    /// One row a metric.
    Flat,
    /// One row a judgment.
    SimpleJudgment,
    /// One row a record that nobody has judged.
    FreshAnnotation,
    /// Nothing that is known.
    Unknown,
}

/// The formats and the columns that they must have; the first that fits is taken.
const FORMATS: [(EvalFormat, &[&str]); 5] = [
    (EvalFormat::EvalRunner, &["run_id", "dataset_id", "passed"]),
    (
        EvalFormat::Tree,
        &["metric_name", "parent", "metric_type", "metric_score"],
    ),
    (EvalFormat::Flat, &["metric_name", "metric_score"]),
    (EvalFormat::SimpleJudgment, &["judgment"]),
    (
        EvalFormat::FreshAnnotation,
        &["dataset_id", "evaluation_name", "query", "actual_output"],
    ),
];

impl EvalFormat {
    /// Finds the format of a file with these columns. Names are compared exactly.
    #[must_use]
    pub fn detect(columns: &[String]) -> Self {
        FORMATS
            .iter()
            .find(|(format, _)| format.fits(columns))
            .map_or(Self::Unknown, |(format, _)| *format)
    }

    /// Tells whether the columns that the format needs are there.
    pub(super) fn fits(self, columns: &[String]) -> bool {
        let needed = FORMATS.iter().find(|(format, _)| *format == self);
        needed.is_some_and(|(_, needed)| needed.iter().all(|name| columns.iter().any(|column| column == name)))
    }

    /// Returns the name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EvalRunner => "eval_runner",
            Self::Tree => "tree_format",
            Self::Flat => "flat_format",
            Self::SimpleJudgment => "simple_judgment",
            Self::FreshAnnotation => "fresh_annotation",
            Self::Unknown => "unknown",
        }
    }

    /// Writes what each format needs, for the error about a file that is none.
    pub(super) fn needs() -> String {
        let each = FORMATS.map(|(format, columns)| format!("{} ({})", format.name(), columns.join(", ")));
        each.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_format_that_fits_is_taken() {
        let detect = |columns: &str| {
            let columns: Vec<String> = columns.split(',').map(str::to_owned).collect();
            EvalFormat::detect(&columns).name()
        };
        assert_eq!(
            detect("run_id,dataset_id,passed,metric_name,metric_score"),
            "eval_runner"
        );
        assert_eq!(
            detect("metric_name,parent,metric_type,metric_score,judgment"),
            "tree_format"
        );
        assert_eq!(detect("metric_score,metric_name"), "flat_format");
        assert_eq!(
            detect("judgment,dataset_id,evaluation_name,query,actual_output"),
            "simple_judgment"
        );
        assert_eq!(
            detect("dataset_id,evaluation_name,query,actual_output"),
            "fresh_annotation"
        );
        assert_eq!(detect("dataset_id,Metric_Name,metric_score"), "unknown");
    }
}
