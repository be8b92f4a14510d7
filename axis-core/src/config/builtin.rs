//! The four built-in datasets: their blocks, their variables, their tables and their views.

use std::path::Path;

use super::ledger::Ledger;
use super::node::Block;
use super::yaml::{Data, Entry, Node, Place};
use super::{DatasetConfig, DatasetKind, KindOptions, ViewConfig, kpi, options};

/// What tells one built-in dataset from another.
pub(super) struct Builtin {
    pub(super) name: &'static str,
    kind: DatasetKind,
    /// The block, which is also the stem of the file.
    pub(super) block: &'static str,
    /// The prefix of its variables.
    pub(super) prefix: &'static str,
    /// Table and relation names.
    tables: &'static [&'static str],
    view: &'static str,
}

/// The datasets in their order.
pub(super) const BUILTINS: [Builtin; 4] = [
    Builtin {
        name: "monitoring",
        kind: DatasetKind::Monitoring,
        block: "monitoring_db",
        prefix: "MONITORING_DB_",
        tables: &["monitoring_dataset", "monitoring_results"],
        view: "monitoring_data",
    },
    Builtin {
        name: "eval",
        kind: DatasetKind::Eval,
        block: "eval_db",
        prefix: "EVAL_DB_",
        tables: &["eval_dataset", "eval_results"],
        view: "eval_data",
    },
    Builtin {
        name: "human_signals",
        kind: DatasetKind::HumanSignals,
        block: "human_signals_db",
        prefix: "HUMAN_SIGNALS_DB_",
        tables: &["human_signals_dataset", "human_signals_results"],
        view: "human_signals_raw",
    },
    Builtin {
        name: "kpi",
        kind: DatasetKind::Kpi,
        block: "kpi_db",
        prefix: "KPI_DB_",
        tables: &["kpi_data"],
        view: "kpi_data",
    },
];

/// Relations that the store derives and that no dataset may take.
const DERIVED: [&str; 1] = ["human_signals_cases"];

/// Variables that stand in for keys of a block, by their suffix.
pub(super) const TWINS: [(&str, &str); 18] = [
    ("URL", "url"),
    ("HOST", "host"),
    ("PORT", "port"),
    ("NAME", "database"),
    ("USER", "username"),
    ("PASSWORD", "password"),
    ("SSL_MODE", "ssl_mode"),
    ("DATASET_QUERY", "dataset_query"),
    ("RESULTS_QUERY", "results_query"),
    ("QUERY", "query"),
    ("QUERY_TIMEOUT", "query_timeout"),
    ("ROW_LIMIT", "row_limit"),
    ("AUTO_LOAD", "auto_load"),
    ("AUTO_CONNECT", "auto_connect"),
    ("SCHEMA", "schema"),
    ("TABLE", "table"),
    ("INCREMENTAL_COLUMN", "incremental_column"),
    ("REFRESH_INTERVAL_MINUTES", "refresh_interval_minutes"),
];

/// Returns every name that the built-in datasets use for themselves, their tables and their relations.
pub(super) fn reserved() -> impl Iterator<Item = &'static str> {
    let names = BUILTINS
        .iter()
        .flat_map(|builtin| builtin.tables.iter().copied().chain([builtin.name, builtin.view]));
    names.chain(DERIVED)
}

impl Builtin {
    /// Creates the dataset with nothing configured.
    pub(super) fn unconfigured(&self) -> DatasetConfig {
        let options = match self.kind {
            DatasetKind::Monitoring => KindOptions::Monitoring(super::MonitoringOptions::default()),
            DatasetKind::Eval => KindOptions::Eval(super::EvalOptions::default()),
            DatasetKind::HumanSignals => KindOptions::HumanSignals(super::HumanSignalsOptions::default()),
            DatasetKind::Kpi | DatasetKind::Custom => KindOptions::Kpi(super::KpiOptions::default()),
        };
        let mut dataset = DatasetConfig::empty(self.name, self.kind, options);
        let name = self.view.to_owned();
        dataset.view = match self.tables {
            [left, right] => ViewConfig::Join {
                name,
                dataset: (*left).to_owned(),
                results: (*right).to_owned(),
            },
            _ => ViewConfig::Table { name },
        };
        dataset
    }

