//! The stored table of cases, made inside the commit that changes the raw rows.
//!
//! The rows are ordered by their case in a temporary table, which DuckDB may keep on disk, and read in portions: one case at a
//! time is in memory. A commit that touches few cases makes only those anew; the schema is always collected from all of them.

use std::fmt::Write as _;

use arrow::array::AsArray as _;
use duckdb::types::ValueRef;
use duckdb::{Appender, Connection, Row as StoredRow, params};

use super::RELATION;
use super::case::{Case, Row, read_metrics};
use super::columns::{Columns, SHARED};
use super::record::fields;
use super::schema::Collector;
use crate::calendar::{self, MICROS_PER_DAY};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{ColumnInfo, columns_of};
use crate::source::ident::{ident, literal};
use crate::store::{DERIVING, Derivation, Made, Reason, Scope, each_batch, fault};

/// How the cases are made. A change of what they hold needs another version.
pub(crate) const CASES: Derivation = Derivation {
    relation: RELATION,
    version: 1,
    key: "dataset_id",
    make,
    clear: create,
};

/// How many rows are read at a time.
const PORTION: usize = 2_048;
const ORDERED: &str = "temp._axis_signals";
const TOUCHED: &str = "temp._axis_touched";
/// The columns of the table. What may hold anything is JSON text, so that no value can have the wrong type.
///
/// The long ones are not compressed: a page takes single rows from all over the table, for which DuckDB would unpack a
/// thousand others each, three times as long for a page by time. The table takes about twice the space.
const COLUMNS: &str = r#""Case_ID" varchar, "source_name" varchar, "source_component" varchar, "source_type" varchar,
    "environment" varchar, "Slack_URL" varchar, "Agent_Name" varchar, "Business" varchar,
    "Full_Conversation" varchar using compression uncompressed, "Message_Count" bigint, "Timestamp" varchar,
    "evaluation_metadata" varchar, "actual_reference" varchar, "additional_output" varchar,
    "additional_input" varchar using compression uncompressed, "signals" varchar using compression uncompressed,
    "metric_categories" varchar"#;

/// Makes the table anew, empty.
fn create(connection: &Connection) -> Result<()> {
    let table = ident(RELATION);
    let sql = format!("drop table if exists {table}; create table {table} ({COLUMNS})");
    connection.execute_batch(&sql).map_err(fault::store(DERIVING))
}

fn make(connection: &Connection, reason: &Reason, scope: &Scope<'_>) -> Result<Made> {
    let stored = columns_of(connection, scope.view)?;
    let columns = match Columns::find(stored.iter().map(|column| column.column_name.as_str())) {
        Ok(columns) => columns,
        Err(error) => {
            return Ok(Made {
                unfit: Some(error.message().to_owned()),
                ..Made::default()
            });
        }
    };
    let fault = fault::store(DERIVING);
    let condition = match scope.touched {
        None => {
            create(connection)?;
            String::new()
        }
        Some(keys) => {
            let mut sql = format!("create or replace temp table {TOUCHED} (id varchar);");
            for keys in keys.iter().collect::<Vec<_>>().chunks(PORTION) {
                let values = keys
                    .iter()
                    .map(|key| format!("({})", literal(key)))
                    .collect::<Vec<_>>()
                    .join(", ");
                // Writing to a String cannot fail.
                let _ = write!(sql, "insert into {TOUCHED} values {values};");
            }
            let _ = write!(
                sql,
                r#"delete from {} where "Case_ID" in (select id from {TOUCHED})"#,
                ident(RELATION)
            );
            connection.execute_batch(&sql).map_err(&fault)?;
            let key = ident(&stored[columns.dataset_id].column_name);
            format!(" where {key}::varchar in (select id from {TOUCHED})")
        }
    };
    let ordered = Ordered {
        stored: &stored,
        columns: &columns,
    };
    let mut written = Collected::default();
    write_cases(
        connection,
        reason,
        &ordered,
        &ordered.select(scope.view, &condition),
        &mut written,
    )?;
    let drop = format!("drop table {ORDERED}; drop table if exists {TOUCHED}");
    connection.execute_batch(&drop).map_err(&fault)?;
    let all = match scope.touched {
        None => written,
        Some(_) => collect(connection, reason)?,
    };
    let rows = all.cases;
    let mut description = all.schema.finish(&columns, &fields());
    description.cases = rows;
    let description = serde_json::to_string(&description)
        .map_err(|error| Error::new(ErrorKind::Internal, "the schema cannot be written as JSON").because(error))?;
    Ok(Made {
        rows,
        description,
        unfit: None,
    })
}

