//! Pages in the order of time, of relations whose narrow columns are in memory.
//!
//! Those tell how many rows match, and between which two times the page lies; what is read is that range alone, and DuckDB skips
//! everything else by the minimum and maximum of its row groups. Rows of one time are put in order by DuckDB. A search finds the
//! records in memory, too (`texts`).

use std::sync::Arc;

use duckdb::Connection;
use duckdb::types::Value;

use super::Texts;
use super::page::{Layout, Page, PageRequest, SortDirection, condition, sort_column};
use crate::analytics::frame::{Attribute, Conditions, PageBounds, Relation, Shape, compute, ready};
use crate::config::DatasetKind;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::metadata::columns_of;
use crate::source::ident::{ident, literal};
use crate::store::{Limits, Reason, fault, fetch, stored_generation};

/// How often a page is tried again when a sync has changed the rows in between.
const TRIES: usize = 3;
/// How far the record of a result is looked for at first, around the time of the result.
const AROUND: i64 = 15 * 60 * 1_000_000;
/// Rows of one range that may be sorted in passing.
const FEW: u64 = 5_000;
/// Rows of one range whose records may be listed in a statement.
const NAMED: u64 = 500;
/// The column of a joined relation that tells when the record was made.
const RECORD_TIME: &str = "dataset_timestamp";

/// Reads a page; `None` when it is asked for in another order or by other columns than those in memory, when these are not there
/// yet, or when the relation is too large or changes too fast for that.
pub(super) async fn load(dataset: &Dataset, request: &PageRequest) -> Result<Option<Page>> {
    let is_joined = matches!(dataset.config().kind, DatasetKind::Monitoring | DatasetKind::Eval);
    if !is_joined {
        return Ok(None);
    }
    let search = request.filters.search.as_deref().filter(|search| !search.is_empty());
    let wanted = match search {
        Some(search) => Some(in_small_letters(dataset, search).await?),
        None => None,
    };
    for _ in 0..TRIES {
        if dataset.generation() == 0 {
            return Ok(None);
        }
        // Right after a change plain SQL is quicker than reading the columns first.
        let Some(Some(frame)) = ready(dataset) else {
            return Ok(None);
        };
        let Some(conditions) = conditions(request, &frame.relation, &frame.shape)? else {
            return Ok(None);
        };
        let generation = frame.generation;
        let (offset, rows) = ((request.page - 1) * request.page_size, request.page_size);
        let ascending = request.direction == SortDirection::Ascending;
        if wanted.is_some() && Texts::of(dataset, &frame).await?.is_none() {
            return Ok(None);
        }
        let wanted = wanted.clone();
        let find = move || {
            let mut selection = frame.select(&conditions);
            if let Some(wanted) = &wanted {
                let texts = frame.texts.get()?.as_ref()?;
                let matching = texts.matching(wanted, frame.records.as_ref()?.cardinality)?;
                selection = frame.of_records(&selection, &matching);
            }
            let bounds = frame.page_of(&selection, offset, rows, ascending);
            let range = bounds
                .range
                .filter(|_| wanted.is_some() && !bounds.nulls && bounds.inside <= NAMED);
            Some((bounds, range.map(|range| frame.records_between(&selection, range))))
        };
        let Some((bounds, records)) = compute(dataset, find).await? else {
            return Ok(None);
        };
        let page = |rows| {
            Some(Page {
                rows,
                total: bounds.total,
                page: request.page,
                page_size: request.page_size,
            })
        };
        if bounds.rows == 0 {
            return Ok(page(Vec::new()));
        }
        let (name, relation) = (
            dataset.name().to_owned(),
            dataset.relation().unwrap_or_default().to_owned(),
        );
        let request = request.clone();
        let work = move |connection: &Connection, _: &Reason| {
            if stored_generation(connection, &name)? != generation {
                return Ok(None);
            }
            rows_of(connection, &relation, &request, bounds, records.as_deref()).map(Some)
        };
        let store = dataset.engine().readable().await?;
        if let Some(rows) = store.pool.snapshot(Limits::default(), work).await? {
            return Ok(page(rows));
        }
    }
    Ok(None)
}

/// Returns a text as `lower` of DuckDB makes it, which made the texts in memory.
async fn in_small_letters(dataset: &Dataset, text: &str) -> Result<String> {
    let text = text.to_owned();
    let work = move |connection: &Connection, _: &Reason| {
        connection
            .query_row("select lower(?::varchar)", [text], |row| row.get(0))
            .map_err(fault::store("query.search"))
    };
    dataset
        .engine()
        .readable()
        .await?
        .pool
        .read(Limits::default(), work)
        .await
}

/// Returns the filters as conditions on the columns in memory; `None` when they cannot say it. A filter on a column that the
/// relation does not have is not applied.
fn conditions(request: &PageRequest, relation: &Relation, shape: &Shape) -> Result<Option<Conditions>> {
    let is_time = sort_column(request, relation.columns()).is_some_and(|column| {
        column.column_name.eq_ignore_ascii_case("timestamp") && column.column_type.starts_with("TIMESTAMP")
    });
    // The rows of a wide relation are there once for each of its scores.
    if !is_time || shape.score_columns().is_some() {
        return Ok(None);
    }
    let filters = &request.filters;
    let mut conditions = Conditions::default();
    for (name, value) in &filters.equal {
        if relation.column(name).is_none() {
            continue;
        }
        let attribute = Attribute::COLUMNS
            .into_iter()
            .find(|attribute| attribute.name().eq_ignore_ascii_case(name));
        let Some(attribute) = attribute else { return Ok(None) };
        conditions.equal.push((attribute, value.clone()));
    }
    if relation.column("metric_category").is_some() {
        conditions.category = filters.metric_category.as_ref().map(|category| category.to_uppercase());
    }
    let time = |text: &Option<String>, name| text.as_deref().map(|text| super::instant(text, name)).transpose();
    conditions.since = time(&filters.time_start, "time_start")?;
    conditions.until = time(&filters.time_end, "time_end")?;
    Ok(Some(conditions))
}

