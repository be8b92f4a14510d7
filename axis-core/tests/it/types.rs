//! Every type through the whole engine: what the store prints is what PostgreSQL prints.

use std::fmt::Write as _;

use axis_core::config::TableConfig;

use super::support::{Shop, assert_equal, text};

/// How values are printed on both sides.
#[derive(Clone, Copy)]
pub(super) enum As {
    /// Cast to text.
    Text,
    /// Cast to text, where DuckDB spells the special numbers in its own way and marks whole numbers by `.0`.
    Float,
    /// Cast to text, where DuckDB puts the era in parentheses behind the date.
    Era,
    /// Cast to text, where DuckDB leaves the zero before the point away.
    Fraction,
    /// Padded text, whose blanks PostgreSQL's casts drop.
    Padded,
    /// Hexadecimal digits.
    Hex,
    /// Months, days and microseconds.
    Parts,
    /// A JSON array of texts.
    List,
}

impl As {
    fn in_store(self) -> &'static str {
        match self {
            Self::Text | Self::Padded | Self::Era | Self::Float | Self::Fraction => "v::varchar",
            Self::Hex => "lower(hex(v))",
            Self::Parts => {
                "(datepart('year', v) * 12 + datepart('month', v)) || ' ' || datepart('day', v) || ' ' ||
                 (datepart('hour', v) * 3600000000 + datepart('minute', v) * 60000000 + datepart('microsecond', v))"
            }
            Self::List => "to_json(v::varchar[])::varchar",
        }
    }

    fn in_source(self) -> &'static str {
        match self {
            Self::Text | Self::Era | Self::Fraction => "v::text",
            Self::Float => "v::float8::text",
            Self::Padded => "textin(bpcharout(v))",
            Self::Hex => "encode(v, 'hex')",
            Self::Parts => {
                "(extract(year from v) * 12 + extract(month from v))::int || ' ' || extract(day from v)::int || ' ' ||
                 (extract(hour from v) * 3600000000 + extract(minute from v) * 60000000 + extract(microseconds from v))::bigint"
            }
            Self::List => "to_json(v::text[])::text",
        }
    }

    /// Brings DuckDB's spelling into PostgreSQL's.
    fn normal(self, stored: String) -> String {
        match self {
            Self::Float => match stored.as_str() {
                "nan" => "NaN".to_owned(),
                "inf" => "Infinity".to_owned(),
                "-inf" => "-Infinity".to_owned(),
                _ => stored.strip_suffix(".0").map(str::to_owned).unwrap_or(stored),
            },
            Self::Fraction => format!("0{stored}"),
            Self::Era if stored.contains(" (BC)") => stored.replace(" (BC)", "") + " BC",
            _ => stored,
        }
    }
}

