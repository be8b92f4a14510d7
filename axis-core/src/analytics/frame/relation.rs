//! What a relation has for a frame, and how it is said in SQL.

use duckdb::Connection;
use duckdb::types::Value;

use super::Attribute;
use super::select::{Conditions, SCORE};
use crate::column::ColumnType;
use crate::error::Result;
use crate::metadata::{ColumnInfo, LATENCY_COLUMNS, columns_of};
use crate::source::CursorValue;
use crate::source::ident::{cursor_literal, ident};

/// How scores are laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One row a metric: `metric_name` and `metric_score`.
    Long,
    /// One row a record, one column a metric: those that end in `_score`.
    Wide(Vec<String>),
    /// Scores without names, or none at all.
    #[default]
    Plain,
}

impl Shape {
    /// Returns the score columns of a wide relation.
    pub(crate) fn score_columns(&self) -> Option<&[String]> {
        match self {
            Self::Wide(scores) => Some(scores),
            Self::Long | Self::Plain => None,
        }
    }
}

/// A relation of the store, as it is at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    /// Quoted.
    pub(crate) name: String,
    columns: Vec<ColumnInfo>,
}

/// SQL, and the values for its question marks.
pub(crate) type Bound = (String, Vec<Value>);

impl Relation {
    /// Looks a relation up; none when it does not exist.
    pub(crate) fn read(connection: &Connection, name: &str) -> Result<Option<Self>> {
        let columns = columns_of(connection, name)?;
        let found = Self {
            name: ident(name),
            columns,
        };
        Ok(Some(found).filter(|found| !found.columns.is_empty()))
    }

    /// Returns a column, quoted.
    pub(crate) fn column(&self, name: &str) -> Option<String> {
        self.find(name).map(|column| ident(&column.column_name))
    }

    /// Returns every column, in order.
    pub(crate) fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn find(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns
            .iter()
            .find(|column| column.column_name.eq_ignore_ascii_case(name))
    }

    /// Returns a column as a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.column(name).map(|column| format!("{column}::varchar"))
    }

    /// Returns a column as a number, which is NULL where it is none.
    pub(crate) fn number(&self, name: &str) -> Option<String> {
        let column = self.find(name)?;
        let name = ident(&column.column_name);
        // Not everything can be cast to a number, but everything to a text.
        let direct = [
            "DOUBLE", "FLOAT", "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BOOLEAN",
        ];
        let text = if direct.iter().any(|ty| column.column_type.starts_with(ty)) {
            ""
        } else {
            "::varchar"
        };
        Some(format!("try_cast({name}{text} as double)"))
    }

    /// Returns the latency column as a number.
    pub(crate) fn latency(&self) -> Option<String> {
        LATENCY_COLUMNS.iter().find_map(|name| self.number(name))
    }

    /// Returns `timestamp` as DuckDB compares it, and whether it is an instant.
    pub(crate) fn time(&self) -> Option<(String, bool)> {
        let column = self.find("timestamp")?;
        let name = ident(&column.column_name);
        Some(match column.column_type.as_str() {
            "TIMESTAMP WITH TIME ZONE" => (name, true),
            "TIMESTAMP" => (name, false),
            "VARCHAR" => (format!("try_cast({name} as timestamptz)"), false),
            _ => (format!("try_cast({name} as timestamp)"), false),
        })
    }

    /// Writes a time as a literal of the type that [`time`](Self::time) has: with a bound value DuckDB could skip nothing.
    pub(crate) fn time_literal(&self, micros: i64) -> String {
        let text = self
            .find("timestamp")
            .is_some_and(|column| column.column_type == "VARCHAR");
        let utc = text || self.time().is_some_and(|(_, instant)| instant);
        Self::literal_of(micros, utc)
    }

    /// Returns the time of the record itself, where a joined relation has it beside the metric's, and how its literals are written.
    pub(crate) fn record_time(&self) -> Option<(String, impl Fn(i64) -> String + use<>)> {
        let column = self.find("dataset_timestamp")?;
        let utc = match column.column_type.as_str() {
            "TIMESTAMP WITH TIME ZONE" => true,
            "TIMESTAMP" => false,
            _ => return None,
        };
        Some((ident(&column.column_name), move |micros| Self::literal_of(micros, utc)))
    }

    /// Writes a time as a literal, of an instant or of a local time.
    pub(crate) fn literal_of(micros: i64, utc: bool) -> String {
        cursor_literal(&CursorValue::Timestamp { micros, utc }, &ColumnType::Timestamp)
    }

    /// Tells how scores are laid out.
    pub(crate) fn shape(&self) -> Shape {
        let has = |name| self.find(name).is_some();
        if has("metric_name") && has("metric_score") {
            return Shape::Long;
        }
        let is_score =
            |name: &&String| name.to_lowercase().ends_with("_score") && !name.eq_ignore_ascii_case("metric_score");
        // By name: the order of the columns means nothing.
        let mut scores: Vec<String> = self
            .columns
            .iter()
            .map(|column| &column.column_name)
            .filter(is_score)
            .cloned()
            .collect();
        scores.sort();
        if scores.is_empty() {
            Shape::Plain
        } else {
            Shape::Wide(scores)
        }
    }

    /// Writes conditions as SQL. `metric` is what `metric_name` is called, if it is anything.
    pub(crate) fn condition(&self, conditions: &Conditions, metric: Option<&str>) -> Bound {
        const NEVER: &str = "false";
        let mut terms = Vec::new();
        let mut values = Vec::new();
        let column = |attribute: Attribute| match (attribute, metric) {
            (Attribute::MetricName, Some(metric)) => Some(metric.to_owned()),
            _ => self.text(attribute.name()),
        };
        for (attribute, text) in &conditions.equal {
            match column(*attribute) {
                Some(column) => {
                    terms.push(format!("{column} = ?"));
                    values.push(Value::Text(text.clone()));
                }
                None => terms.push(NEVER.to_owned()),
            }
        }
        if let Some(category) = &conditions.category {
            let or_null = category == SCORE;
            match column(Attribute::MetricCategory) {
                Some(column) => {
                    let or_null = if or_null {
                        format!(" or {column} is null")
                    } else {
                        String::new()
                    };
                    terms.push(format!("(upper({column}) = ?{or_null})"));
                    values.push(Value::Text(category.clone()));
                }
                None if or_null => {}
                None => terms.push(NEVER.to_owned()),
            }
        }
        match (&conditions.metrics, column(Attribute::MetricName)) {
            (Some(metrics), Some(column)) if !metrics.is_empty() => {
                terms.push(format!("{column} in ({})", vec!["?"; metrics.len()].join(", ")));
                values.extend(metrics.iter().cloned().map(Value::Text));
            }
            (Some(_), _) => terms.push(NEVER.to_owned()),
            (None, _) => {}
        }
        for (bound, operator) in [(conditions.since, ">="), (conditions.until, "<=")] {
            match (bound, self.time()) {
                (Some(micros), Some((time, _))) => {
                    terms.push(format!("{time} {operator} {}", self.time_literal(micros)));
                }
                (Some(_), None) => terms.push(NEVER.to_owned()),
                (None, _) => {}
            }
        }
        let sql = if terms.is_empty() {
            "true".to_owned()
        } else {
            terms.join(" and ")
        };
        (sql, values)
    }
}
