//! Pages in the order of time, of relations whose narrow columns are in memory.
//!
//! Those tell how many rows match, and between which two times the page lies; what is read is that range alone, and DuckDB skips
//! everything else by the minimum and maximum of its row groups. Rows of one time are put in order by DuckDB. A search finds the
//! records in memory, too (`texts`).

use std::fmt::Write as _;
use std::sync::Arc;

use duckdb::Connection;
use serde_json::Map;

use super::Texts;
use super::page::{Layout, Page, PageRequest, SortDirection, condition, sort_column};
use crate::analytics::frame::{Attribute, Conditions, PageBounds, Relation, Shape, compute, ready};
use crate::config::DatasetKind;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::source::ident::literal;
use crate::store::{Limits, Reason, fault, fetch, stored_generation};

/// How often a page is tried again when a sync has changed the rows in between.
const TRIES: usize = 3;
/// Rows of one range whose records may be listed in a statement.
const NAMED: u64 = 500;

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
        // As it was at the generation that is read.
        let relation = frame.relation.clone();
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
        let name = dataset.name().to_owned();
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
    relation: &Relation,
    request: &PageRequest,
    bounds: PageBounds,
    records: Option<&[Arc<str>]>,
) -> Result<Vec<Map<String, serde_json::Value>>> {
    let mut filters = request.filters.clone();
    let mut range = Vec::new();
    let mut also = String::new();
    if let (Some(records), Some(id)) = (records, relation.column("dataset_id")) {
        // These are the records that the search has found, so nothing needs to be searched again.
        filters.search = None;
        let list: Vec<String> = records.iter().map(|record| literal(record)).collect();
        also = format!(" and {id} in ({})", list.join(", "));
    }
    let (condition, values) = condition(&filters, relation.columns())?;
    let layout = Layout::of(request, relation.columns(), true);
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
    // The long texts of the records are then read from a few blocks, not from all.
    if let (Some((first, last)), Some((time, literal))) = (bounds.records, relation.record_time()) {
        // Writing to a String cannot fail.
        let _ = write!(also, " and {time} between {} and {}", literal(first), literal(last));
    }
    let before = if condition.is_empty() { " where" } else { " and" };
    let sql = format!(
        "select {} from {}{condition}{before} ({}){also}{} limit {} offset {}",
        layout.list,
        relation.name,
        range.join(" or "),
        layout.order,
        bounds.rows,
        bounds.skip
    );
    let batches = fetch(connection, &sql, values, "query.page")?;
    Ok(batches.iter().flat_map(super::batch_to_json).collect())
}