/// PostgreSQL's type, the store's, values, and how they are printed.
pub(super) const TABLE: &[(&str, &str, &[&str], As)] = &[
    ("boolean", "BOOLEAN", &["true", "false"], As::Text),
    ("smallint", "SMALLINT", &["-32768", "0", "32767"], As::Text),
    ("integer", "INTEGER", &["-2147483648", "2147483647"], As::Text),
    (
        "bigint",
        "BIGINT",
        &["-9223372036854775808", "9007199254740993", "9223372036854775807"],
        As::Text,
    ),
    ("oid", "BIGINT", &["0", "4294967295"], As::Text),
    (
        "double precision",
        "DOUBLE",
        &["1.1", "-0", "0.1", "1e300", "5e-324", "NaN", "Infinity", "-Infinity"],
        As::Float,
    ),
    (
        "numeric(12,6)",
        "DECIMAL(12,6)",
        &["0", "1.5", "-999999.999999", "0.000001"],
        As::Text,
    ),
    ("numeric(4,1)", "DECIMAL(4,1)", &["-999.9", "0.1"], As::Text),
    (
        "numeric(18,0)",
        "DECIMAL(18,0)",
        &["-999999999999999999", "10000"],
        As::Text,
    ),
    (
        "numeric(38,0)",
        "DECIMAL(38,0)",
        &["99999999999999999999999999999999999999", "-10000"],
        As::Text,
    ),
    (
        "numeric(38,10)",
        "DECIMAL(38,10)",
        &["-9999999999999999999999999999.9999999999", "0.0000000001"],
        As::Text,
    ),
    (
        "numeric(38,38)",
        "DECIMAL(38,38)",
        &["0.99999999999999999999999999999999999999", "0"],
        As::Fraction,
    ),
    (
        "numeric",
        "DOUBLE",
        &["0", "0.1", "NaN", "Infinity", "-1e-300"],
        As::Float,
    ),
    (
        "text",
        "VARCHAR",
        &[
            "",
            "007",
            "é日本🙂",
            "a\nb\tc\\\"",
            "null",
            "twelve bytes",
            "thirteen byte",
        ],
        As::Text,
    ),
    ("varchar(10)", "VARCHAR", &["", "abc "], As::Text),
    ("char(5)", "VARCHAR", &["ab", "é"], As::Padded),
    ("name", "VARCHAR", &["pg_class"], As::Text),
    ("citext", "VARCHAR", &["MiXed"], As::Text),
    ("mood", "VARCHAR", &["sad", "very happy"], As::Text),
    ("positive", "INTEGER", &["7"], As::Text),
    ("amount", "DECIMAL(9,3)", &["7.125"], As::Text),
    ("xml", "VARCHAR", &["<a b=\"1\">é</a>"], As::Text),
    ("json", "VARCHAR", &["{\"a\" : 1,  \"a\":2}", "null"], As::Text),
    (
        "jsonb",
        "VARCHAR",
        &["{\"b\": [1, null, \"é\"]}", "null", "1.50"],
        As::Text,
    ),
    (
        "uuid",
        "UUID",
        &[
            "00000000-0000-0000-0000-000000000000",
            "7fffffff-ffff-ffff-ffff-ffffffffffff",
            "80000000-0000-0000-0000-000000000000",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
        As::Text,
    ),
    ("bytea", "BLOB", &["", "\\x00ff10", "\\x5c78"], As::Hex),
    (
        "date",
        "DATE",
        &[
            "1970-01-01",
            "4714-11-24 BC",
            "0001-12-31 BC",
            "5874897-12-31",
            "infinity",
            "-infinity",
        ],
        As::Era,
    ),
    ("time", "TIME", &["00:00", "23:59:59.999999", "24:00"], As::Text),
    (
        "timetz",
        "TIME WITH TIME ZONE",
        &["00:00+00", "23:59:59.999999-15:59", "24:00+14", "12:00+05:30"],
        As::Text,
    ),
    (
        "timestamp",
        "TIMESTAMP",
        &[
            "2024-02-29 12:34:56.789012",
            "4714-11-24 00:00:00 BC",
            "294246-12-31 23:59:59.999999",
            "1969-12-31 23:59:59.999999",
            "infinity",
            "-infinity",
        ],
        As::Era,
    ),
    (
        "timestamptz",
        "TIMESTAMP WITH TIME ZONE",
        &[
            "2024-02-29 12:34:56.789012+02",
            "0044-03-15 12:00+00 BC",
            "0001-01-01 00:00+00",
            "infinity",
            "-infinity",
        ],
        As::Era,
    ),
    (
        "interval",
        "INTERVAL",
        &[
            "0",
            "1 year 2 mons -3 days 04:05:06.789012",
            "-00:00:00.000001",
            "999999 days",
        ],
        As::Parts,
    ),
    ("boolean[]", "BOOLEAN[]", &["{t,NULL,f}"], As::List),
    ("integer[]", "INTEGER[]", &["{}", "{1,NULL,3}", "{NULL}"], As::List),
    (
        "text[]",
        "VARCHAR[]",
        &["{\"\",a,NULL,\"a \\\"long\\\" text with é\"}"],
        As::List,
    ),
    ("numeric(6,2)[]", "DECIMAL(6,2)[]", &["{1.50,-0.01}"], As::List),
    (
        "uuid[]",
        "UUID[]",
        &["{f81d4fae-7dec-11d0-a765-00a0c91e6bf6,NULL}"],
        As::List,
    ),
    (
        "timestamptz[]",
        "TIMESTAMP WITH TIME ZONE[]",
        &["{2024-02-29 12:34:56+02,infinity}"],
        As::List,
    ),
    ("date[]", "DATE[]", &["{2024-02-29}"], As::List),
    ("mood[]", "VARCHAR[]", &["{sad,\"very happy\"}"], As::List),
    ("positive[]", "INTEGER[]", &["{1,2}"], As::List),
    ("inet", "VARCHAR", &["10.0.0.1/8", "::1"], As::Text),
    ("inet[]", "VARCHAR", &["{10.0.0.1,::1}"], As::Text),
    ("int4range", "VARCHAR", &["[1,5)", "empty"], As::Text),
    ("pair", "VARCHAR", &["(1,x)", "(,\"a b\")"], As::Text),
    ("money", "VARCHAR", &["12.34"], As::Text),
    ("point", "VARCHAR", &["(1,2)"], As::Text),
    ("tsvector", "VARCHAR", &["a b"], As::Text),
    ("bit(3)", "VARCHAR", &["101"], As::Text),
];

const EXTRAS: &str = "create extension citext; create type mood as enum ('sad', 'very happy');
create type pair as (a int, b text); create domain positive as int check (value > 0); create domain amount as numeric(9,3);";

/// Opens an engine over one table of each type: `n` counts the values `v`, and is -1 beside NULL.
pub(super) async fn open(prefix: &str) -> Shop {
    let mut statements = EXTRAS.to_owned();
    let mut tables = Vec::new();
    for (index, (ty, _, values, _)) in TABLE.iter().enumerate() {
        let literals: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(n, value)| format!("({n}, '{value}')"))
            .collect();
        let _ = write!(
            statements,
            "create table t{index} (n int, v {ty}); insert into t{index} values {}, (-1, null);",
            literals.join(", ")
        );
        tables.push(TableConfig::new(format!("t{index}"), format!("select * from t{index}")));
    }
    Shop::open(prefix, &statements, tables).await
}

