//! The keys that say how one stored table is read: keys, cursor, partition and types.

use std::collections::BTreeMap;
use std::time::Duration;

use super::node::Block;
use super::{TableConfig, TypePolicy};
use crate::column::ColumnType;
use crate::source::ident::ident;

const TYPES: &str = "error, null, varchar, double, float, boolean, smallint, integer, bigint, date, time, timestamp, \
                     timestamptz, uuid, blob or decimal(p,s)";

/// What the keys of one block say about its tables.
#[derive(Clone, Default)]
pub(super) struct TableKeys {
    pub(super) primary_key: Vec<String>,
    pub(super) incremental_column: Option<String>,
    pub(super) partition_column: Option<String>,
    pub(super) lookback: Option<Duration>,
    pub(super) types: BTreeMap<String, TypePolicy>,
}

impl TableKeys {
    pub(super) fn read(block: &Block<'_>) -> Self {
        let lookback = "incremental_lookback_seconds";
        Self {
            primary_key: block.strings("primary_key", true).unwrap_or_default(),
            incremental_column: block.string("incremental_column"),
            partition_column: block.string("partition_column"),
            lookback: block
                .optional_integer(lookback, 0..=31_536_000, "seconds", "auto")
                .map(Duration::from_secs),
            types: types(block),
        }
    }

    /// Fills what this block leaves open with what the dataset's block says.
    pub(super) fn or(self, outer: &Self) -> Self {
        let mut types = outer.types.clone();
        types.extend(self.types);
        Self {
            primary_key: if self.primary_key.is_empty() {
                outer.primary_key.clone()
            } else {
                self.primary_key
            },
            incremental_column: self.incremental_column.or_else(|| outer.incremental_column.clone()),
            partition_column: self.partition_column.or_else(|| outer.partition_column.clone()),
            lookback: self.lookback.or(outer.lookback),
            types,
        }
    }

    pub(super) fn table(self, name: impl Into<String>, query: impl Into<String>) -> TableConfig {
        self.complete(TableConfig::new(name, query))
    }

    /// Fills in what the keys say.
    pub(super) fn complete(self, table: TableConfig) -> TableConfig {
        TableConfig {
            primary_key: self.primary_key,
            incremental_column: self.incremental_column,
            partition_column: self.partition_column,
            lookback: self.lookback,
            types: self.types,
            ..table
        }
    }
}

impl TableConfig {
    /// Creates a table that equals the answer of a query, without a key, a cursor or a partition.
    #[must_use]
    pub fn new(name: impl Into<String>, query: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            query: query.into(),
            whole_relation: false,
            primary_key: Vec::new(),
            incremental_column: None,
            partition_column: None,
            lookback: None,
            types: BTreeMap::new(),
        }
    }

    /// Creates a table that equals a table of the source, whose name is quoted here: parts such as `["public", "orders"]`.
    #[must_use]
    pub fn of_relation(name: impl Into<String>, relation: &[&str]) -> Self {
        let quoted: Vec<String> = relation.iter().map(|part| ident(part)).collect();
        Self {
            whole_relation: true,
            ..Self::new(name, format!("select * from {}", quoted.join(".")))
        }
    }

    /// Sets the key columns.
    #[must_use]
    pub fn with_primary_key<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.primary_key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the cursor column, by which a refresh finds what is new.
    #[must_use]
    pub fn with_incremental_column(mut self, column: impl Into<String>) -> Self {
        self.incremental_column = Some(column.into());
        self
    }

    /// Sets the column by which a full read is split among the workers.
    #[must_use]
    pub fn with_partition_column(mut self, column: impl Into<String>) -> Self {
        self.partition_column = Some(column.into());
        self
    }
}

fn types(block: &Block<'_>) -> BTreeMap<String, TypePolicy> {
    let mut types = BTreeMap::new();
    let texts = block.pairs("types", |key, place| {
        // Without quotes the policy `null` is YAML's null.
        block
            .ledger
            .set(block.key(&format!("types.{key}")), "null", Some(place));
        types.insert(key.to_owned(), TypePolicy::Null);
        true
    });
    for (column, text) in texts {
        match policy(&text.value) {
            Some(Ok(policy)) => {
                types.insert(column, policy);
            }
            Some(Err(allowed)) => block.bad(&format!("types.{column}"), &text.place, text.found(), allowed),
            None => block.bad(&format!("types.{column}"), &text.place, text.found(), TYPES),
        }
    }
    types
}

/// Reads the name of a type or a policy; the inner error says what a decimal may be.
fn policy(text: &str) -> Option<Result<TypePolicy, &'static str>> {
    let name = text.trim().to_ascii_lowercase();
    if let Some(inside) = name.strip_prefix("decimal").or_else(|| name.strip_prefix("numeric")) {
        return Some(decimal(inside).ok_or("decimal(p,s) with p from 1 to 38 and s from 0 to p"));
    }
    let ty = match name.as_str() {
        "error" => return Some(Ok(TypePolicy::Error)),
        "null" => return Some(Ok(TypePolicy::Null)),
        "varchar" | "text" => return Some(Ok(TypePolicy::Varchar)),
        "double" => ColumnType::Double,
        "float" => ColumnType::Float,
        "boolean" => ColumnType::Boolean,
        "smallint" => ColumnType::SmallInt,
        "integer" => ColumnType::Integer,
        "bigint" => ColumnType::BigInt,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "timestamp" => ColumnType::Timestamp,
        "timestamptz" => ColumnType::TimestampTz,
        "uuid" => ColumnType::Uuid,
        "blob" => ColumnType::Blob,
        _ => return None,
    };
    Some(Ok(TypePolicy::Type(ty)))
}

fn decimal(inside: &str) -> Option<TypePolicy> {
    let (precision, scale) = inside.trim().strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    ((1..=38).contains(&precision) && scale <= precision)
        .then_some(TypePolicy::Type(ColumnType::Decimal { precision, scale }))
}
