//! Order-independent sums over rows. Both sides of a comparison are hashed by DuckDB with the very same expression.

use duckdb::Connection;

use super::{Feed, Feeds, Reason, fault};
use crate::column::{Column, ColumnType};
use crate::error::Result;
use crate::source::ident::ident;

/// What a relation's rows sum up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// The rows.
    pub(crate) rows: u64,
    /// The sum of the hashes of whole rows; it notices values that are stored in another row than they belong to.
    pub(crate) whole: u128,
    /// The sum of the hashes of each column's values; it tells which column differs.
    pub(crate) columns: Vec<u128>,
}

/// The columns that are compared, and which of them identify a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashed {
    /// Each column by its final name.
    pub(crate) columns: Vec<Column>,
    /// The key, as positions among the columns; with one, a value that moved to another row names its column.
    pub(crate) key: Vec<usize>,
}

/// Sums up what a feed delivers. Nothing is stored.
pub(crate) fn sum_feed(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    delivered: Vec<Column>,
    hashed: &Hashed,
    feed: Box<dyn Feed>,
) -> Result<Sums> {
    let guard = feeds.offer(delivered, feed);
    read(connection, &select(hashed, &guard.relation()))
        .map_err(|error| reason.explain(guard.explain(fault::store("verify.source")(error))))
}

/// Sums up a stored table.
pub(crate) fn sum_table(connection: &Connection, reason: &Reason, table: &str, hashed: &Hashed) -> Result<Sums> {
    read(connection, &select(hashed, &ident(table)))
        .map_err(|error| reason.explain(fault::store("verify.store")(error)))
}

/// Returns name and type of the columns that a table really has; none when there is no such table.
pub(crate) fn stored_columns(connection: &Connection, table: &str) -> Result<Vec<(String, String)>> {
    let fault = fault::store("verify.store");
    let mut statement = connection
        .prepare(
            "select column_name, data_type from duckdb_columns()
             where database_name = current_database() and schema_name = 'main' and table_name = ? order by column_index",
        )
        .map_err(&fault)?;
    let rows = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(&fault)?;
    rows.collect::<duckdb::Result<_>>().map_err(&fault)
}

fn read(connection: &Connection, sql: &str) -> duckdb::Result<Sums> {
    connection.query_row(sql, [], |row| {
        let width = row.as_ref().column_count();
        let sum = |index| row.get::<_, i128>(index).map(i128::cast_unsigned);
        Ok(Sums {
            rows: row.get::<_, i64>(0)?.cast_unsigned(),
            whole: sum(1)?,
            columns: (2..width).map(sum).collect::<duckdb::Result<_>>()?,
        })
    })
}

/// Writes the one expression for both sides.
///
/// DuckDB combines hashes by a multiplication and an exclusive or; hashing the combination once more keeps sums of such
/// values from agreeing by their structure.
fn select(hashed: &Hashed, relation: &str) -> String {
    if hashed.columns.is_empty() {
        return format!("select count(*), 0::hugeint from {relation}");
    }
    let values: Vec<String> = hashed
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{} as h{index}", hash(column)))
        .collect();
    let names: Vec<String> = (0..hashed.columns.len()).map(|index| format!("h{index}")).collect();
    let key: Vec<String> = hashed.key.iter().map(|index| format!("h{index}")).collect();
    let sums: Vec<String> = names
        .iter()
        .map(|name| match key.as_slice() {
            [] => format!("coalesce(sum({name}), 0)"),
            key => format!("coalesce(sum(hash(hash({}, {name}))), 0)", key.join(", ")),
        })
        .collect();
    format!(
        "select count(*), coalesce(sum(hash(hash({}))), 0), {} from (select {} from {relation})",
        names.join(", "),
        sums.join(", "),
        values.join(", ")
    )
}

