//! Tables as the catalog knows them, and the SQL that reads one. Names are looked up first and quoted in one place.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;
use crate::source::postgres::Visit;

/// The kinds of relation that can be read like a table.
const KINDS: [(&str, &str); 5] = [
    ("r", "table"),
    ("v", "view"),
    ("m", "materialized_view"),
    ("p", "partitioned_table"),
    ("f", "foreign_table"),
];

const TABLES: &str = "
select n.nspname::text, c.relname::text, greatest(c.reltuples, 0)::bigint::text, c.relkind::text
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'v', 'm', 'p', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
    and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_any_column_privilege(c.oid, 'select')
order by n.nspname, c.relname";

/// The last column numbers the columns of the primary key; the one before says that values of the type can be compared.
const COLUMNS: &str = "
select a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), (not a.attnotnull)::text,
    pg_catalog.format_type(a.atttypid, null),
    exists (select 1 from pg_catalog.pg_opclass as o join pg_catalog.pg_am as m on m.oid = o.opcmethod
        where m.amname = 'btree' and o.opcdefault and o.opcintype in (a.atttypid, t.typbasetype))::text,
    pg_catalog.array_position(k.conkey, a.attnum)::text
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join pg_catalog.pg_constraint as k on k.conrelid = c.oid and k.contype = 'p'
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'v', 'm', 'p', 'f')
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
    and a.attnum > 0 and not a.attisdropped
    and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_column_privilege(c.oid, a.attnum, 'select')
order by a.attnum";

/// The name of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableName {
    /// The schema.
    #[serde(rename = "schema_name")]
    pub schema: String,
    /// The table.
    pub name: String,
}

impl TableName {
    /// Names a table.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }
}

/// A table that may be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TableListing {
    /// The schema.
    pub schema_name: String,
    /// The name.
    pub name: String,
    /// The planner's estimate; 0 when there is none.
    pub row_count_estimate: i64,
    /// `table`, `view`, `materialized_view`, `partitioned_table` or `foreign_table`.
    pub kind: &'static str,
}

impl TableListing {
    pub(super) fn name(&self) -> TableName {
        TableName::new(&self.schema_name, &self.name)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ColumnListing {
    /// The name.
    pub name: String,
    /// The type as PostgreSQL writes it, such as `numeric(12,6)`.
    pub data_type: String,
    /// Whether it may be null.
    pub nullable: bool,
    #[serde(skip)]
    base_type: String,
    #[serde(skip)]
    comparable: bool,
    /// Its place in the primary key.
    #[serde(skip)]
    key: Option<u16>,
}

/// What is in a table.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SchemaListing {
    /// The columns in their order.
    pub columns: Vec<ColumnListing>,
    /// Up to five different values of each column.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub sample_values: Map<String, Value>,
}

/// What is read of a table; everything by default.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TableRead {
    /// Source column and the name that it gets; all columns under their own names when empty.
    pub mappings: Vec<(String, String)>,
    /// Column and the value that it equals; null is found, too. A value is a text, a number or a truth value.
    pub filters: Vec<(String, Value)>,
}

impl TableRead {
    /// Sets which columns are read, and the names that they get.
    #[must_use]
    pub fn mappings(mut self, mappings: Vec<(String, String)>) -> Self {
        self.mappings = mappings;
        self
    }

    /// Sets the values that columns equal.
    #[must_use]
    pub fn filters(mut self, filters: Vec<(String, Value)>) -> Self {
        self.filters = filters;
        self
    }
}

/// A statement and its parameters.
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) parameters: Vec<String>,
}

pub(super) async fn list(visit: &Visit) -> Result<Vec<TableListing>> {
    let rows = visit.ask(TABLES, &[]).await?;
    let listing = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || cells.next().unwrap_or_default();
        let (schema_name, name, estimate, kind) = (next(), next(), next(), next());
        TableListing {
            schema_name,
            name,
            row_count_estimate: estimate.parse().unwrap_or(0),
            kind: KINDS
                .iter()
                .find(|(letter, _)| *letter == kind)
                .map_or("table", |(_, word)| word),
        }
    };
    Ok(rows.into_iter().map(listing).collect())
}

