//! Writes the SELECT that wraps the user's query.

use crate::column::ColumnType;
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::{cursor_literal, ident};
use crate::source::{ReadRequest, SourceColumn, Window, Wire};

use super::server::Server;
use super::types::Format;

/// Returns the SQL that reads what a request asks for: the query itself when nothing has to be added.
pub(super) fn reading(query: &str, request: &ReadRequest, server: &Server) -> Result<String> {
    let ReadRequest {
        columns, window, limit, ..
    } = request;
    if window.is_none() && limit.is_none() && !columns.iter().any(|column| cast(column).is_some()) {
        return Ok(query.to_owned());
    }
    let mut sql = wrapped(query, columns);
    if let Some(window) = window {
        sql.push_str(&condition(columns, window, server)?);
    }
    if let Some(limit) = limit {
        sql.push_str(&format!(" limit {limit}"));
    }
    Ok(sql)
}

/// Returns the query with every column listed, and cast where its carriage asks for it.
pub(super) fn wrapped(query: &str, columns: &[SourceColumn]) -> String {
    let list: Vec<_> = columns
        .iter()
        .map(|column| match cast(column) {
            Some(_) => format!("{} as {}", expression(column), ident(&column.column.name)),
            None => expression(column),
        })
        .collect();
    format!("select {} from (\n{query}\n) as axis_source", list.join(", "))
}

/// Returns the column as the outer SELECT writes it.
pub(super) fn expression(column: &SourceColumn) -> String {
    let name = ident(&column.column.name);
    cast(column).map_or_else(|| name.clone(), |cast| format!("{name}::{cast}"))
}

/// Lists the columns that are cast to something else than text, which every value can be cast to.
pub(super) fn casts(columns: &[SourceColumn]) -> String {
    let list: Vec<_> = columns
        .iter()
        .filter(|column| cast(column).is_some() && column.column.ty != ColumnType::Varchar)
        .map(|column| format!("`{}` to {}", column.column.name, column.column.ty))
        .collect();
    list.join(", ")
}

fn cast(column: &SourceColumn) -> Option<&str> {
    match &column.wire {
        Wire::Postgres(wire) => wire.cast.as_deref(),
        Wire::Sqlite => None,
    }
}

fn condition(columns: &[SourceColumn], window: &Window, server: &Server) -> Result<String> {
    let Some(column) = columns.iter().find(|column| column.column.name == window.column) else {
        let message = format!("the query has no column `{}` to read a window of", window.column);
        return Err(Error::new(ErrorKind::Internal, message));
    };
    let value = expression(column);
    let format = match &column.wire {
        Wire::Postgres(wire) => Some(&wire.format),
        Wire::Sqlite => None,
    };
    let compared = match format {
        // A cast would take the blanks away that the stored value has.
        Some(Format::PaddedText) => format!("textin(bpcharout({value})) collate \"C\""),
        // There is no operator between oid and a negative number.
        Some(Format::Oid) => format!("{value}::bigint"),
        _ if column.column.ty == ColumnType::Varchar => format!("{value}::text collate \"C\""),
        _ => value.clone(),
    };
    let from = cursor_literal(&window.from, &window.ty);
    if column.column.ty == ColumnType::Varchar && !server.compares_sent_bytes {
        // The store compares UTF-8; in the server's own encoding the same letters may have another order.
        let text = compared.trim_end_matches(" collate \"C\"");
        return Ok(format!(
            " where (convert_to({text}, 'UTF8') >= convert_to({from}, 'UTF8') or {value} is null)"
        ));
    }
    Ok(format!(" where ({compared} >= {from} or {value} is null)"))
}
