//! The keys that every dataset has, whether built in or the user's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::node::Block;
use super::table::TableKeys;
use super::{Connection, DatasetConfig, DatasetKind, KindOptions, SchemaPolicy, TableConfig, ViewConfig, connection};

const QUERY_TIMEOUT: u64 = 60;
const ROW_LIMIT: u64 = 10_000;
const MAX_ROW_LIMIT: u64 = 50_000;
/// A year, which keeps every sum of intervals far from overflow.
pub(super) const MAX_MINUTES: u64 = 525_600;
const MAX_SECONDS: u64 = 31_536_000;

impl DatasetConfig {
    /// Creates a dataset of the user's own: enabled, synced at startup, on no schedule.
    ///
    /// One table is its own relation; over several there is no view until [`view`](Self::view) is set.
    #[must_use]
    pub fn custom(name: impl Into<String>, connection: Connection, tables: Vec<TableConfig>) -> Self {
        let mut dataset = Self::empty(name, DatasetKind::Custom, KindOptions::Custom);
        dataset.enabled = true;
        dataset.auto_load = true;
        dataset.connection = Some(connection);
        dataset.view = view_of(&tables);
        dataset.tables = tables;
        dataset
    }

    /// Creates a dataset for which nothing is configured.
    pub(super) fn empty(name: impl Into<String>, kind: DatasetKind, options: KindOptions) -> Self {
        Self {
            name: name.into(),
            kind,
            enabled: false,
            auto_load: false,
            connection: None,
            tables: Vec::new(),
            view: ViewConfig::None,
            columns: BTreeMap::new(),
            refresh_interval: None,
            reconcile_interval: None,
            full_refresh_interval: None,
            query_timeout: Duration::from_secs(QUERY_TIMEOUT),
            sync_timeout: None,
            row_limit: if kind == DatasetKind::Kpi {
                MAX_ROW_LIMIT
            } else {
                ROW_LIMIT
            },
            on_schema_change: SchemaPolicy::default(),
            options,
            broken: None,
        }
    }

    /// Reads the keys that every dataset has, and returns those that speak of its tables.
    pub(super) fn read_common(&mut self, block: &Block<'_>, root: &Path, prefix: Option<&str>) -> TableKeys {
        self.connection = connection::read(block, root, prefix);
        self.columns = block
            .pairs("columns", |_, _| false)
            .into_iter()
            .map(|(source, text)| (source, text.value))
            .collect();
        self.refresh_interval = minutes(block, "refresh_interval_minutes");
        self.reconcile_interval = minutes(block, "reconcile_interval_minutes");
        self.full_refresh_interval = minutes(block, "full_refresh_interval_minutes");
        self.query_timeout = Duration::from_secs(block.integer_or("query_timeout", 1..=120, "seconds", QUERY_TIMEOUT));
        let timeout = block.optional_integer("sync_timeout", 0..=MAX_SECONDS, "seconds", "none");
        self.sync_timeout = timeout.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        self.row_limit = block.integer_or("row_limit", 1..=MAX_ROW_LIMIT, "rows", self.row_limit);
        let policies = [
            ("recreate", SchemaPolicy::Recreate),
            ("add", SchemaPolicy::Add),
            ("block", SchemaPolicy::Block),
        ];
        self.on_schema_change = block
            .choice("on_schema_change", &policies, "recreate")
            .unwrap_or_default();
        TableKeys::read(block)
    }
}

/// Returns the relation of tables over which there is no view.
pub(super) fn view_of(tables: &[TableConfig]) -> ViewConfig {
    match tables {
        [table] => ViewConfig::Table {
            name: table.name.clone(),
        },
        _ => ViewConfig::None,
    }
}

fn minutes(block: &Block<'_>, key: &str) -> Option<Duration> {
    let minutes = block.integer_or(key, 0..=MAX_MINUTES, "minutes", 0);
    (minutes > 0).then(|| Duration::from_secs(minutes * 60))
}
