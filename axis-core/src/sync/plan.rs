//! Decides, purely, how each table is synced: names, types, strategy, window and the shape of the commit.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::columns::{self, KeptAlias};
use super::report::{FullReason, Ranges, Strategy};
use super::{reconcile, window};
use crate::column::{Column, ColumnType};
use crate::config::{DatasetConfig, SchemaPolicy, TableConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{CursorValue, CutBy, OnBadValue, SourceColumn, Window, Wire};
use crate::store::{ColumnRecord, DatasetRecord, TableRecord};

/// What a caller asked of a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncMode {
    /// Incremental where that is exact, full elsewhere.
    #[default]
    Auto,
    /// Rebuild every table.
    Full,
    /// As `Auto`, and look for deleted rows now: refreshed tables with a `primary_key` compare all their keys with the source's,
    /// those without are rebuilt.
    Reconcile,
}

/// How one table is synced.
#[derive(Clone, Debug)]
pub(crate) struct TablePlan {
    pub(crate) table: String,
    pub(crate) query: String,
    pub(crate) strategy: Strategy,
    /// The columns as the source describes them.
    pub(crate) source: Vec<SourceColumn>,
    /// The same columns under their final names.
    pub(crate) columns: Vec<Column>,
    pub(crate) window: Option<Window>,
    /// Whether a refresh compares all keys.
    pub(crate) reconcile: bool,
    /// What a full read can be cut by.
    pub(crate) cut_by: Option<CutBy>,
    /// The queries of the parts in which it is read; none when it is read whole.
    pub(crate) parts: Vec<String>,
    /// What the report says about the parts.
    pub(crate) ranges: Option<Ranges>,
    /// The cursor, by its final name.
    pub(crate) cursor: Option<(String, ColumnType)>,
    /// The key, by its final names.
    pub(crate) key: Vec<String>,
    /// Columns that are added to the stored table first.
    pub(crate) added: Vec<(String, ColumnType)>,
    pub(crate) kept: Vec<KeptAlias>,
    pub(crate) schema_change: Option<String>,
    /// What to remember of the table; watermark and marks are completed after the commit's own reads.
    pub(crate) record: TableRecord,
}

/// What a table's plan depends on, besides its columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) dataset: &'a DatasetConfig,
    pub(crate) table: &'a TableConfig,
    /// The table's query, without what may follow it.
    pub(crate) query: &'a str,
    /// Names the source without secrets; rows of another source cannot be continued.
    pub(crate) identity: &'a str,
    /// What has answered.
    pub(crate) server: &'a str,
    pub(crate) stored: &'a DatasetRecord,
    pub(crate) mode: SyncMode,
    pub(crate) now: DateTime<Utc>,
    /// Both clocks when the snapshot was taken.
    pub(crate) clocks: window::Clocks,
}

