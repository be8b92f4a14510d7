//! The only place that quotes names and values for SQL.

use crate::calendar::{MICROS_PER_DAY, civil, clock};
use crate::column::ColumnType;

use super::CursorValue;
use super::horizon::decimal_text;

/// PostgreSQL's first day, 4714-11-24 BC, as days since 1970.
const FIRST_DAY: i64 = -2_440_588;
/// PostgreSQL's last date, 5874897-12-31, as days since 1970; microseconds in 64 bits end long before.
const LAST_DAY: i64 = 2_145_042_905;

/// Quotes a name for PostgreSQL and DuckDB, whatever characters it has.
#[must_use]
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text for PostgreSQL (with `standard_conforming_strings`, which every session of ours sets) and DuckDB.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes a cursor's value as a typed PostgreSQL expression; `ty` is the type of the column that it is compared with.
///
/// A point in time that PostgreSQL cannot write becomes the nearest infinity.
#[must_use]
pub fn cursor_literal(value: &CursorValue, ty: &ColumnType) -> String {
    match value {
        CursorValue::Integer(value) if *value < 0 => format!("({value})"),
        CursorValue::Integer(value) => value.to_string(),
        CursorValue::Decimal { unscaled, scale } => format!("'{}'::numeric", decimal_text(*unscaled, *scale)),
        CursorValue::Double(value) => format!("'{}'::float8", double_text(*value)),
        CursorValue::Timestamp { micros, utc } => {
            let (ty, zone) = if *utc {
                ("timestamptz", "+00")
            } else {
                ("timestamp", "")
            };
            match calendar_text(micros.div_euclid(MICROS_PER_DAY)) {
                Ok(_) if *micros == i64::MAX => format!("'infinity'::{ty}"),
                Ok((date, era)) => format!("'{date} {}{zone}{era}'::{ty}", clock(micros.rem_euclid(MICROS_PER_DAY))),
                Err(infinity) => format!("'{infinity}'::{ty}"),
            }
        }
        CursorValue::Date(days) => match calendar_text(i64::from(*days)) {
            Ok((date, era)) => format!("'{date}{era}'::date"),
            Err(infinity) => format!("'{infinity}'::date"),
        },
        CursorValue::Uuid(value) => format!("'{value}'::uuid"),
        CursorValue::Text(value) if *ty == ColumnType::Varchar => format!("{}::text", literal(value)),
        CursorValue::Text(value) => literal(value),
    }
}

fn double_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        // The debug form is the shortest one that reads back as the same number, and has an exponent when it is long.
        format!("{value:?}")
    }
}

/// Writes a day since 1970 as year, month and day, and the era's suffix; the wrong side of the range is an infinity.
fn calendar_text(days: i64) -> Result<(String, &'static str), &'static str> {
    if !(FIRST_DAY..=LAST_DAY).contains(&days) {
        return Err(if days < 0 { "-infinity" } else { "infinity" });
    }
    let (year, month, day) = civil(days);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    Ok((format!("{year:04}-{month:02}-{day:02}"), era))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_written_with_their_types() {
        let timestamp = |micros, utc| cursor_literal(&CursorValue::Timestamp { micros, utc }, &ColumnType::Timestamp);
        assert_eq!(timestamp(1, true), "'1970-01-01 00:00:00.000001+00'::timestamptz");
        assert_eq!(timestamp(-1, false), "'1969-12-31 23:59:59.999999'::timestamp");
        assert_eq!(
            timestamp(-62_167_219_200_000_000, false),
            "'0001-01-01 00:00:00.000000 BC'::timestamp"
        );
        assert_eq!(timestamp(i64::MAX, false), "'infinity'::timestamp");
        assert_eq!(timestamp(-i64::MAX, true), "'-infinity'::timestamptz");
        let date = |days| cursor_literal(&CursorValue::Date(days), &ColumnType::Date);
        assert_eq!(
            [date(0), date(i32::MAX), date(-i32::MAX)],
            ["'1970-01-01'::date", "'infinity'::date", "'-infinity'::date"]
        );
        let double = |value| cursor_literal(&CursorValue::Double(value), &ColumnType::Double);
        assert_eq!([double(1e300), double(f64::NAN)], ["'1e300'::float8", "'NaN'::float8"]);
        assert_eq!(double(f64::NEG_INFINITY), "'-Infinity'::float8");
        let decimal = CursorValue::Decimal {
            unscaled: -15,
            scale: 1,
        };
        assert_eq!(cursor_literal(&decimal, &ColumnType::Double), "'-1.5'::numeric");
        assert_eq!(cursor_literal(&CursorValue::Integer(-5), &ColumnType::BigInt), "(-5)");
    }

    proptest! {
        #[test]
        fn quoting_survives_a_parser(name in "[^\0]{1,40}", text in "[^\0]*") {
            let connection = duckdb::Connection::open_in_memory().unwrap();
            let sql = format!("select {} as {}", literal(&text), ident(&name));
            let mut statement = connection.prepare(&sql).unwrap();
            let value: String = statement.query_row([], |row| row.get(0)).unwrap();
            prop_assert_eq!(value, text);
            prop_assert_eq!(statement.column_name(0).unwrap(), &name);
        }
    }
}
