//! Describes the columns of a query without running it.

use std::collections::{BTreeMap, HashSet};

use tokio_postgres::Client;
use tokio_postgres::types::{Kind, Type};

use crate::column::Column;
use crate::config::TypePolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{SourceColumn, Wire};

use super::select;
use super::sqlstate;
use super::types::{Carriage, source_name};

/// The code of a cast that does not exist.
const CANNOT_COERCE: &str = "42846";

/// Prepares the query and finds for each column how it is carried.
pub(super) async fn describe(
    client: &Client,
    query: &str,
    types: &BTreeMap<String, TypePolicy>,
) -> Result<Vec<SourceColumn>> {
    let statement = client.prepare(query).await.map_err(sqlstate::explain)?;
    if !statement.params().is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "the query has parameters such as `$1`; plain SQL is allowed",
        ));
    }
    if statement.columns().is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "the query returns no columns; name at least one",
        ));
    }
    let mut names = HashSet::new();
    let mut columns = Vec::with_capacity(statement.columns().len());
    let mut requested = false;
    for column in statement.columns() {
        let name = column.name();
        if !names.insert(name) {
            let message = format!("the query returns two columns named `{name}`; give one another name with `as`");
            return Err(Error::new(ErrorKind::Config, message).with("column", name));
        }
        if *column.type_() != Type::RECORD && matches!(column.type_().kind(), Kind::Pseudo) {
            let message = format!(
                "column `{name}` has type {}, which holds no value",
                column.type_().name()
            );
            return Err(Error::new(ErrorKind::SchemaMismatch, message).with("column", name));
        }
        let policy = policy(types, name);
        requested |= matches!(policy, TypePolicy::Type(_));
        let source_type = source_name(column.type_(), column.type_modifier());
        let carriage = Carriage::of(column.type_(), column.type_modifier(), policy)
            .ok_or_else(|| no_cast(name, &source_type, policy))?;
        columns.push(SourceColumn {
            column: Column {
                name: name.to_owned(),
                ty: carriage.ty,
            },
            source_type,
            on_bad_value: carriage.on_bad_value,
            origin: column.table_oid().zip(column.column_id()),
            wire: Wire::Postgres(carriage.wire),
        });
    }
    if requested {
        check_casts(client, query, &columns, types).await?;
    }
    Ok(columns)
}

/// Lets the server look at the casts that the configuration asks for.
async fn check_casts(
    client: &Client,
    query: &str,
    columns: &[SourceColumn],
    types: &BTreeMap<String, TypePolicy>,
) -> Result<()> {
    let sql = select::wrapped(query, columns);
    let Err(error) = client.prepare(&sql).await else {
        return Ok(());
    };
    let found = error.code().is_some_and(|code| code.code() == CANNOT_COERCE).then(|| {
        let position = match error.as_db_error().and_then(|db| db.position()) {
            Some(tokio_postgres::error::ErrorPosition::Original(position)) => usize::try_from(*position).ok(),
            _ => None,
        };
        // The server counts characters from 1; the column whose expression begins last before them is meant.
        let byte = sql.char_indices().nth(position?).map(|(byte, _)| byte)?;
        let begins = |column: &&SourceColumn| sql.find(&select::expression(column)).filter(|at| *at < byte);
        columns
            .iter()
            .filter(|column| begins(column).is_some())
            .max_by_key(begins)
    });
    match found {
        Some(Some(SourceColumn {
            column, source_type, ..
        })) => Err(no_cast(&column.name, source_type, policy(types, &column.name)).because(error)),
        _ => Err(sqlstate::explain(error)),
    }
}

fn no_cast(name: &str, source_type: &str, policy: &TypePolicy) -> Error {
    let wanted = match policy {
        TypePolicy::Type(wanted) => wanted.to_string(),
        _ => "text".to_owned(),
    };
    let message = format!("column `{name}` of type {source_type} cannot be cast to {wanted} as `types` asks");
    Error::new(ErrorKind::Config, message).with("column", name)
}

/// Finds a column's policy; the exact spelling wins over another one.
fn policy<'a>(types: &'a BTreeMap<String, TypePolicy>, name: &str) -> &'a TypePolicy {
    let other = || {
        types
            .iter()
            .find(|(key, _)| key.to_lowercase() == name.to_lowercase())
            .map(|(_, policy)| policy)
    };
    types.get(name).or_else(other).unwrap_or(&TypePolicy::Error)
}
