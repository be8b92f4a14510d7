//! One page of a dataset's rows: filtered, searched, sorted, in an order that does not depend on the page.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use duckdb::Connection;
use duckdb::types::Value;
use serde_json::Map;

use crate::config::DatasetKind;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{ColumnInfo, columns_of};
use crate::source::ident::ident;
use crate::store::{Limits, fault};

use super::by_time;

/// The most rows that one page may have.
const PAGE_SIZE_MAX: u64 = 500;
/// The columns that `search` looks into, as far as they exist.
pub(super) const SEARCHED: [&str; 5] = [
    "query",
    "trace_id",
    "actual_output",
    "dataset_query",
    "dataset_actual_output",
];

/// What a page is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PageRequest {
    /// From 1.
    pub page: u64,
    /// 1 to 500 (default 50).
    pub page_size: u64,
    /// The column to sort by; `timestamp` by default, when there is one. An unknown name counts as none.
    pub sort_by: Option<String>,
    /// Descending by default. NULL comes last either way.
    pub direction: SortDirection,
    /// The columns to return; unknown names are dropped, and all columns are returned when none is left.
    pub columns: Vec<String>,
    /// Which rows.
    pub filters: Filters,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 50,
            sort_by: None,
            direction: SortDirection::Descending,
            columns: Vec::new(),
            filters: Filters::default(),
        }
    }
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortDirection {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    #[default]
    Descending,
}

/// Which rows of a relation. A filter on a column that the relation does not have is not applied.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Filters {
    /// Column and the value it equals: environment, source_name, source_component, source_type, metric_name.
    pub equal: Vec<(String, String)>,
    /// `metric_category`, compared without regard to case; SCORE includes NULL.
    pub metric_category: Option<String>,
    /// Earliest `timestamp`, inclusive: ISO 8601 with a blank or `T`, with or without an offset.
    pub time_start: Option<String>,
    /// Latest `timestamp`, inclusive.
    pub time_end: Option<String>,
    /// A text that one of the searched columns contains, without regard to case.
    pub search: Option<String>,
}

/// One page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The rows as objects.
    pub rows: Vec<Map<String, serde_json::Value>>,
    /// Rows that match, on all pages.
    pub total: u64,
    /// The page, from 1.
    pub page: u64,
    /// Rows a page.
    pub page_size: u64,
}

impl Dataset {
    /// Returns one page of rows; an empty page when the dataset was never synced.
    ///
    /// # Errors
    /// `InvalidArgument` for a page below 1, a page size outside of 1 to 500 or a time that cannot be read; `Store`, `Closed`.
    pub async fn page(&self, request: PageRequest) -> Result<Page> {
        check_page(&request)?;
        self.check_readable()?;
        let (page, page_size) = (request.page, request.page_size);
        let Some(relation) = self.relation().map(str::to_owned) else {
            return Ok(Page {
                rows: Vec::new(),
                total: 0,
                page,
                page_size,
            });
        };
        // The built-in relations have keys by which rows differ; of anybody else's only all columns together are sure to be one.
        let keyed = self.config().kind != DatasetKind::Custom;
        if let Some(page) = by_time::load(self, &request).await? {
            return Ok(page);
        }
        self.engine()
            .readable()
            .await?
            .pool
            .read(Limits::default(), move |connection, _| {
                load(connection, &relation, &request, keyed)
            })
            .await
    }
}

/// Refuses pages that cannot be.
pub(crate) fn check_page(request: &PageRequest) -> Result<()> {
    if request.page < 1 || request.page > i64::MAX.cast_unsigned() / PAGE_SIZE_MAX {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "page {} is not allowed; pages begin at 1, and there are not that many",
                request.page
            ),
        ));
    }
    if request.page_size < 1 || request.page_size > PAGE_SIZE_MAX {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "page_size {} is not allowed; it is 1 to {PAGE_SIZE_MAX}",
                request.page_size
            ),
        ));
    }
    Ok(())
}

