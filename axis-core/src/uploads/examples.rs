//! Small files that show what can be uploaded; they are part of the program.

/// The names of the examples of evaluations.
pub const EVAL_EXAMPLES: [&str; 4] = ["model", "comparison", "annotation", "align"];
/// The names of the examples of monitoring.
pub const MONITORING_EXAMPLES: [&str; 1] = ["monitoring"];

/// Returns the CSV of an example.
#[must_use]
pub fn example(name: &str) -> Option<&'static str> {
    Some(match name {
        "model" => include_str!("examples/model.csv"),
        "comparison" => include_str!("examples/comparison.csv"),
        "annotation" => include_str!("examples/annotation.csv"),
        "align" => include_str!("examples/align.csv"),
        "monitoring" => include_str!("examples/monitoring.csv"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Limits, eval, monitoring, read_csv};
    use super::*;

    #[test]
    fn every_example_is_read_without_a_warning() {
        let formats = ["tree_format", "tree_format", "fresh_annotation", "simple_judgment"];
        for (name, format) in EVAL_EXAMPLES.iter().zip(formats) {
            let table = read_csv(example(name).unwrap().as_bytes(), Limits::default()).unwrap();
            let upload = eval::process(table).unwrap();
            assert_eq!((upload.format.as_str(), upload.warnings.len()), (format, 0), "{name}");
            assert!(upload.row_count >= 8, "{name}");
        }
        let table = read_csv(example("monitoring").unwrap().as_bytes(), Limits::default()).unwrap();
        let upload = monitoring::process(table, &BTreeMap::new(), chrono::Utc::now()).unwrap();
        assert_eq!((upload.row_count, upload.warnings.len()), (72, 0));
        assert_eq!(upload.metric_columns.unwrap(), ["metric_score"]);
        assert_eq!(example("nothing"), None);
    }
}
