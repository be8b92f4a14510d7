//! One value as DuckDB spells it and as PostgreSQL does: the same or not.

use axis_core::Engine;

use super::support::{Rows, text};

/// Returns what to select so that [`same`] can read a column of this type of the store.
pub(crate) fn selected(ty: &str, column: &str) -> String {
    match ty {
        "BLOB" => format!("lower(hex({column}))"),
        "BLOB[]" => format!("to_json(list_transform({column}, lambda x: lower(hex(x))))::varchar"),
        _ if ty.ends_with("[]") => format!("to_json({column}::varchar[])::varchar"),
        _ => format!("{column}::varchar"),
    }
}

/// Returns the types of a table's columns in the store, in order.
pub(crate) async fn stored_types(engine: &Engine, table: &str) -> Vec<(String, String)> {
    let rows: Rows = text(
        engine,
        &format!(
            "select column_name, data_type from duckdb_columns() where table_name = '{table}' order by column_index"
        ),
    )
    .await;
    let pair = |row: Vec<Option<String>>| {
        let mut row = row.into_iter().flatten();
        (row.next().unwrap(), row.next().unwrap())
    };
    rows.into_iter().map(pair).collect()
}

/// Tells whether a stored value, selected by [`selected`], is the one that PostgreSQL prints.
pub(crate) fn same(ty: &str, stored: &str, source: &str) -> bool {
    if let Some(element) = ty.strip_suffix("[]") {
        let stored: Vec<Option<String>> = serde_json::from_str(stored).unwrap();
        let source = elements(source);
        return stored.len() == source.len()
            && stored.iter().zip(&source).all(|pair| match pair {
                (Some(stored), Some(source)) => same(element, stored, source),
                (stored, source) => stored == source,
            });
    }
    match ty {
        "BOOLEAN" => stored.starts_with(source) && source.len() == 1,
        "FLOAT" => stored.parse::<f32>().unwrap().to_bits() == source.parse::<f32>().unwrap().to_bits(),
        "DOUBLE" => stored.parse::<f64>().unwrap().to_bits() == source.parse::<f64>().unwrap().to_bits(),
        "BLOB" => source.strip_prefix("\\x") == Some(stored),
        "INTERVAL" => parts(stored) == parts(source),
        // DuckDB leaves the zero before the point away when there can be nothing else.
        _ if ty.starts_with("DECIMAL") => stored == source || source.replacen("0.", ".", 1) == stored,
        // DuckDB puts the era in parentheses behind the date.
        _ if stored.contains(" (BC)") => stored.replace(" (BC)", "") + " BC" == source,
        _ => stored == source,
    }
}

/// Splits the text of an array of one dimension, or of a vector, which has no braces.
fn elements(array: &str) -> Vec<Option<String>> {
    let Some(inner) = array.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return array.split_whitespace().map(|word| Some(word.to_owned())).collect();
    };
    let mut found = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.peek().is_some() {
        let (mut element, mut quoted, mut inside) = (String::new(), false, false);
        while let Some(c) = chars.next() {
            match c {
                '"' => (quoted, inside) = (true, !inside),
                '\\' => element.extend(chars.next()),
                ',' if !inside => break,
                c => element.push(c),
            }
        }
        found.push((quoted || element != "NULL").then_some(element));
    }
    found
}

/// Reads months, days and microseconds from an interval as either side prints it.
fn parts(interval: &str) -> (i64, i64, i64) {
    let (mut months, mut days, mut micros) = (0, 0, 0);
    let mut words = interval.split_whitespace();
    while let Some(word) = words.next() {
        if let Some((hours, rest)) = word.split_once(':') {
            let (minutes, seconds) = rest.split_once(':').unwrap();
            let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let number = |text: &str| text.trim_start_matches(['+', '-']).parse::<i64>().unwrap();
            let size = ((number(hours) * 60 + number(minutes)) * 60 + number(seconds)) * 1_000_000
                + number(&format!("{fraction:0<6}"));
            micros = if hours.starts_with('-') { -size } else { size };
            continue;
        }
        let count: i64 = word.trim_start_matches('+').parse().unwrap();
        match words.next().unwrap() {
            "year" | "years" => months += 12 * count,
            "mon" | "mons" | "month" | "months" => months += count,
            "day" | "days" => days += count,
            unit => panic!("the unit {unit} of {interval}"),
        }
    }
    (months, days, micros)
}

#[test]
fn values_that_differ_are_told_apart() {
    for (ty, stored, source, equal) in [
        ("BOOLEAN", "true", "t", true),
        ("BOOLEAN", "true", "f", false),
        ("DOUBLE", "nan", "NaN", true),
        ("DOUBLE", "-0.0", "0", false),
        ("DATE", "4714-11-24 (BC)", "4714-11-24 BC", true),
        (
            "INTERVAL",
            "1 year 2 months -3 days 04:05:06.5",
            "1 year 2 mons -3 days +04:05:06.5",
            true,
        ),
        ("INTERVAL", "-00:00:00.000001", "00:00:00.000001", false),
        (
            "VARCHAR[]",
            "[\"a,\\\"b\\\"\",null,\"NULL\",\"\"]",
            "{\"a,\\\"b\\\"\",NULL,\"NULL\",\"\"}",
            true,
        ),
        ("INTEGER[]", "[\"1\"]", "{1,NULL}", false),
        ("INTEGER[]", "[]", "{}", true),
        ("DECIMAL(2,2)", ".50", "0.50", true),
        ("BLOB", "00ff", "\\x00ff", true),
    ] {
        assert_eq!(same(ty, stored, source), equal, "{ty}: {stored} and {source}");
    }
}