/// Writes the hash of one column's values, in which those are equal that print the same. DuckDB's `hash` alone takes
/// `1 month` for `30 days`, `-0` for `0`, and an empty list, or one of a single NULL, for NULL; and it combines the halves of
/// values of 16 bytes by an exclusive or, so that -1 is 0, and halves may change places.
pub(super) fn hash(column: &Column) -> String {
    let name = ident(&column.name);
    match &column.ty {
        ColumnType::Interval | ColumnType::Uuid => format!("hash({name}::varchar)"),
        ty if is_wide(ty) => format!("hash({name}, {name}::double)"),
        ColumnType::Float | ColumnType::Double => format!("hash({name}, {name} = 0 and signbit({name}))"),
        ColumnType::List(element) => match &**element {
            // The texts of these elements have no commas, so the text of the list is as exact as they are.
            ColumnType::Float | ColumnType::Double | ColumnType::Interval | ColumnType::Uuid => {
                format!("hash({name}::varchar, len({name}))")
            }
            element if is_wide(element) => format!("hash({name}::varchar, len({name}))"),
            _ => format!("hash({name}, len({name}))"),
        },
        _ => format!("hash({name})"),
    }
}

/// Tells whether a decimal takes 16 bytes.
fn is_wide(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Decimal { precision: 19.., .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(ty: ColumnType, values: &str) -> Sums {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!("create table t (v {ty}); insert into t values {values}"))
            .unwrap();
        let hashed = Hashed {
            columns: vec![Column {
                name: "v".to_owned(),
                ty,
            }],
            key: Vec::new(),
        };
        sum_table(&connection, &Reason::default(), "t", &hashed).unwrap()
    }

    /// Among them those whose halves are the same, or are each other's.
    const UUIDS: &[&str] = &[
        "null",
        "'00000000-0000-0000-0000-000000000000'",
        "'80000000-0000-0000-0000-000000000000'",
        "'ffffffff-ffff-ffff-7fff-ffffffffffff'",
        "'80000000-0000-0001-0000-000000000002'",
        "'80000000-0000-0002-0000-000000000001'",
    ];

    #[test]
    fn values_that_print_differently_have_different_sums() {
        let list = |element| ColumnType::List(Box::new(element));
        let cases: &[(ColumnType, &[&str])] = &[
            (
                ColumnType::Varchar,
                &["null", "''", "'a'", "'a' || chr(0)", "'0'", "'null'"],
            ),
            (ColumnType::Boolean, &["null", "true", "false"]),
            (
                ColumnType::Double,
                &[
                    "null",
                    "0",
                    "'-0.0'::double",
                    "'nan'",
                    "'inf'",
                    "'-inf'",
                    "0.1",
                    "5e-324",
                ],
            ),
            (ColumnType::Float, &["null", "0", "'-0'::float", "'nan'", "0.1"]),
            (
                ColumnType::Interval,
                &[
                    "null",
                    "interval '1 month'",
                    "interval '30 days'",
                    "interval '720 hours'",
                    "interval '0 days'",
                ],
            ),
            (
                ColumnType::TimeTz,
                &[
                    "null",
                    "'12:00:00+00'",
                    "'13:00:00+01'",
                    "'00:00:00+00'",
                    "'24:00:00+00'",
                ],
            ),
            (ColumnType::Time, &["null", "'00:00:00'", "'24:00:00'"]),
            (
                ColumnType::Timestamp,
                &["null", "'infinity'", "'-infinity'", "'1970-01-01'"],
            ),
            (ColumnType::Date, &["null", "'infinity'", "'-infinity'", "'1970-01-01'"]),
            (ColumnType::Blob, &["null", "''", "'\\x00'", "'\\x00\\x00'"]),
            (
                ColumnType::Decimal {
                    precision: 38,
                    scale: 2,
                },
                &[
                    "null",
                    "0",
                    "0.01",
                    "-0.01",
                    "184467440737095516.16",
                    "-184467440737095516.16",
                ],
            ),
            (
                ColumnType::Decimal {
                    precision: 18,
                    scale: 2,
                },
                &["null", "0", "0.01", "-0.01"],
            ),
            (ColumnType::BigInt, &["null", "0", "-1", "1"]),
            (ColumnType::Uuid, UUIDS),
            (
                list(ColumnType::Uuid),
                &[
                    "null",
                    "['00000000-0000-0000-0000-000000000000'::uuid]",
                    "['80000000-0000-0000-0000-000000000000'::uuid]",
                    "['ffffffff-ffff-ffff-7fff-ffffffffffff'::uuid]",
                ],
            ),
            (
                list(ColumnType::Decimal {
                    precision: 38,
                    scale: 2,
                }),
                &["null", "[0]", "[-0.01]", "[0, 0]"],
            ),
            (
                list(ColumnType::Integer),
                &[
                    "null",
                    "[]",
                    "[null]",
                    "[null, null]",
                    "[0]",
                    "[0, 0]",
                    "[1, null]",
                    "[null, 1]",
                    "[0, 1]",
                    "[1, 0]",
                ],
            ),
            (
                list(ColumnType::Varchar),
                &[
                    "null",
                    "[]",
                    "[null]",
                    "['']",
                    "['', '']",
                    "['a, b']",
                    "['a', 'b']",
                    "['b', 'a']",
                ],
            ),
            (
                list(ColumnType::Double),
                &[
                    "null",
                    "[]",
                    "[null]",
                    "[0]",
                    "['-0.0'::double]",
                    "[0, 0]",
                    "['nan'::double]",
                ],
            ),
            (
                list(ColumnType::Interval),
                &["null", "[]", "[interval '1 month']", "[interval '30 days']"],
            ),
        ];
        for (ty, values) in cases {
            let all: Vec<Sums> = values
                .iter()
                .map(|value| sums(ty.clone(), &format!("({value})")))
                .collect();
            for (left, a) in values.iter().zip(&all) {
                for (right, b) in values.iter().zip(&all) {
                    assert_eq!(a == b, left == right, "{ty}: {left} and {right}");
                }
            }
        }
    }

    #[test]
    fn not_a_number_is_equal_to_itself_whatever_its_sign() {
        let sum = |value| sums(ColumnType::Double, value);
        assert_eq!(sum("('nan')"), sum("('-nan')"));
    }

    #[test]
    fn sums_do_not_depend_on_the_order_but_on_how_often_a_row_is_there() {
        let all = sums(ColumnType::Integer, "(1), (2), (2), (null)");
        assert_eq!(all, sums(ColumnType::Integer, "(2), (null), (1), (2)"));
        assert_ne!(all, sums(ColumnType::Integer, "(1), (1), (2), (null)"));
    }

    #[test]
    fn values_in_the_wrong_rows_are_noticed_and_a_key_names_their_column() {
        let column = |name: &str| Column {
            name: name.to_owned(),
            ty: ColumnType::Integer,
        };
        let sums = |rows: &str, key: Vec<usize>| {
            let connection = Connection::open_in_memory().unwrap();
            let sql = format!("create table t (a integer, b integer, c integer); insert into t values {rows}");
            connection.execute_batch(&sql).unwrap();
            let columns = ["a", "b", "c"].map(column).to_vec();
            sum_table(&connection, &Reason::default(), "t", &Hashed { columns, key }).unwrap()
        };
        let (right, swapped) = ("(1, 10, 5), (2, 20, 5)", "(1, 20, 5), (2, 10, 5)");
        let (a, b) = (sums(right, vec![]), sums(swapped, vec![]));
        assert_eq!(a.columns, b.columns);
        assert_ne!(a.whole, b.whole);
        let (a, b) = (sums(right, vec![0]), sums(swapped, vec![0]));
        let differing: Vec<bool> = a.columns.iter().zip(&b.columns).map(|(a, b)| a != b).collect();
        assert_eq!(differing, [false, true, false]);
        assert_ne!(a.whole, b.whole);
    }
}