/// Plans one table.
///
/// # Errors
/// `Config` when a configured column does not exist or cannot serve its purpose, `SchemaMismatch` when the columns changed and the policy blocks.
pub(crate) fn table(given: &Given<'_>, source: Vec<SourceColumn>) -> Result<TablePlan> {
    let Given {
        dataset, table, query, ..
    } = *given;
    let source_names: Vec<String> = source.iter().map(|column| column.column.name.clone()).collect();
    let names = columns::names(dataset.kind, &dataset.columns, &source_names)?;
    let columns: Vec<Column> = source
        .iter()
        .zip(&names.finals)
        .map(|(column, name)| Column {
            name: name.clone(),
            ty: column.column.ty.clone(),
        })
        .collect();
    let find = |wanted: &str, purpose: &str| -> Result<usize> {
        position(&source_names, &names.finals, wanted).ok_or_else(|| missing(wanted, purpose, &source_names))
    };
    let cursor = match &table.incremental_column {
        Some(wanted) => Some(find(wanted, "incremental_column")?),
        None => None,
    };
    if let Some(index) = cursor
        && source[index].on_bad_value == OnBadValue::Null
        && matches!(source[index].wire, Wire::Postgres(_))
    {
        let message = format!(
            "incremental_column `{}` has the policy null; values that become NULL have no place in a window, so `types` must name another one for it",
            source_names[index]
        );
        return Err(Error::new(ErrorKind::Config, message).during("sync.plan"));
    }
    if let Some(index) = cursor
        && !CursorValue::supports(&columns[index].ty)
    {
        return Err(Error::new(
            ErrorKind::Config,
            format!(
                "incremental_column `{}` has type {}; a number, timestamp, date, uuid or text is needed",
                source_names[index], source[index].source_type
            ),
        )
        .during("sync.plan"));
    }
    let cut_by = match &table.partition_column {
        Some(wanted) => Some(CutBy::Column(source_names[find(wanted, "partition_column")?].clone())),
        None => table.whole_relation.then_some(CutBy::Blocks),
    };
    let key = table
        .primary_key
        .iter()
        .map(|wanted| {
            let index = find(wanted, "primary_key")?;
            check_key(&source[index]).map(|()| names.finals[index].clone())
        })
        .collect::<Result<Vec<_>>>()?;
    if matches!(&dataset.view, crate::config::ViewConfig::Join { .. })
        && !names.finals.iter().any(|name| name.eq_ignore_ascii_case("dataset_id"))
    {
        return Err(Error::new(
            ErrorKind::Config,
            "the query returns no `dataset_id`, by which dataset and results are joined; select it or map a column to it under `columns`",
        )
        .during("sync.plan"));
    }
    let fingerprint = fingerprint(table, query, given.identity);
    let origins = source
        .iter()
        .filter_map(|column| Some((column.column.name.clone(), column.origin?)))
        .collect();
    let records: Vec<ColumnRecord> = source
        .iter()
        .zip(&columns)
        .map(|(from, to)| ColumnRecord {
            source: from.column.name.clone(),
            name: to.name.clone(),
            ty: to.ty.to_string(),
            source_type: from.source_type.clone(),
        })
        .collect();
    let mut plan = TablePlan {
        table: table.name.clone(),
        query: query.to_owned(),
        strategy: Strategy::Incremental,
        cursor: cursor.map(|index| (columns[index].name.clone(), columns[index].ty.clone())),
        source,
        columns,
        window: None,
        reconcile: false,
        cut_by,
        parts: Vec::new(),
        ranges: None,
        key,
        added: Vec::new(),
        kept: names.kept,
        schema_change: None,
        record: TableRecord {
            fingerprint,
            columns: records,
            server: given.server.to_owned(),
            origins,
            cursor: cursor.map(|index| names.finals[index].clone()),
            watermark: None,
            marks: Vec::new(),
            truncated: false,
            last_full: None,
            last_reconciled: None,
        },
    };
    let because = decide(given, &mut plan, cursor.map(|index| source_names[index].clone()))?;
    if let Some(because) = because {
        plan.rebuild(because);
    }
    Ok(plan)
}

/// Tells whether a table with these columns could be synced for the first time, and which columns the analytics would miss.
///
/// # Errors
/// As [`table`].
pub(crate) fn check(
    dataset: &DatasetConfig,
    config: &TableConfig,
    query: &str,
    source: Vec<SourceColumn>,
    now: DateTime<Utc>,
) -> Result<Vec<&'static str>> {
    let given = Given {
        dataset,
        table: config,
        query,
        identity: "",
        server: "",
        stored: &DatasetRecord::default(),
        mode: SyncMode::Auto,
        now,
        clocks: window::Clocks { source: now, ours: now },
    };
    let plan = table(&given, source)?;
    let names: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
    Ok(columns::missing(dataset.kind, &names))
}

impl TablePlan {
    /// Makes it a rebuild.
    pub(super) fn rebuild(&mut self, because: FullReason) {
        self.strategy = Strategy::Full { because };
        self.window = None;
        self.reconcile = false;
        self.added.clear();
    }
}

/// Says why a table must be rebuilt, or fills in the window when it need not.
fn decide(given: &Given<'_>, plan: &mut TablePlan, cursor_source: Option<String>) -> Result<Option<FullReason>> {
    let Given {
        dataset,
        table,
        stored,
        mode,
        now,
        clocks,
        ..
    } = *given;
    let Some(record) = stored.tables.get(&table.name) else {
        return Ok(Some(FullReason::FirstSync));
    };
    let definition_changed = record.fingerprint != plan.record.fingerprint;
    if !definition_changed && record.columns != plan.record.columns {
        let change = schema_change(&record.columns, &plan.record.columns);
        if dataset.on_schema_change == SchemaPolicy::Block {
            return Err(Error::new(
                ErrorKind::SchemaMismatch,
                format!("the source's columns changed ({change}) and on_schema_change is block; nothing was synced"),
            )
            .during("sync.plan"));
        }
        plan.schema_change = Some(change);
        let added = added(&record.columns, plan);
        match (dataset.on_schema_change, added) {
            (SchemaPolicy::Add, Some(added)) => plan.added = added,
            _ => return Ok(Some(FullReason::SchemaChanged)),
        }
    }
    if mode == SyncMode::Full {
        return Ok(Some(FullReason::Requested));
    }
    if definition_changed {
        return Ok(Some(FullReason::DefinitionChanged));
    }
    if is_replaced(record, &plan.record) {
        return Ok(Some(FullReason::SourceReplaced));
    }
    let (Some((_, ty)), Some(source)) = (plan.cursor.clone(), cursor_source) else {
        return Ok(Some(FullReason::NoIncrementalColumn));
    };
    if record.truncated {
        return Ok(Some(FullReason::Truncated));
    }
    if let (Some(interval), Some(last)) = (dataset.full_refresh_interval, record.last_full)
        && TimeDelta::from_std(interval).is_ok_and(|interval| now - last >= interval)
    {
        return Ok(Some(FullReason::Interval));
    }
    let Some(watermark) = &record.watermark else {
        return Ok(Some(FullReason::WatermarkMissing));
    };
    let Some(from) = window::start(watermark, &record.marks, table.lookback, &ty, clocks) else {
        return Ok(Some(FullReason::NoSafeWindow));
    };
    if mode == SyncMode::Reconcile && plan.key.is_empty() {
        return Ok(Some(FullReason::NoPrimaryKey));
    }
    plan.reconcile = !plan.key.is_empty() && reconcile::is_due(dataset, record, mode, now);
    plan.window = Some(Window {
        column: source,
        ty,
        from,
    });
    Ok(None)
}

