//! Every type, with the values at its edges, against what the server itself says about them.

use std::fmt::Write as _;

use axis_testkit::postgres::TestDatabase;

use super::{Bench, Value, text};
use crate::column::ColumnType;
use crate::config::TypePolicy;
use crate::error::ErrorKind;
use crate::source::horizon::decimal_text;

const MICROS: &str = "case when isfinite(v) then trunc(extract(epoch from v) * 1000000)::bigint::text else v::text end";

/// The server's type, the store's type, values, and the SQL that writes a value `v` as [`render`] does.
const TABLE: &[(&str, &str, &[&str], &str)] = &[
    ("boolean", "BOOLEAN", &["true", "false"], "v::text"),
    ("smallint", "SMALLINT", &["-32768", "0", "32767"], "v::text"),
    ("integer", "INTEGER", &["-2147483648", "2147483647"], "v::text"),
    ("bigint", "BIGINT", &["-9223372036854775808", "9223372036854775807"], "v::text"),
    ("oid", "BIGINT", &["0", "4294967295"], "v::text"),
    ("real", "FLOAT", &["1.1", "-0", "3.4e38", "1e-45", "NaN", "Infinity", "-Infinity"], "v::float8::text"),
    ("double precision", "DOUBLE", &["1.1", "-0", "1.7e308", "5e-324", "NaN", "Infinity", "-Infinity"], "v::text"),
    ("numeric(12,6)", "DECIMAL(12,6)", &["0", "1.5", "-999999.999999", "0.000001", "100000"], "v::text"),
    ("numeric(38,0)", "DECIMAL(38,0)", &["99999999999999999999999999999999999999", "-10000"], "v::text"),
    ("numeric(38,38)", "DECIMAL(38,38)", &["0.99999999999999999999999999999999999999", "1e-38", "0"], "v::text"),
    ("numeric(4,4)", "DECIMAL(4,4)", &["0.1", "-0.0001"], "v::text"),
    ("numeric", "DOUBLE", &["0", "0.1", "123456789012345678901234567890.5", "1e300", "-1e-300", "NaN", "Infinity"], "v::float8::text"),
    ("numeric(50,2)", "DOUBLE", &["1.25", "NaN"], "v::float8::text"),
    ("text", "VARCHAR", &["", "007", "é日本🙂", "a\nb", "null"], "v"),
    ("varchar(10)", "VARCHAR", &["", "abc "], "v"),
    ("char(5)", "VARCHAR", &["ab", "é"], "textin(bpcharout(v))"),
    ("name", "VARCHAR", &["pg_class"], "v::text"),
    ("\"char\"", "VARCHAR", &["x"], "v::text"),
    ("citext", "VARCHAR", &["MiXed"], "v::text"),
    ("mood", "VARCHAR", &["sad", "very happy"], "v::text"),
    ("xml", "VARCHAR", &["<a b=\"1\">é</a>"], "v::text"),
    ("json", "VARCHAR", &["{\"a\" : 1,  \"a\":2}", "null"], "v::text"),
    ("jsonb", "VARCHAR", &["{\"b\": [1, null, \"é\"]}", "null", "1.50"], "v::text"),
    ("uuid", "UUID", &["00000000-0000-0000-0000-000000000000", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"], "v::text"),
    ("bytea", "BLOB", &["", "\\x00ff10"], "encode(v, 'hex')"),
    ("date", "DATE", &["1970-01-01", "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity"],
        "case when isfinite(v) then (v - date '1970-01-01')::text else v::text end"),
    ("time", "TIME", &["00:00", "23:59:59.999999", "24:00"], MICROS_OF_TIME),
    ("timetz", "TIME WITH TIME ZONE", &["00:00+00", "23:59:59.999999-15:59", "24:00+14", "12:00+05:30"],
        "trunc(extract(epoch from v::time) * 1000000)::bigint || ' ' || extract(timezone from v)::int"),
    ("timestamp", "TIMESTAMP", &["2024-02-29 12:34:56.789012", "4714-11-24 00:00:00 BC", "294246-12-31 23:59:59.999999",
        "1969-12-31 23:59:59.999999", "infinity", "-infinity"], MICROS),
    ("timestamptz", "TIMESTAMP WITH TIME ZONE", &["2024-02-29 12:34:56.789012+02", "infinity", "-infinity", "0001-01-01 00:00+00"], MICROS),
    ("interval", "INTERVAL", &["0", "1 year 2 mons -3 days 04:05:06.789012", "-178000000 years", "-00:00:00.000001"],
        "(extract(year from v) * 12 + extract(month from v))::int || ' ' || extract(day from v)::int || ' ' ||
         (extract(hour from v) * 3600000000 + extract(minute from v) * 60000000 + extract(microseconds from v))::bigint"),
    ("integer[]", "INTEGER[]", &["{}", "{1,NULL,3}"], LIST),
    ("text[]", "VARCHAR[]", &["{\"\",a,NULL}"], LIST),
    ("numeric(6,2)[]", "DECIMAL(6,2)[]", &["{1.5,-0.01}"], LIST),
    ("mood[]", "VARCHAR[]", &["{sad,\"very happy\"}"], LIST),
    ("positive[]", "INTEGER[]", &["{1,2}"], LIST),
    ("int2vector", "SMALLINT[]", &["1 2"], LIST),
    ("positive", "INTEGER", &["7"], "v::text"),
    ("amount", "DECIMAL(9,3)", &["7.125"], "v::text"),
    // What has no counterpart travels as the server's own text.
    ("inet", "VARCHAR", &["10.0.0.1/8", "::1"], "v::text"),
    ("inet[]", "VARCHAR", &["{10.0.0.1,::1}"], "v::text"),
    ("int4range", "VARCHAR", &["[1,5)", "empty"], "v::text"),
    ("pair", "VARCHAR", &["(1,x)"], "v::text"),
    ("money", "VARCHAR", &["12.34"], "v::text"),
    ("point", "VARCHAR", &["(1,2)"], "v::text"),
    ("tsvector", "VARCHAR", &["a b"], "v::text"),
    ("bit(3)", "VARCHAR", &["101"], "v::text"),
    ("hstore", "VARCHAR", &["a=>1"], "v::text"),
    ("pg_lsn", "VARCHAR", &["16/B374D848"], "v::text"),
];
const MICROS_OF_TIME: &str = "trunc(extract(epoch from v) * 1000000)::bigint::text";
const LIST: &str = "coalesce((select string_agg(coalesce(e::text, 'NULL'), ',' order by n) || ','
    from unnest(v::text[]) with ordinality as u (e, n)), '')";

#[test]
fn every_type_arrives_as_the_server_has_it() {
    let database = TestDatabase::create("types");
    database.execute(
        "create extension citext; create extension hstore;
         create type mood as enum ('sad', 'very happy'); create type pair as (a int, b text);
         create domain positive as int check (value > 0); create domain amount as numeric(9,3)",
    );
    let bench = Bench::on(&database);
    let mut names = String::new();
    for (index, (ty, stored, values, oracle)) in TABLE.iter().enumerate() {
        let literals: Vec<_> = values.iter().map(|value| format!("('{value}')")).collect();
        let table = format!("t{index}");
        database.execute(&format!(
            "create table {table} (n serial, v {ty}); insert into {table} (v) values {}, (null)",
            literals.join(", ")
        ));
        let mut snapshot = bench.snapshot().unwrap();
        let query = format!("select v from {table} order by n");
        let columns = bench.describe(&mut snapshot, &query).unwrap();
        assert_eq!(columns[0].column.ty.to_string(), *stored, "{ty}");
        let ty_of = columns[0].column.ty.clone();
        let _ = writeln!(names, "{ty}: {}", columns[0].source_type);
        let read = bench.read(&mut snapshot, &super::request(&query, columns)).unwrap();
        let expected = database.query_text(&format!("select {oracle} from {table} order by n"));
        assert_eq!(read.len(), values.len() + 1, "{ty}");
        for ((row, expected), value) in read.iter().zip(expected).zip(*values) {
            assert_eq!(Some(render(&row[0], &ty_of)), expected[0], "{ty} {value}");
        }
        assert_eq!(read.last().unwrap()[0], Value::Null, "{ty}");
    }
    for line in [
        "numeric(12,6): numeric(12,6)",
        "numeric(6,2)[]: numeric(6,2)[]",
        "mood[]: public.mood[]",
        "inet: inet",
    ] {
        assert!(names.contains(line), "{line} in {names}");
    }
}

/// Writes a value as the SQL of the table does.
fn render(value: &Value, ty: &ColumnType) -> String {
    match (value, ty) {
        (Value::Null, _) => "NULL".to_owned(),
        (Value::Boolean(value), _) => value.to_string(),
        (Value::Integer(value), ColumnType::Decimal { scale, .. }) => decimal_text(*value, *scale),
        (Value::Integer(value), ColumnType::Date) if value.abs() == i32::MAX.into() => infinity(*value > 0),
        (Value::Integer(value), ColumnType::Timestamp | ColumnType::TimestampTz) if value.abs() == i64::MAX.into() => {
            infinity(*value > 0)
        }
        (Value::Integer(value), _) => value.to_string(),
        (Value::Double(value), _) => match format!("{value:e}").as_str() {
            "NaN" => "NaN".to_owned(),
            "inf" => "Infinity".to_owned(),
            "-inf" => "-Infinity".to_owned(),
            // The server writes an exponent of two digits at least, and only from 1e-5 and 1e15 on.
            _ => server_float(*value),
        },
        (Value::Bytes(bytes), ColumnType::Blob) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        (Value::Bytes(bytes), _) => String::from_utf8(bytes.clone()).unwrap(),
        (Value::Uuid(bytes), _) => uuid::Uuid::from_bytes(*bytes).to_string(),
        (Value::TimeTz(micros, offset), _) => format!("{micros} {offset}"),
        (Value::Interval(months, days, micros), _) => format!("{months} {days} {micros}"),
        (Value::List(values), ColumnType::List(element)) => {
            values.iter().map(|value| render(value, element) + ",").collect()
        }
        (Value::List(_) | Value::Elements(..), _) => unreachable!("lists have a list type"),
    }
}

fn infinity(positive: bool) -> String {
    if positive { "infinity" } else { "-infinity" }.to_owned()
}

fn server_float(value: f64) -> String {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    if (-4..15).contains(&exponent) {
        return format!("{value}");
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[test]
fn a_value_that_cannot_be_carried_follows_the_policy_of_its_column() {
    let database = TestDatabase::create("policy");
    let bench = Bench::on(&database);
    for (value, ty, wanted) in [
        ("'NaN'::numeric(12,6)", "numeric(12,6)", "double, varchar or null"),
        ("'294276-12-31'::timestamp", "timestamp", "varchar or null"),
        ("'{{1,2},{3,4}}'::int[]", "int4[]", "varchar or null"),
        ("array['294276-12-31'::timestamp]", "timestamp[]", "varchar or null"),
        ("1e400::numeric", "numeric", "varchar or null"),
    ] {
        let query = format!("select 1 as a, {value} as odd");
        let error = bench.all(&query, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{value}: {error}");
        assert!(
            error
                .message()
                .starts_with(&format!("column `odd` has a value of type {ty} that ")),
            "{error}"
        );
        assert!(error.message().ends_with(wanted), "{error}");
        let rows = bench.all(&query, &[("ODD", TypePolicy::Null)]).unwrap();
        let null = if value.starts_with("array") {
            Value::List(vec![Value::Null])
        } else {
            Value::Null
        };
        assert_eq!(rows, [[Value::Integer(1), null]], "{value}");
        let rows = bench.all(&query, &[("odd", TypePolicy::Varchar)]).unwrap();
        assert!(matches!(&rows[0][1], Value::Bytes(_)), "{value}");
    }
}

#[test]
fn a_policy_can_ask_for_another_type() {
    let database = TestDatabase::create("asked");
    let bench = Bench::on(&database);
    let ask = |value: &str, ty: ColumnType| {
        bench
            .all(
                &format!("select {value} as \"a\"\"B\""),
                &[("A\"b", TypePolicy::Type(ty))],
            )
            .map(|mut rows| rows.remove(0).remove(0))
    };
    assert_eq!(
        ask("1.10::numeric", ColumnType::Decimal { precision: 5, scale: 2 }),
        Ok(Value::Integer(110))
    );
    assert_eq!(ask("1.5::numeric(5,2)", ColumnType::Double), Ok(Value::Double(1.5)));
    assert_eq!(ask("'12'::text", ColumnType::BigInt), Ok(Value::Integer(12)));
    assert_eq!(
        ask("timestamptz '1970-01-01 01:00+01'", ColumnType::Timestamp),
        Ok(Value::Integer(0))
    );
    assert_eq!(
        ask("'a'::text", ColumnType::BigInt).unwrap_err().kind(),
        ErrorKind::SourceRejected
    );
    let error = ask("true", ColumnType::Uuid).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.message(),
        "column `a\"B` of type bool cannot be cast to UUID as `types` asks"
    );
    let list = ColumnType::List(Box::new(ColumnType::Integer));
    assert_eq!(ask("1", list).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_database_without_an_encoding_may_hold_what_is_not_text() {
    let database = TestDatabase::create("ascii_parent");
    let name = format!("{}_raw", database.name);
    database.execute(&format!(
        "create database {name} encoding 'SQL_ASCII' template template0"
    ));
    let bench = Bench::new(super::connection(axis_testkit::postgres::shared(), &name));
    let query = "select E'\\xff'::text as t, 'é'::text as u";
    let error = bench.all(query, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(
        error.message().contains("column `t`") && error.message().contains("not UTF-8"),
        "{error}"
    );
    assert_eq!(
        bench.all(query, &[("t", TypePolicy::Null)]),
        Ok(vec![vec![Value::Null, text("é")]])
    );
}