    /// Reads the dataset: from the entries of its block, else from the variables, else there is nothing.
    pub(super) fn read(&self, ledger: &Ledger<'_>, entry: Option<&Entry>, root: &Path) -> DatasetConfig {
        let mut dataset = self.unconfigured();
        match entry.map(|entry| (&entry.place, &entry.node.data)) {
            Some((place, Data::Map(entries))) if !entries.is_empty() => {
                let block = Block::new(ledger, self.block, place.clone(), entries.clone());
                dataset.enabled = block.bool("enabled", false);
                self.fill(&mut dataset, &block, root);
            }
            None | Some((_, Data::Null { .. } | Data::Map(_))) => match self.variables(ledger) {
                Some(block) => {
                    dataset.enabled = true;
                    ledger.set(block.key("enabled"), "true", Some(&block.place));
                    self.fill(&mut dataset, &block, root);
                }
                None => ledger.set(format!("{}.enabled", self.block), "false", None),
            },
            Some((place, other)) => {
                // Shown as enabled: who wrote the block meant to use it.
                dataset.enabled = true;
                let found = super::node::found(other);
                ledger.fail(place, format!("`{}` is {found}, allowed is a mapping", self.block));
            }
        }
        dataset.broken = ledger.first_error();
        dataset
    }

    /// Returns the block that the variables stand for, if there is a URL or a host among them.
    fn variables<'a>(&self, ledger: &'a Ledger<'a>) -> Option<Block<'a>> {
        let mut entries = Vec::new();
        for (suffix, key) in TWINS {
            let Some((text, place)) = ledger.variable(&format!("{}{suffix}", self.prefix)) else {
                continue;
            };
            let data = Data::Scalar {
                text: text.to_owned(),
                plain: true,
            };
            entries.push(Entry {
                key: key.to_owned(),
                place: place.clone(),
                node: Node { place, data },
            });
        }
        let names_source = |entry: &&Entry| matches!(entry.key.as_str(), "url" | "host");
        let place = entries.iter().find(names_source)?.place.clone();
        Some(Block::new(ledger, self.block, place, entries))
    }

    fn fill(&self, dataset: &mut DatasetConfig, block: &Block<'_>, root: &Path) {
        let keys = dataset.read_common(block, root, Some(self.prefix));
        dataset.auto_load = block.bool("auto_load", false);
        match self.tables {
            [left, right] => {
                let queries = (block.string("dataset_query"), block.string("results_query"));
                let mut of_dataset = keys.clone();
                let mut of_results = keys;
                of_dataset.primary_key = block
                    .strings("dataset_primary_key", true)
                    .unwrap_or(of_dataset.primary_key);
                of_results.primary_key = block
                    .strings("results_primary_key", true)
                    .unwrap_or(of_results.primary_key);
                match queries {
                    (Some(of_left), Some(of_right)) => {
                        dataset.tables = vec![
                            of_dataset.table(*left, of_left.trim()),
                            of_results.table(*right, of_right.trim()),
                        ];
                    }
                    (None, None) => {}
                    (Some(_), None) => self.lacks(block, "results_query"),
                    (None, Some(_)) => self.lacks(block, "dataset_query"),
                }
                if let Some(entry) = block.entry("query") {
                    let both = "is not read; split it into `dataset_query` and `results_query`";
                    block.odd("query", &entry.place, both);
                }
            }
            _ => {
                if let Some(query) = block.string("query") {
                    dataset.tables = vec![keys.table(self.view, query.trim())];
                }
            }
        }
        let auto_connect;
        (dataset.options, auto_connect) = match self.kind {
            DatasetKind::Monitoring => {
                let own = options::monitoring(block);
                let auto_connect = own.auto_connect;
                (KindOptions::Monitoring(own), auto_connect)
            }
            DatasetKind::HumanSignals => {
                let own = options::human_signals(block);
                let auto_connect = own.auto_connect;
                (KindOptions::HumanSignals(own), auto_connect)
            }
            DatasetKind::Eval => (KindOptions::Eval(options::eval(block)), false),
            DatasetKind::Kpi | DatasetKind::Custom => (KindOptions::Kpi(kpi::read(block)), false),
        };
        dataset.auto_load |= auto_connect;
        // A variable without a meaning for this dataset is nobody's mistake.
        if matches!(block.place, Place::File { .. }) {
            block.finish();
        }
    }

    fn lacks(&self, block: &Block<'_>, key: &str) {
        block.ledger.warn(
            &block.place,
            format!("`{}` is missing, so `{}` cannot be synced", block.key(key), self.name),
        );
    }
}