/// Refuses a key whose values are rounded: two of them may become one.
fn check_key(column: &SourceColumn) -> Result<()> {
    if column.column.ty != ColumnType::Double || column.source_type != "numeric" {
        return Ok(());
    }
    let message = format!(
        "primary_key `{0}` is numeric without a precision and becomes DOUBLE, which rounds; say `types: {{{0}: varchar}}`, `bigint` or `decimal(38,0)`",
        column.column.name
    );
    Err(Error::new(ErrorKind::Config, message).during("sync.plan"))
}

/// What a table is made from: text that changes exactly when the stored rows could no longer be continued.
fn fingerprint(table: &TableConfig, query: &str, identity: &str) -> String {
    let cursor = table.incremental_column.as_deref().unwrap_or_default();
    format!(
        "{identity}\n{cursor}\n{:?}\n{:?}\n{query}",
        table.types, table.primary_key
    )
}

/// Finds a configured column by its source name, then by its final name.
pub(super) fn position(source: &[String], finals: &[String], wanted: &str) -> Option<usize> {
    let exact = |names: &[String]| names.iter().position(|name| name == wanted);
    let loose = |names: &[String]| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
    exact(source)
        .or_else(|| exact(finals))
        .or_else(|| loose(source))
        .or_else(|| loose(finals))
}

fn missing(wanted: &str, purpose: &str, names: &[String]) -> Error {
    let known = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    Error::new(
        ErrorKind::Config,
        format!("{purpose} `{wanted}` is not a column of the query; it returns {known}"),
    )
    .during("sync.plan")
}

/// The columns to add, when the change is nothing but new columns and every old one is as it was.
fn added(before: &[ColumnRecord], plan: &TablePlan) -> Option<Vec<(String, ColumnType)>> {
    let now = &plan.record.columns;
    keeps_all(before, now).then(|| {
        now.iter()
            .zip(&plan.columns)
            .filter(|(record, _)| !before.contains(record))
            .map(|(_, column)| (column.name.clone(), column.ty.clone()))
            .collect()
    })
}

/// Tells whether all columns are still there, in their order: in another one, a column may be a new one of an old name.
fn keeps_all(before: &[ColumnRecord], now: &[ColumnRecord]) -> bool {
    now.iter().filter(|column| before.contains(column)).eq(before)
}

/// Tells whether the rows of before came from elsewhere, although everything is named as it was.
fn is_replaced(before: &TableRecord, now: &TableRecord) -> bool {
    let moved = |(name, origin)| before.origins.get(name).is_some_and(|known| known != origin);
    before.server != now.server || now.origins.iter().any(moved)
}

/// Says which columns came, went or changed their type.
fn schema_change(before: &[ColumnRecord], now: &[ColumnRecord]) -> String {
    let find = |columns: &[ColumnRecord], name: &str| columns.iter().find(|column| column.name == name).cloned();
    let mut changes = Vec::new();
    for column in now {
        match find(before, &column.name) {
            None => changes.push(format!("`{}` was added", column.name)),
            Some(old) if old.ty != column.ty || old.source_type != column.source_type => {
                changes.push(format!(
                    "`{}` went from {} to {}",
                    column.name, old.source_type, column.source_type
                ));
            }
            Some(_) => {}
        }
    }
    for column in before.iter().filter(|column| find(now, &column.name).is_none()) {
        changes.push(format!("`{}` was removed", column.name));
    }
    if changes.is_empty() {
        "their order changed".to_owned()
    } else {
        changes.join(", ")
    }
}

/// The local time that belongs to an instant when the zone of a snapshot is known only by one pair.
pub(crate) fn shift(local: NaiveDateTime, by: TimeDelta) -> NaiveDateTime {
    local.checked_sub_signed(by).unwrap_or(NaiveDateTime::MIN)
}

#[cfg(test)]
mod tests;