/// The columns of the temporary table: id, time, name, category and signals, then the shared ones that are there.
struct Ordered<'a> {
    stored: &'a [ColumnInfo],
    columns: &'a Columns,
}

impl Ordered<'_> {
    fn select(&self, view: &str, condition: &str) -> String {
        let name = |index: usize| ident(&self.stored[index].column_name);
        let text = |index: Option<usize>| {
            index.map_or_else(
                || "null::varchar".to_owned(),
                |index| format!("{}::varchar", name(index)),
            )
        };
        let columns = self.columns;
        let time = match columns.timestamp {
            Some(index) if self.is_time(index) => name(index),
            other => text(other),
        };
        let mut list = format!(
            "{} as id, {time} as at, {} as metric, {} as category, {} as signals",
            text(Some(columns.dataset_id)),
            text(Some(columns.metric_name)),
            text(columns.metric_category),
            text(Some(columns.signals)),
        );
        for (index, column) in columns.shared.iter().enumerate().filter(|(_, column)| column.is_some()) {
            // Writing to a String cannot fail.
            let _ = write!(list, ", {} as s{index}", text(*column));
        }
        format!("select {list} from {}{condition}", ident(view))
    }

    fn is_time(&self, index: usize) -> bool {
        self.stored[index].column_type.starts_with("TIMESTAMP")
    }

    fn row(&self, stored: &StoredRow<'_>) -> duckdb::Result<Row> {
        let mut row = Row {
            case_id: stored.get(0)?,
            timestamp: time(
                stored.get_ref(1)?,
                self.columns.timestamp.is_some_and(|index| self.is_zoned(index)),
            ),
            metric_name: stored.get(2)?,
            metric_category: stored.get(3)?,
            signals: stored.get(4)?,
            shared: [const { None }; SHARED.len()],
        };
        let mut next = 5;
        for (slot, column) in row.shared.iter_mut().zip(&self.columns.shared) {
            if column.is_some() {
                *slot = stored.get(next)?;
                next += 1;
            }
        }
        Ok(row)
    }

    fn is_zoned(&self, index: usize) -> bool {
        self.stored[index].column_type == "TIMESTAMP WITH TIME ZONE"
    }
}

/// Writes a time as `YYYY-MM-DD HH:MM:SS[.ffffff][+00:00]`; a text stays as it is.
fn time(value: ValueRef<'_>, zoned: bool) -> Option<String> {
    match value {
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Timestamp(unit, value) => Some(match unit.to_micros(value) {
            i64::MAX => "infinity".to_owned(),
            micros if micros <= -i64::MAX => "-infinity".to_owned(),
            micros => {
                let date = calendar::date(micros.div_euclid(MICROS_PER_DAY));
                let clock = calendar::clock(micros.rem_euclid(MICROS_PER_DAY));
                let clock = clock.strip_suffix(".000000").unwrap_or(&clock);
                let zone = if zoned { "+00:00" } else { "" };
                format!("{date} {clock}{zone}")
            }
        }),
        _ => None,
    }
}

/// What is known of the cases that were seen.
#[derive(Debug, Default)]
struct Collected {
    cases: u64,
    schema: Collector,
}