/// Returns the columns that may be read, in their order.
pub(super) async fn columns(visit: &Visit, name: &TableName) -> Result<Vec<ColumnListing>> {
    let rows = visit.ask(COLUMNS, &[&name.schema, &name.name]).await?;
    if rows.is_empty() {
        let message = "there is no such table, or it may not be read";
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let listing = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter();
        let mut next = || cells.next().flatten().unwrap_or_default();
        ColumnListing {
            name: next(),
            data_type: next(),
            nullable: next() == "true",
            base_type: next(),
            comparable: next() == "true",
            key: next().parse().ok(),
        }
    };
    Ok(rows.into_iter().map(listing).collect())
}

/// Writes the SELECT that reads a table.
pub(super) fn read_sql(name: &TableName, columns: &[ColumnListing], read: &TableRead) -> Result<Sql> {
    let mut list = Vec::new();
    let mut taken = std::collections::HashSet::new();
    for (source, target) in &read.mappings {
        let column = find(columns, source)?;
        if !taken.insert(target) {
            let message = format!("two columns are mapped to `{target}`");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        list.push(format!("t.{} as {}", ident(&column.name), ident(target)));
    }
    if list.is_empty() {
        list = columns
            .iter()
            .map(|column| format!("t.{}", ident(&column.name)))
            .collect();
    }
    let mut parameters = Vec::new();
    let mut conditions = Vec::new();
    for (name, value) in &read.filters {
        conditions.push(condition(find(columns, name)?, value, &mut parameters)?);
    }
    let filter = match conditions.as_slice() {
        [] => String::new(),
        conditions => format!(" where {}", conditions.join(" and ")),
    };
    let mut key: Vec<&ColumnListing> = columns.iter().filter(|column| column.key.is_some()).collect();
    key.sort_by_key(|column| column.key);
    let order = match key.as_slice() {
        [] => String::new(),
        key => {
            let names: Vec<String> = key.iter().map(|column| format!("t.{}", ident(&column.name))).collect();
            format!(" order by {}", names.join(", "))
        }
    };
    Ok(Sql {
        text: format!("select {} from {} as t{filter}{order}", list.join(", "), name.quoted()),
        parameters,
    })
}

/// Writes the SELECT of a column's distinct values as text.
pub(super) fn distinct_sql(name: &TableName, columns: &[ColumnListing], column: &str) -> Result<String> {
    let column = ident(&find(columns, column)?.name);
    Ok(format!(
        "select distinct t.{column}::pg_catalog.text collate pg_catalog.\"C\" as value from {} as t \
         where t.{column} is not null order by 1",
        name.quoted()
    ))
}

/// A value is compared as one of the column's type, so that indexes serve and `1` equals `1.00`; as text where the type has no
/// order.
fn condition(column: &ColumnListing, value: &Value, parameters: &mut Vec<String>) -> Result<String> {
    let name = ident(&column.name);
    let text = match value {
        Value::Null => return Ok(format!("t.{name} is null")),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => {
            let message = format!("the filter of `{}` is neither a text nor a number", column.name);
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
    };
    parameters.push(text);
    let number = parameters.len();
    Ok(
        if column.comparable && !column.base_type.starts_with("character") && column.base_type != "bpchar" {
            format!("t.{name} = ${number}::pg_catalog.text::{}", column.base_type)
        } else {
            format!("t.{name}::pg_catalog.text = ${number}::pg_catalog.text")
        },
    )
}

fn find<'c>(columns: &'c [ColumnListing], name: &str) -> Result<&'c ColumnListing> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        let message = "the table has no such column, or it may not be read";
        Error::new(ErrorKind::NotFound, message).with("column", name)
    })
}
