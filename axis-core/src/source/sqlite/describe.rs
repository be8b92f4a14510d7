//! Finds the columns of a query.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use rusqlite::types::Type;

use super::{Session, failure, types, wrap};
use crate::column::{Column, ColumnType};
use crate::config::TypePolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{OnBadValue, SourceColumn, Wire};

/// What stands for the declared type of a column that has none.
pub(super) const EXPRESSION: &str = "expression";

/// How many rows are looked at to type a column without a declared type.
const SAMPLE_ROWS: u32 = 100;

pub(super) fn describe(
    session: &Session,
    query: &str,
    types: &BTreeMap<String, TypePolicy>,
) -> Result<Vec<SourceColumn>> {
    let connection = session.lock();
    let failed = |error| failure::classify(error, &session.path);
    // The bare query has the true names: SQLite renames duplicates inside a subquery. Preparing runs nothing.
    let bare = connection.prepare(query).map_err(failed)?;
    let wrapped = connection.prepare(&wrap(query)).map_err(failed)?;
    let found: Vec<_> = bare.columns().collect();
    if found.len() != wrapped.column_count() {
        return Err(Error::new(ErrorKind::SourceRejected, "the query must be one SELECT"));
    }
    let names: Vec<&str> = found.iter().map(rusqlite::Column::name).collect();
    unique(&names)?;

    let policies: HashMap<String, &TypePolicy> = types
        .iter()
        .map(|(name, policy)| (name.to_lowercase(), policy))
        .collect();
    let mut columns = Vec::with_capacity(names.len());
    let mut untyped = Vec::new();
    for (index, column) in found.iter().enumerate() {
        let declared = column.decl_type().filter(|declared| !declared.trim().is_empty());
        let (chosen, on_bad_value) = match policies.get(&column.name().to_lowercase()) {
            None | Some(TypePolicy::Error) => (None, OnBadValue::Fail),
            Some(TypePolicy::Null) => (None, OnBadValue::Null),
            Some(TypePolicy::Varchar) => (Some(ColumnType::Varchar), OnBadValue::Fail),
            Some(TypePolicy::Type(ty)) => (Some(supported(ty, column.name())?), OnBadValue::Fail),
        };
        let ty = chosen.or_else(|| declared.and_then(types::natural)).unwrap_or_else(|| {
            untyped.push(index);
            ColumnType::Varchar
        });
        columns.push(SourceColumn {
            origin: None,
            column: Column {
                name: column.name().to_owned(),
                ty,
            },
            source_type: declared.unwrap_or(EXPRESSION).to_owned(),
            on_bad_value,
            wire: Wire::Sqlite,
        });
    }
    if !untyped.is_empty() {
        let sampled = sample(&connection, query, &untyped).map_err(failed)?;
        for (index, ty) in untyped.into_iter().zip(sampled) {
            columns[index].column.ty = ty;
        }
    }
    Ok(columns)
}

fn unique(names: &[&str]) -> Result<()> {
    let mut seen = HashMap::with_capacity(names.len());
    for name in names {
        if let Some(first) = seen.insert(name.to_lowercase(), *name) {
            let message =
                format!("the query gives two columns of one name, `{first}` and `{name}`; rename one with `as`");
            return Err(Error::new(ErrorKind::Config, message).with("column", name));
        }
    }
    Ok(())
}

fn supported(ty: &ColumnType, column: &str) -> Result<ColumnType> {
    if types::is_supported(ty) {
        return Ok(ty.clone());
    }
    let message = format!("the column `{column}` of a SQLite source cannot be carried as {ty}; `varchar` always works");
    Err(Error::new(ErrorKind::Config, message).with("column", column))
}

/// Types the columns by their first values that are not NULL.
fn sample(connection: &Connection, query: &str, columns: &[usize]) -> rusqlite::Result<Vec<ColumnType>> {
    let mut types: Vec<Option<ColumnType>> = vec![None; columns.len()];
    let mut statement = connection.prepare(&format!("{} limit {SAMPLE_ROWS}", wrap(query)))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (ty, index) in types.iter_mut().zip(columns) {
            *ty = match (ty.take(), row.get_ref(*index)?.data_type()) {
                (None, Type::Integer) => Some(ColumnType::BigInt),
                (None | Some(ColumnType::BigInt), Type::Real) => Some(ColumnType::Double),
                (None, Type::Text) => Some(ColumnType::Varchar),
                (None, Type::Blob) => Some(ColumnType::Blob),
                (known, _) => known,
            };
        }
    }
    Ok(types.into_iter().map(|ty| ty.unwrap_or(ColumnType::Varchar)).collect())
}
