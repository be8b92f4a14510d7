//! Which columns the rows of signals have, and which they must have.

use crate::error::{Error, ErrorKind, Result};

/// What a row must have to be a signal.
const REQUIRED: [&str; 4] = ["metric_name", "dataset_id", "signals", "source_name"];
/// The fields of a case that tell where it comes from.
pub(super) const SOURCE_FIELDS: [&str; 4] = ["source_name", "source_component", "source_type", "environment"];
/// The fields that a case takes over from its first row as they are.
pub(super) const CARRIED: [&str; 3] = ["evaluation_metadata", "actual_reference", "additional_output"];
/// Every column whose value a case takes from its first row.
pub(super) const SHARED: [&str; 10] = [
    "source_name",
    "source_component",
    "source_type",
    "environment",
    "conversation",
    "conversation_stats",
    "additional_input",
    "evaluation_metadata",
    "actual_reference",
    "additional_output",
];

/// The columns that cases are made from, by their place among those given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) dataset_id: usize,
    pub(super) metric_name: usize,
    pub(super) signals: usize,
    pub(super) metric_category: Option<usize>,
    pub(super) timestamp: Option<usize>,
    pub(super) shared: [Option<usize>; SHARED.len()],
}

impl Columns {
    /// Finds the columns by their names, compared by [`key`]; of several with one key the first counts.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the columns that are missing.
    pub(super) fn find<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let keys: Vec<String> = names.into_iter().map(key).collect();
        let find = |wanted: &str| keys.iter().position(|key| key == wanted);
        let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| find(name).is_none()).collect();
        let (Some(dataset_id), Some(metric_name), Some(signals), []) =
            (find("dataset_id"), find("metric_name"), find("signals"), &*missing)
        else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "the rows are no human signals: the columns {} are needed, and {} missing",
                    REQUIRED.join(", "),
                    match &*missing {
                        [one] => format!("{one} is"),
                        more => format!("{} are", more.join(", ")),
                    }
                ),
            )
            .during("signals.columns"));
        };
        Ok(Self {
            dataset_id,
            metric_name,
            signals,
            metric_category: find("metric_category"),
            timestamp: find("timestamp"),
            shared: SHARED.map(find),
        })
    }

    /// Returns those of the given names whose column is there.
    pub(super) fn present(&self, names: &[&'static str]) -> Vec<String> {
        let has = |name: &&str| {
            SHARED
                .iter()
                .position(|shared| shared == name)
                .is_some_and(|at| self.shared[at].is_some())
        };
        names
            .iter()
            .filter(|name| has(name))
            .map(|name| (*name).to_owned())
            .collect()
    }
}

/// A name without regard to case, outer blanks, and blanks and hyphens for underscores: the rule of the sync.
fn key(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_key() {
        let columns = Columns::find([" Metric Name", "DATASET-ID", "signals", "Source_Name", "signals"]).unwrap();
        assert_eq!((columns.metric_name, columns.dataset_id, columns.signals), (0, 1, 2));
        assert_eq!(columns.timestamp, None);
        assert_eq!(columns.present(&SOURCE_FIELDS), ["source_name"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Columns::find(["metric_name", "signals", "source"]).unwrap_err();
        assert!(
            error.message().ends_with("and dataset_id, source_name are missing"),
            "{error}"
        );
        assert!(Columns::find([]).is_err());
    }
}