#[tokio::test]
async fn every_type_is_stored_as_the_server_prints_it() {
    let shop = open("types").await;
    let report = shop.sync().await;
    for (index, (ty, stored_type, values, print)) in TABLE.iter().enumerate() {
        assert_eq!(report.tables[index].rows_total, values.len() as u64 + 1, "{ty}");
        let found = text(
            &shop.engine,
            &format!("select data_type from duckdb_columns() where table_name = 't{index}' and column_name = 'v'"),
        )
        .await;
        assert_eq!(found, [[Some((*stored_type).to_owned())]], "{ty}");
        let stored = text(
            &shop.engine,
            &format!("select n::varchar as n, {} as v from t{index}", print.in_store()),
        )
        .await;
        let stored = stored
            .into_iter()
            .map(|mut row| {
                row[1] = row[1].take().map(|value| print.normal(value));
                row
            })
            .collect();
        let source = shop
            .database
            .query_text(&format!("select n::text, {} from t{index}", print.in_source()));
        assert_equal(ty, stored, source);
    }
    // A UUID is ordered by its bytes on both sides.
    let uuids = TABLE.iter().position(|row| row.0 == "uuid").unwrap();
    let ordered = format!("select v::varchar as text from t{uuids} order by v nulls last");
    assert_eq!(text(&shop.engine, &ordered).await, shop.database.query_text(&ordered));
    // Special numbers are numbers of their own, not NULL.
    let floats = TABLE.iter().position(|row| row.0 == "double precision").unwrap();
    let special = format!("select count(*) from t{floats} where isnan(v) or isinf(v)");
    assert_eq!(shop.number(&special).await, 3);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn many_rows_of_many_types_cross_batches_unharmed() {
    let shop = Shop::open(
        "batches",
        "create table wide as select i as n, (i % 7 = 0) as b, case when i % 3 > 0 then i::smallint end as s, i * 1000000007::bigint as l,
           (i / 7.0)::numeric(20,7) as d, (i / 7.0)::float8 as f, repeat('é' || i, i % 40) as t, nullif(i::text, '5') as u,
           md5(i::text)::uuid as id, timestamptz '2026-01-01' + make_interval(secs => i * 1.000001) as at_,
           date '2000-01-01' + i as day, decode(md5(i::text), 'hex') as raw,
           case when i % 11 > 0 then array(select nullif(k, 3) from generate_series(1, i % 29) k) end as ints,
           array(select repeat('x', k) || i from generate_series(1, (i * 7) % 13) k) as texts,
           case when i % 5 > 0 then array_fill(1.25::numeric(9,2), array[i % 5]) end as decimals
         from generate_series(1, 10000) i;
         create table long as select i as n, repeat(md5(i::text), i * 25000) as t from generate_series(1, 4) i",
        vec![
            TableConfig::new("wide", "select * from wide order by n"),
            TableConfig::new("long", "select * from long"),
        ],
    )
    .await;
    assert_eq!(shop.sync().await.rows_read, 10_004);
    for column in ["b", "s", "l", "d", "t", "u", "id", "at_", "day"] {
        shop.assert_same(&format!(
            "select md5(string_agg(n::varchar || coalesce({column}::varchar, '~'), ',' order by n)) as sum from wide"
        ))
        .await;
    }
    for (column, stored, source) in [
        ("raw", "lower(hex(raw))", "encode(raw, 'hex')"),
        (
            "ints",
            "to_json(ints::varchar[])::varchar",
            "to_json(ints::text[])::text",
        ),
        ("texts", "to_json(texts)::varchar", "to_json(texts)::text"),
        (
            "decimals",
            "to_json(decimals::varchar[])::varchar",
            "to_json(decimals::text[])::text",
        ),
        ("f", "(f * 7)::bigint::varchar", "(f * 7)::bigint::text"),
    ] {
        let sum = |value: &str| format!("select n::varchar as n, {value} as v from wide");
        assert_equal(
            column,
            text(&shop.engine, &sum(stored)).await,
            shop.database.query_text(&sum(source)),
        );
    }
    shop.assert_same("select n::varchar, length(t)::varchar, md5(t) from long")
        .await;
    assert_eq!(shop.number("select max(length(t)) from long").await, 3_200_000);
    shop.engine.close().await.unwrap();
}
