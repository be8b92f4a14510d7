//! Every type that the running server knows: the store holds what PostgreSQL prints, for the type, its array and a domain over it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use axis_core::config::TableConfig;

use super::spelled::{same, selected, stored_types};
use super::support::{Rows, Shop, text};

/// Types of the test's own, beside those that extensions bring.
const OWN: &str = "
create type mood as enum ('sad', 'very happy');
create type pair as (a int, b text);
create type nested as (p pair, many pair[], m mood);
create type span as range (subtype = text, collation = \"C\");
create domain positive as int check (value > 0);
create domain amount as numeric(9,3);
create domain steps as int[];
create domain couple as pair;
create table rows_of_mine (id int default 7, note text);
create table facts (a int, b int);
insert into facts select i % 10, i % 5 from generate_series(1, 1000) i;
create statistics facts_about (ndistinct, dependencies, mcv) on a, b from facts;
analyze facts;
";

const EXTENSIONS: [&str; 4] = ["citext", "hstore", "ltree", "cube"];

/// Values by the name of the type; `= ...` is an expression in place of a literal.
const VALUES: &[(&str, &[&str])] = &[
    ("aclitem", &["axis=r/axis"]),
    ("amount", &["7.125"]),
    ("bit", &["1", "0"]),
    ("bool", &["true", "false"]),
    ("box", &["(3,4),(1,2)"]),
    ("bpchar", &["ab ", ""]),
    ("bytea", &["", "\\x00ff10", "\\x5c78"]),
    ("cardinal_number", &["0", "2147483647"]),
    ("char", &["x", "é", "\\200"]),
    ("character_data", &["some text"]),
    ("cid", &["4294967295"]),
    ("cidr", &["10.0.0.0/8", "2001:db8::/32"]),
    ("circle", &["<(1,2),3.5>"]),
    ("citext", &["MiXed"]),
    ("couple", &["(1,x)"]),
    ("cube", &["(1, 2),(3, 4)"]),
    (
        "date",
        &["1970-01-01", "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity"],
    ),
    ("datemultirange", &["{[2024-01-01,2024-02-01),[2025-01-01,)}", "{}"]),
    (
        "daterange",
        &["[2024-01-01,2024-02-01)", "empty", "(,)", "[infinity,infinity]"],
    ),
    (
        "float4",
        &["1.1", "-0", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity"],
    ),
    (
        "float8",
        &[
            "1.1",
            "-0",
            "0.1",
            "1.7976931348623157e308",
            "5e-324",
            "NaN",
            "Infinity",
            "-Infinity",
        ],
    ),
    ("hstore", &["\"a\"=>\"1\", \"b\"=>NULL", ""]),
    ("inet", &["10.0.0.1/8", "::1", "2001:db8::1/64"]),
    ("int2", &["-32768", "0", "32767"]),
    ("int2vector", &["1 -2 3", ""]),
    ("int4", &["-2147483648", "2147483647"]),
    ("int4multirange", &["{[1,5),[7,9)}", "{}"]),
    ("int4range", &["[1,5)", "empty", "(,)"]),
    (
        "int8",
        &["-9223372036854775808", "9007199254740993", "9223372036854775807"],
    ),
    ("int8multirange", &["{[1,5)}"]),
    ("int8range", &["[1,9223372036854775807)"]),
    (
        "interval",
        &[
            "0",
            "1 year 2 mons -3 days 04:05:06.789012",
            "-1 mons +1 day -00:00:00.000001",
            "178956970 years 7 mons 2147483646 days 2562047788:00:54.775807",
            "-178956970 years -8 mons -2147483647 days -2562047788:00:54.775807",
        ],
    ),
    ("json", &["{\"a\" : 1,  \"a\":2}", "null", "\"\""]),
    ("jsonb", &["{\"b\": [1, null, \"é\"]}", "null", "1.50", "{}"]),
    ("jsonpath", &["$.a[*] ? (@ > 1)"]),
    ("line", &["{1,-1,0}"]),
    ("lquery", &["a.*.b"]),
    ("lseg", &["[(1,2),(3,4)]"]),
    ("ltree", &["Top.Science"]),
    ("ltxtquery", &["a & b"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("money", &["12.34", "-92233720368547758.08"]),
    ("mood", &["sad", "very happy"]),
    ("name", &["pg_class", ""]),
    ("nested", &["(\"(1,x)\",\"{\"\"(2,y)\"\"}\",sad)", "(,,)"]),
    (
        "numeric",
        &["0", "0.1", "-123456789.125", "NaN", "Infinity", "-Infinity"],
    ),
    ("nummultirange", &["{[1.5,2.5)}"]),
    ("numrange", &["[1.5,2.5)"]),
    ("oid", &["0", "4294967295"]),
    ("oidvector", &["1 4294967295", ""]),
    ("pair", &["(1,x)", "(,\"a \"\"b\"\"\")"]),
    ("path", &["((1,2),(3,4))", "[(1,2),(3,4)]"]),
    (
        "pg_dependencies",
        &["= (select stxddependencies from pg_statistic_ext_data)"],
    ),
    ("pg_lsn", &["16/B374D848", "FFFFFFFF/FFFFFFFF"]),
    ("pg_mcv_list", &["= (select stxdmcv from pg_statistic_ext_data)"]),
    ("pg_ndistinct", &["= (select stxdndistinct from pg_statistic_ext_data)"]),
    (
        "pg_node_tree",
        &["= (select adbin from pg_attrdef where adrelid = 'rows_of_mine'::regclass)"],
    ),
    ("pg_snapshot", &["10:20:10,14"]),
    ("point", &["(1,2)", "(1e300,-0.1)"]),
    ("polygon", &["((1,2),(3,4),(5,6))"]),
    ("positive", &["7"]),
    ("refcursor", &["my_cursor"]),
    ("regclass", &["pg_class", "4000000000"]),
    ("regcollation", &["\"C\""]),
    ("regconfig", &["english"]),
    ("regdictionary", &["simple"]),
    ("regnamespace", &["pg_catalog"]),
    ("regoper", &["|/"]),
    ("regoperator", &["+(integer,integer)"]),
    ("regproc", &["now"]),
    ("regprocedure", &["now()"]),
    ("regrole", &["axis"]),
    ("regtype", &["timestamp with time zone"]),
    ("span", &["[a,b)", "[é,]"]),
    ("spanmultirange", &["{[a,b)}"]),
    ("span_multirange", &["{[a,b)}"]),
    ("sql_identifier", &["a_name"]),
    ("steps", &["{1,2,3}", "{}"]),
    (
        "text",
        &[
            "",
            "007",
            "é日本🙂",
            "a\nb\tc\\\"",
            "null",
            "twelve bytes",
            "thirteen byte",
        ],
    ),
    ("tid", &["(4294967295,65535)"]),
    ("time", &["00:00", "23:59:59.999999", "24:00"]),
    ("time_stamp", &["2024-02-29 12:34:56.79+00"]),
    (
        "timestamp",
        &[
            "2024-02-29 12:34:56.789012",
            "4714-11-24 00:00:00 BC",
            "0001-12-31 23:59:59 BC",
            "294246-12-31 23:59:59.999999",
            "1969-12-31 23:59:59.999999",
            "infinity",
            "-infinity",
        ],
    ),
    (
        "timestamptz",
        &[
            "2024-02-29 12:34:56.789012+02",
            "4714-11-24 00:00:00+00 BC",
            "0044-03-15 12:00+00 BC",
            "9999-12-31 23:59:59.999999+00",
            "infinity",
            "-infinity",
        ],
    ),
    (
        "timetz",
        &["00:00+00", "23:59:59.999999-15:59:59", "24:00+15:59:59", "12:00+05:30"],
    ),
    ("tsmultirange", &["{[2024-01-01,2024-02-01)}"]),
    ("tsquery", &["'a' & !'b'"]),
    ("tsrange", &["[2024-01-01,infinity]"]),
    ("tstzmultirange", &["{[2024-01-01 00:00+00,2024-02-01 00:00+00)}"]),
    ("tstzrange", &["[2024-01-01 00:00+02,)"]),
    ("tsvector", &["'a':1A 'b c':2", ""]),
    ("txid_snapshot", &["10:20:10,14"]),
    (
        "uuid",
        &[
            "00000000-0000-0000-0000-000000000000",
            "7fffffff-ffff-ffff-ffff-ffffffffffff",
            "80000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    ("varbit", &["", "10101"]),
    ("varchar", &["", "abc "]),
    ("xid", &["4294967295"]),
    ("xid8", &["18446744073709551615"]),
    (
        "xml",
        &[
            "<a b=\"1\">é</a>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a/>",
        ],
    ),
    ("yes_or_no", &["YES"]),
];

/// Types without a value that a query could name; their NULLs are read all the same.
const ONLY_NULL: [&str; 5] = [
    // Their input functions refuse: values live in indexes alone.
    "ghstore",
    "gtsvector",
    "ltree_gist",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
];

struct PgType {
    name: String,
    /// As SQL writes it.
    sql: String,
    kind: String,
    has_array: bool,
    /// Columns of a composite type.
    columns: usize,
}

fn types(shop: &Shop) -> Vec<PgType> {
    let rows = shop.database.query_text(
        "select typname, format('%I.%I', nspname, typname), typtype,
           typarray <> 0 and typbasetype not in (select typarray from pg_type), -- `array[...]` makes no array of such domains
           (select count(*) from pg_attribute where attrelid = typrelid and attnum > 0 and not attisdropped)
         from pg_type t join pg_namespace n on n.oid = typnamespace
         where nspname !~ '^pg_(temp|toast)' and typtype <> 'p'
           and not exists (select from pg_type e where e.typarray = t.oid)
         order by 1",
    );
    let ty = |row: Vec<Option<String>>| {
        let mut row = row.into_iter().flatten();
        let mut next = || row.next().unwrap();
        PgType {
            name: next(),
            sql: next(),
            kind: next(),
            has_array: next() == "t",
            columns: next().parse().unwrap(),
        }
    };
    rows.into_iter().map(ty).collect()
}

/// Writes expressions of the type's values.
fn values(ty: &PgType, table: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let typed = |value: &str| match value.strip_prefix("= ") {
        Some(expression) => format!("{expression}::{}", ty.sql),
        None => format!("'{}'::{}", value.replace('\'', "''"), ty.sql),
    };
    match table.get(ty.name.as_str()) {
        Some(values) => values.iter().map(|value| typed(value)).collect(),
        // The rows of a relation: one whose columns are all NULL can always be written.
        None if ty.kind == "c" => vec![typed(&format!("({})", ",".repeat(ty.columns - 1)))],
        None => Vec::new(),
    }
}

#[tokio::test]
async fn every_type_of_the_server_is_stored_as_the_server_prints_it() {
    let shop = Shop::open("every_type", OWN, Vec::new()).await;
    for extension in EXTENSIONS {
        let sql = format!("select count(*) from pg_available_extensions where name = '{extension}'");
        if shop.database.query_text(&sql) == [[Some("1".to_owned())]] {
            shop.database.execute(&format!("create extension {extension}"));
        }
    }
    let known: BTreeMap<&str, &[&str]> = VALUES.iter().copied().collect();
    assert_eq!(known.len(), VALUES.len(), "a type is listed twice");
    let types = types(&shop);
    let (mut missing, mut domains, mut queries) = (Vec::new(), String::new(), Vec::new());
    for (index, ty) in types.iter().enumerate() {
        let mut rows: Vec<_> = values(ty, &known);
        if rows.is_empty() && !ONLY_NULL.contains(&ty.name.as_str()) {
            missing.push(&ty.name);
        }
        rows.push(format!("null::{}", ty.sql));
        let rows: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(n, value)| format!("({n}, {value})"))
            .collect();
        let mut columns = "n, v".to_owned();
        if ty.has_array {
            columns.push_str(", case when v is not distinct from null then null else array[v, null, v] end as a");
        }
        if ty.kind != "c" {
            let _ = write!(domains, "create domain over_{index} as {};", ty.sql);
            let _ = write!(columns, ", v::over_{index} as d");
        }
        queries.push(format!(
            "select {columns} from (values {}) as x (n, v)",
            rows.join(", ")
        ));
    }
    assert!(missing.is_empty(), "types without a value in the table: {missing:?}");
    shop.database.execute(&domains);
    let tables = queries
        .iter()
        .enumerate()
        .map(|(index, query)| TableConfig::new(format!("t{index}"), query));
    let shop = shop.reopen(tables.collect(), |_| {}).await;
    shop.sync().await;
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for (index, (ty, query)) in types.iter().zip(&queries).enumerate() {
        let columns = stored_types(&shop.engine, &format!("t{index}")).await;
        let list: Vec<_> = columns
            .iter()
            .map(|(name, ty)| format!("{} as {name}", selected(ty, name)))
            .collect();
        let stored: Rows = text(
            &shop.engine,
            &format!("select {} from t{index} order by n", list.join(", ")),
        )
        .await;
        let source = shop.database.query_text(&format!("{query} order by n"));
        assert_eq!(stored.len(), source.len(), "{}", ty.name);
        for (stored, source) in stored.iter().zip(&source) {
            for ((stored, source), (column, stored_type)) in stored.iter().zip(source).zip(&columns) {
                let equal = match (stored, source) {
                    // The cast to text, other than the output function, writes the mask of a single host.
                    (Some(stored), Some(source)) if ty.name == "inet" => {
                        stored.strip_suffix("/128").unwrap_or(stored) == source
                    }
                    (Some(stored), Some(source)) => same(stored_type, stored, source),
                    (stored, source) => stored == source,
                };
                if !equal {
                    wrong.push(format!(
                        "{} ({column} as {stored_type}): {stored:?} for {source:?}",
                        ty.name
                    ));
                }
            }
        }
        seen.insert(ty.kind.as_str());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen.into_iter().collect::<String>(), "bcdemr", "kinds of types");
    shop.engine.close().await.unwrap();
}