/// Reads the rows within these bounds.
fn rows_of(
    connection: &Connection,
    name: &str,
    request: &PageRequest,
    bounds: PageBounds,
    records: Option<&[Arc<str>]>,
) -> Result<Vec<serde_json::Map<String, serde_json::Value>>> {
    let Some(relation) = Relation::read(connection, name)? else {
        return Ok(Vec::new());
    };
    let columns = columns_of(connection, name)?;
    let mut filters = request.filters.clone();
    let mut range = Vec::new();
    let mut named = String::new();
    if let (Some(records), Some(id)) = (records, relation.column("dataset_id")) {
        // These are the records that the search has found, so nothing needs to be searched again.
        filters.search = None;
        let list: Vec<String> = records.iter().map(|record| literal(record)).collect();
        named = format!(" and {id} in ({})", list.join(", "));
    }
    let (condition, values) = condition(&filters, &columns)?;
    let layout = Layout::of(request, &columns, true);
    let time = relation
        .time()
        .map(|(time, _)| time)
        .unwrap_or_else(|| "null::timestamp".to_owned());
    if let Some((oldest, newest)) = bounds.range {
        let (oldest, newest) = (relation.time_literal(oldest), relation.time_literal(newest));
        range.push(format!("{time} between {oldest} and {newest}"));
    }
    if bounds.nulls {
        range.push(format!("{time} is null"));
    }
    let before = if condition.is_empty() { " where" } else { " and" };
    let query = Rows {
        connection,
        from: format!(
            "from {}{condition}{before} ({}){named}",
            relation.name,
            range.join(" or ")
        ),
        values,
        layout,
        bounds,
    };
    query.rows(&relation)
}

/// The rows of one range.
struct Rows<'a> {
    connection: &'a Connection,
    from: String,
    values: Vec<Value>,
    layout: Layout,
    bounds: PageBounds,
}

impl Rows<'_> {
    /// Texts of records are long and compressed in large pieces, so finding a few records by their keys alone takes longer than
    /// everything else. Records are about as old as their results, as a rule: they are looked for there first, which is right
    /// when no result of the range is missing. Else DuckDB tells how old they are.
    fn rows(&self, relation: &Relation) -> Result<Vec<serde_json::Map<String, serde_json::Value>>> {
        let record = relation.columns().iter().find(|column| {
            column.column_name.eq_ignore_ascii_case(RECORD_TIME) && column.column_type.starts_with("TIMESTAMP")
        });
        let (Some(record), Some((oldest, newest)), false) = (record, self.bounds.range, self.bounds.nulls) else {
            return self.read("", false).map(|(rows, _)| rows);
        };
        if self.bounds.inside > FEW {
            return self.read("", false).map(|(rows, _)| rows);
        }
        let time = ident(&record.column_name);
        let utc = record.column_type == "TIMESTAMP WITH TIME ZONE";
        let between = |oldest: i64, newest: i64| {
            let literal = |micros: i64| Relation::literal_of(micros, utc);
            format!(" and {time} between {} and {}", literal(oldest), literal(newest))
        };
        let around = between(oldest.saturating_sub(AROUND), newest.saturating_add(AROUND));
        let (rows, inside) = self.read(&around, true)?;
        if inside == self.bounds.inside {
            return Ok(rows);
        }
        let sql = format!(
            "select epoch_us(min({time})), epoch_us(max({time})), count({time}) {}",
            self.from
        );
        let found: (Option<i64>, Option<i64>, i64) = self
            .connection
            .query_row(&sql, duckdb::params_from_iter(self.values.clone()), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map_err(fault::store("query.page"))?;
        match found {
            // As long as every record has a time.
            (Some(oldest), Some(newest), known) if known.cast_unsigned() == self.bounds.inside => {
                self.read(&between(oldest, newest), false).map(|(rows, _)| rows)
            }
            _ => self.read("", false).map(|(rows, _)| rows),
        }
    }

    /// Reads the page with one more condition; with `counted` it says how many rows of the range answer to all of them.
    fn read(&self, also: &str, counted: bool) -> Result<(Vec<serde_json::Map<String, serde_json::Value>>, u64)> {
        const COUNT: &str = "_axis_count";
        let (list, bounds) = (&self.layout.list, self.bounds);
        let count = if counted {
            format!(", count(*) over () as {COUNT}")
        } else {
            String::new()
        };
        let sql = format!(
            "select {list}{count} {}{also}{} limit {} offset {}",
            self.from, self.layout.order, bounds.rows, bounds.skip
        );
        let batches = fetch(self.connection, &sql, self.values.clone(), "query.page")?;
        let mut rows: Vec<_> = batches.iter().flat_map(super::batch_to_json).collect();
        let mut inside = 0;
        if counted {
            for row in &mut rows {
                inside = row.remove(COUNT).and_then(|count| count.as_u64()).unwrap_or_default();
            }
        }
        Ok((rows, inside))
    }
}
