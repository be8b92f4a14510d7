//! Columns that reach Arrow as something else than they are: they are asked for as text.

use arrow::datatypes::Schema;
use duckdb::Statement;
use duckdb::core::{LogicalTypeHandle, LogicalTypeId};

use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;

/// Returns the SQL that has texts for such columns; `None` when there are none. The statement has been executed.
///
/// # Errors
/// `Query` for a column that has such values inside of others: only whoever asks can say what those are to become.
pub(crate) fn exact(sql: &str, schema: &Schema, statement: &Statement<'_>) -> Result<Option<String>> {
    let types: Vec<_> = (0..schema.fields().len())
        .map(|index| statement.column_logical_type(index))
        .collect();
    for (field, ty) in schema.fields().iter().zip(&types) {
        let inside = (0..ty.num_children()).find_map(|child| first_inexact(&ty.child(child)));
        if let Some(inside) = inside {
            let message = format!(
                "the column `{}` holds values of the type {inside}, which have no exact form inside of others; cast them to text",
                field.name()
            );
            return Err(Error::new(ErrorKind::Query, message).during("query"));
        }
    }
    if types.iter().all(|ty| inexact(ty).is_none()) {
        return Ok(None);
    }
    // By place: names may be there twice.
    let places: Vec<String> = (1..=types.len()).map(|place| format!("c{place}")).collect();
    let columns = schema.fields().iter().zip(&types).zip(&places);
    let columns = columns.map(|((field, ty), place)| {
        let cast = if inexact(ty).is_some() { "::varchar" } else { "" };
        format!("{place}{cast} as {}", ident(field.name()))
    });
    let list = columns.collect::<Vec<_>>().join(", ");
    // The line ends, because the text may end with a comment.
    let sql = sql.trim_end().trim_end_matches(';');
    Ok(Some(format!(
        "select {list} from (\n{sql}\n) as answer({})",
        places.join(", ")
    )))
}

/// Finds such a type in this one or inside of it.
fn first_inexact(ty: &LogicalTypeHandle) -> Option<&'static str> {
    inexact(ty).or_else(|| (0..ty.num_children()).find_map(|child| first_inexact(&ty.child(child))))
}

/// Names the types whose values Arrow gets as others: without an offset, as DuckDB's own bytes, or below zero from 2^127 on.
fn inexact(ty: &LogicalTypeHandle) -> Option<&'static str> {
    match ty.id() {
        LogicalTypeId::TimeTZ => Some("TIME WITH TIME ZONE"),
        LogicalTypeId::UHugeint => Some("UHUGEINT"),
        LogicalTypeId::Bit => Some("BIT"),
        LogicalTypeId::Bignum => Some("BIGNUM"),
        _ => None,
    }
}
