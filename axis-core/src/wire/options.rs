//! Options of syncs, verifications, queries and pages.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::members::{Members, kind, wrong};
use crate::dataset::{SyncOptions, VerifyOptions};
use crate::error::Result;
use crate::query::{Filters, PageRequest, Query, SortDirection, Value as Bound};
use crate::sync::SyncMode;

/// Reads `{mode: "auto" | "full" | "reconcile", timeout_ms}`.
///
/// # Errors
/// `InvalidArgument`.
pub fn sync_options(options: Value) -> Result<SyncOptions> {
    let members = Members::of("the sync options", options)?;
    let modes = [
        ("auto", SyncMode::Auto),
        ("full", SyncMode::Full),
        ("reconcile", SyncMode::Reconcile),
    ];
    let mut read = SyncOptions::default().mode(members.choice("mode", &modes, SyncMode::Auto)?);
    read.timeout = timeout(&members)?;
    members.finish()?;
    Ok(read)
}

/// Reads `{sync: bool, timeout_ms}`.
///
/// # Errors
/// `InvalidArgument`.
pub fn verify_options(options: Value) -> Result<VerifyOptions> {
    let members = Members::of("the verify options", options)?;
    let mut read = VerifyOptions::default();
    if let Some(sync) = members.take("sync")? {
        read = read.sync(sync);
    }
    if let Some(timeout) = timeout(&members)? {
        read = read.timeout(timeout);
    }
    members.finish()?;
    Ok(read)
}

/// Reads the values of a query, a list for `?` and `$1` or an object for `$name`, and its options
/// `{timeout_ms, max_rows, id: UUID, client}`.
///
/// # Errors
/// `InvalidArgument`.
pub fn query(sql: &str, params: Value, options: Value) -> Result<Query> {
    let mut query = Query::sql(sql);
    match params {
        Value::Null => {}
        Value::Array(values) => {
            for (index, value) in (1..).zip(&values) {
                query = query.bind(bound(value).ok_or_else(|| unbindable(&format!("{index}"), value))?);
            }
        }
        Value::Object(values) => {
            for (name, value) in &values {
                query = query.bind_as(name, bound(value).ok_or_else(|| unbindable(name, value))?);
            }
        }
        other => {
            let message = format!(
                "{} was given for the params; allowed is a list, or an object of named values",
                kind(&other)
            );
            return Err(wrong(message));
        }
    }
    let members = Members::of("the query options", options)?;
    query.timeout = timeout(&members)?;
    query.max_rows = members.take("max_rows")?;
    query.client = members.take("client")?;
    if let Some(id) = members.take::<Uuid>("id")? {
        query = query.id(id);
    }
    members.finish()?;
    Ok(query)
}

/// Returns the value that is bound for a JSON value; `None` for lists and objects, which cannot be bound.
#[must_use]
pub fn bound(value: &Value) -> Option<Bound> {
    Some(match value {
        Value::Null => Bound::Null,
        Value::Bool(value) => Bound::Boolean(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Bound::BigInt(whole),
            (None, Some(whole)) => Bound::UBigInt(whole),
            (None, None) => Bound::Double(number.as_f64()?),
        },
        Value::String(text) => Bound::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

fn unbindable(name: &str, value: &Value) -> crate::error::Error {
    let message = format!(
        "parameter {name} is {}; allowed are null, booleans, numbers and texts",
        kind(value)
    );
    wrong(message)
}

/// Reads `{page, page_size, sort_by, direction: "asc" | "desc", columns: [..]}` and the filters `environment`, `source_name`,
/// `source_component`, `source_type`, `metric_name`, `metric_category`, `time_start`, `time_end` and `search`.
///
/// # Errors
/// `InvalidArgument`.
pub fn page_request(request: Value) -> Result<PageRequest> {
    const EQUAL: [&str; 5] = [
        "environment",
        "source_name",
        "source_component",
        "source_type",
        "metric_name",
    ];
    let members = Members::of("the page request", request)?;
    let mut read = PageRequest::default();
    read.page = members.take_or("page", read.page)?;
    read.page_size = members.take_or("page_size", read.page_size)?;
    read.sort_by = members.take("sort_by")?;
    let directions = [("asc", SortDirection::Ascending), ("desc", SortDirection::Descending)];
    read.direction = members.choice("direction", &directions, read.direction)?;
    read.columns = members.take_or("columns", Vec::new())?;
    let mut filters = Filters::default();
    for name in EQUAL {
        filters
            .equal
            .extend(members.take(name)?.map(|value| (name.to_owned(), value)));
    }
    filters.metric_category = members.take("metric_category")?;
    filters.time_start = members.take("time_start")?;
    filters.time_end = members.take("time_end")?;
    filters.search = members.take("search")?;
    read.filters = filters;
    members.finish()?;
    Ok(read)
}

fn timeout(members: &Members) -> Result<Option<Duration>> {
    Ok(members.take("timeout_ms")?.map(Duration::from_millis))
}