fn load(connection: &Connection, relation: &str, request: &PageRequest, keyed: bool) -> Result<Page> {
    let columns = columns_of(connection, relation)?;
    let empty = Page {
        rows: Vec::new(),
        total: 0,
        page: request.page,
        page_size: request.page_size,
    };
    if columns.is_empty() {
        return Ok(empty);
    }
    let (condition, params) = condition(&request.filters, &columns)?;
    let layout = Layout::of(request, &columns, keyed);
    let relation = ident(relation);
    let total: i64 = connection
        .query_row(
            &format!("select count(*) from {relation}{condition}"),
            duckdb::params_from_iter(params.clone()),
            |row| row.get(0),
        )
        .map_err(fault::store("query.page"))?;
    let offset = (request.page - 1) * request.page_size;
    let sql = format!(
        "select {} from {relation}{condition}{} limit {} offset {offset}",
        layout.list, layout.order, request.page_size
    );
    let batches = crate::store::fetch(connection, &sql, params, "query.page")?;
    let rows = batches.iter().flat_map(super::batch_to_json).collect();
    Ok(Page {
        rows,
        total: total.cast_unsigned(),
        ..empty
    })
}

/// What a page shows, and in which order.
pub(super) struct Layout {
    /// The columns as SQL.
    pub(super) list: String,
    /// The `order by`.
    pub(super) order: String,
}

impl Layout {
    pub(super) fn of(request: &PageRequest, columns: &[ColumnInfo], keyed: bool) -> Self {
        let find = |name: &str| {
            columns
                .iter()
                .find(|column| column.column_name.eq_ignore_ascii_case(name))
        };
        let sort = sort_column(request, columns);
        let mut shown: Vec<&str> = request
            .columns
            .iter()
            .filter_map(|name| find(name))
            .map(|column| column.column_name.as_str())
            .collect();
        if shown.is_empty() {
            shown = columns.iter().map(|column| column.column_name.as_str()).collect();
        } else if let (Some(sort), Some(_)) = (sort, &request.sort_by)
            && !shown.contains(&sort.column_name.as_str())
        {
            shown.push(&sort.column_name);
        }
        let mut seen = std::collections::HashSet::new();
        shown.retain(|name| seen.insert(*name));
        // Arrow has no time with an offset; as text it keeps it.
        const OFFSET: &str = "TIME WITH TIME ZONE";
        let cell = |name: &&str| match (ident(name), find(name)) {
            (name, Some(column)) if column.column_type.starts_with(OFFSET) => {
                format!("{name}::{} as {name}", column.column_type.replace(OFFSET, "varchar"))
            }
            (name, _) => name,
        };
        let mut sql = String::new();
        order(&mut sql, sort, request.direction, columns, keyed);
        Self {
            list: shown.iter().map(cell).collect::<Vec<_>>().join(", "),
            order: sql,
        }
    }
}

/// The column that a page is sorted by.
pub(super) fn sort_column<'c>(request: &PageRequest, columns: &'c [ColumnInfo]) -> Option<&'c ColumnInfo> {
    let find = |name: &str| {
        columns
            .iter()
            .find(|column| column.column_name.eq_ignore_ascii_case(name))
    };
    request.sort_by.as_deref().and_then(find).or_else(|| find("timestamp"))
}

/// The sort column, then keys that tell rows apart, so that no row repeats or goes missing between pages.
fn order(sql: &mut String, sort: Option<&ColumnInfo>, direction: SortDirection, columns: &[ColumnInfo], keyed: bool) {
    const KEYS: [&str; 4] = ["dataset_id", "metric_name", "id", "kpi_name"];
    let mut terms = Vec::new();
    if let Some(sort) = sort {
        let direction = match direction {
            SortDirection::Ascending => "asc",
            SortDirection::Descending => "desc",
        };
        terms.push(format!("{} {direction} nulls last", ident(&sort.column_name)));
    }
    let mut keys: Vec<&ColumnInfo> = KEYS
        .iter()
        .filter_map(|key| {
            columns
                .iter()
                .find(|column| column.column_name.eq_ignore_ascii_case(key))
        })
        .collect();
    if keys.is_empty() || !keyed {
        keys = columns.iter().collect();
    }
    terms.extend(
        keys.iter()
            .map(|column| format!("{} asc nulls last", ident(&column.column_name))),
    );
    // Writing to a String cannot fail.
    let _ = write!(sql, " order by {}", terms.join(", "));
}