/// Orders the rows by case, writes one case after the other, and collects what they look like.
fn write_cases(
    connection: &Connection,
    reason: &Reason,
    ordered: &Ordered<'_>,
    select: &str,
    collected: &mut Collected,
) -> Result<()> {
    let fault = fault::store(DERIVING);
    let sql = format!(
        "create or replace temp table {ORDERED} as
         select *, row_number() over () as n from (select * from ({select}) where id is not null order by id)"
    );
    connection.execute_batch(&sql).map_err(&fault)?;
    let mut portion = connection
        .prepare(&format!("select * from {ORDERED} where n > ? and n <= ? order by n"))
        .map_err(&fault)?;
    let mut appender = connection.appender(RELATION).map_err(&fault)?;
    let mut group: Vec<Row> = Vec::new();
    for begin in (0_i64..).step_by(PORTION) {
        reason.check()?;
        let end = begin + PORTION as i64;
        let mut rows = portion.query(params![begin, end]).map_err(&fault)?;
        let mut count = 0;
        while let Some(stored) = rows.next().map_err(&fault)? {
            let row = ordered.row(stored).map_err(&fault)?;
            count += 1;
            if group.first().is_some_and(|first| first.case_id != row.case_id) {
                append(&mut appender, std::mem::take(&mut group), collected).map_err(&fault)?;
            }
            group.push(row);
        }
        appender.flush().map_err(&fault)?;
        if count < PORTION {
            break;
        }
    }
    append(&mut appender, group, collected).map_err(&fault)?;
    appender.flush().map_err(&fault)
}

fn append(appender: &mut Appender<'_>, group: Vec<Row>, collected: &mut Collected) -> duckdb::Result<()> {
    let Some(case) = Case::of(group) else { return Ok(()) };
    collected.cases += 1;
    collected.schema.add(&case.metrics);
    let [source_name, source_component, source_type, environment] = &case.source;
    let [evaluation_metadata, actual_reference, additional_output] = &case.carried;
    appender.append_row(params![
        case.case_id,
        source_name,
        source_component,
        source_type,
        environment,
        case.slack_url,
        case.agent_name,
        case.business,
        serde_json::Value::Array(case.conversation.clone()).to_string(),
        case.message_count,
        case.timestamp,
        evaluation_metadata,
        actual_reference,
        additional_output,
        case.additional_input,
        case.signals_json(),
        case.categories_json(),
    ])
}

/// Collects what all stored cases look like, in the order of their ids.
fn collect(connection: &Connection, reason: &Reason) -> Result<Collected> {
    let mut collected = Collected::default();
    let sql = format!(
        r#"select "signals", "metric_categories" from {} order by "Case_ID""#,
        ident(RELATION)
    );
    each_batch(connection, &sql, DERIVING, |batch| {
        reason.check()?;
        let (signals, categories) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for row in 0..batch.num_rows() {
            collected
                .schema
                .add(&read_metrics(signals.value(row), categories.value(row)));
        }
        collected.cases += batch.num_rows() as u64;
        Ok(())
    })?;
    Ok(collected)
}

#[cfg(test)]
mod tests {
    use duckdb::types::TimeUnit;

    use super::*;

    #[test]
    fn times_are_those_of_the_store_also_beyond_what_chrono_has() {
        for (micros, zoned, expected) in [
            (1_767_225_600_000_000, true, "2026-01-01 00:00:00+00:00"),
            (1_767_225_600_250_000, false, "2026-01-01 00:00:00.250000"),
            (-1, false, "1969-12-31 23:59:59.999999"),
            (9_223_371_244_799_999_999, false, "+294246-12-31 23:59:59.999999"),
            (i64::MAX, true, "infinity"),
            (-i64::MAX, false, "-infinity"),
        ] {
            let value = ValueRef::Timestamp(TimeUnit::Microsecond, micros);
            assert_eq!(time(value, zoned).unwrap(), expected);
        }
    }
}