/// The `where` clause and its bound values.
pub(crate) fn condition(filters: &Filters, columns: &[ColumnInfo]) -> Result<(String, Vec<Value>)> {
    let find = |name: &str| {
        columns
            .iter()
            .find(|column| column.column_name.eq_ignore_ascii_case(name))
    };
    let mut terms = Vec::new();
    let mut params = Vec::new();
    for (name, value) in &filters.equal {
        if let Some(column) = find(name) {
            terms.push(format!("{}::varchar = ?", ident(&column.column_name)));
            params.push(Value::Text(value.clone()));
        }
    }
    if let (Some(category), Some(column)) = (&filters.metric_category, find("metric_category")) {
        let name = ident(&column.column_name);
        let category = category.to_uppercase();
        let or_null = if category == "SCORE" {
            format!(" or {name} is null")
        } else {
            String::new()
        };
        terms.push(format!("(upper({name}::varchar) = ?{or_null})"));
        params.push(Value::Text(category));
    }
    for (bound, operator, name) in [
        (&filters.time_start, ">=", "time_start"),
        (&filters.time_end, "<=", "time_end"),
    ] {
        if let Some(text) = bound {
            let micros = instant(text, name)?;
            if let Some(column) = find("timestamp") {
                terms.push(format!(
                    "try_cast({} as timestamptz) {operator} make_timestamp(?)::timestamptz",
                    ident(&column.column_name)
                ));
                params.push(Value::BigInt(micros));
            }
        }
    }
    if let Some(search) = filters.search.as_ref().filter(|search| !search.is_empty()) {
        let searched: Vec<String> = SEARCHED
            .iter()
            .filter_map(|name| find(name))
            .map(|column| ident(&column.column_name))
            .collect();
        if !searched.is_empty() {
            // `contains` knows no wildcards, so nothing needs escaping.
            let each = searched
                .iter()
                .map(|name| format!("contains(lower({name}::varchar), lower(?))"));
            terms.push(format!("({})", each.collect::<Vec<_>>().join(" or ")));
            params.extend(searched.iter().map(|_| Value::Text(search.clone())));
        }
    }
    let clause = if terms.is_empty() {
        String::new()
    } else {
        format!(" where {}", terms.join(" and "))
    };
    Ok((clause, params))
}

/// Reads the parameter `name`: a time in any of the spellings that clients use, as microseconds since 1970 UTC.
///
/// # Errors
/// `InvalidArgument` when it is none.
pub(crate) fn instant(text: &str, name: &str) -> Result<i64> {
    micros(text).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("{name} is no time; expected like 2026-01-31, 2026-01-31 12:30:00 or 2026-01-31T12:30:00Z"),
        )
    })
}

fn micros(text: &str) -> Option<i64> {
    // A `+` in a URL's query arrives as a blank.
    let text = text.trim();
    let joined = text.replacen(' ', "T", 1);
    if let Ok(time) = DateTime::parse_from_rfc3339(&joined) {
        return Some(time.timestamp_micros());
    }
    let restored = joined.rsplit_once(' ').map(|(time, offset)| format!("{time}+{offset}"));
    if let Some(time) = restored.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()) {
        return Some(time.timestamp_micros());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(&joined, format) {
            return Some(time.and_utc().timestamp_micros());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        let expected = DateTime::parse_from_rfc3339("2026-01-31T12:30:00Z")
            .unwrap()
            .timestamp_micros();
        for text in [
            "2026-01-31 12:30:00",
            "2026-01-31T12:30",
            "2026-01-31T12:30:00Z",
            "2026-01-31 12:30:00+00:00",
            "2026-01-31 12:30:00 00:00",
            "2026-01-31T14:30:00+02:00",
        ] {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
        assert_eq!(micros("yesterday"), None);
    }
}
