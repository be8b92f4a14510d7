//! Parts of queries: together they hold every row exactly once, or there are none and a reason.

use std::collections::BTreeMap;

use axis_testkit::postgres::TestDatabase;

use super::{Bench, request};
use crate::config::TypePolicy;
use crate::source::postgres::ranges::Comparison;
use crate::source::{CutBy, Parts, Snapshot, SourceColumn};

/// Four sessions' worth.
const PIECES: usize = 4;

/// Describes and cuts.
fn cut(bench: &Bench, leader: &mut Box<dyn Snapshot>, query: &str, by: &CutBy) -> (Vec<SourceColumn>, Parts) {
    let columns = bench.describe(leader, query).unwrap();
    let parts = bench.runtime.block_on(leader.cut(query, &columns, by, PIECES)).unwrap();
    (columns, parts)
}

fn column(name: &str) -> CutBy {
    CutBy::Column(name.to_owned())
}

/// Every row as text, sorted.
fn rows(bench: &Bench, snapshot: &mut Box<dyn Snapshot>, query: &str, columns: &[SourceColumn]) -> Vec<String> {
    let rows = bench.read(snapshot, &request(query, columns.to_vec())).unwrap();
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

/// Reads all parts, each in a session of its own, and checks that they are the query's rows; returns rows of each part.
fn check(bench: &Bench, query: &str, by: &CutBy) -> Vec<usize> {
    let mut leader = bench.snapshot().unwrap();
    let (columns, parts) = cut(bench, &mut leader, query, by);
    assert!(parts.queries.len() > 1, "{query}: {}", parts.because);
    check_parts(bench, &mut leader, query, &columns, &parts)
}

fn check_parts(
    bench: &Bench,
    leader: &mut Box<dyn Snapshot>,
    query: &str,
    columns: &[SourceColumn],
    parts: &Parts,
) -> Vec<usize> {
    let mut all = Vec::new();
    let mut counts = Vec::new();
    for part in &parts.queries {
        let mut fork = bench.runtime.block_on(leader.fork()).unwrap().unwrap();
        let part = rows(bench, &mut fork, part, columns);
        bench.runtime.block_on(fork.close());
        counts.push(part.len());
        all.extend(part);
    }
    all.sort();
    assert!(
        all == rows(bench, leader, query, columns),
        "{query}: parts of {counts:?} rows differ from the whole"
    );
    counts
}

/// Says why a query is read whole.
fn whole(bench: &Bench, query: &str, by: &CutBy) -> String {
    let mut leader = bench.snapshot().unwrap();
    let (_, parts) = cut(bench, &mut leader, query, by);
    assert_eq!(parts.queries, [""; 0], "{query}");
    parts.because
}

/// Values of each type with the extremes, more rows than a histogram has bounds, and NULLs.
const TYPES: [(&str, &str, &str); 9] = [
    ("smallint", "(i % 1000)::smallint", "'-32768', '32767'"),
    ("integer", "i", "'-2147483648', '2147483647'"),
    (
        "bigint",
        "i::bigint * 4611686018427",
        "'-9223372036854775808', '9223372036854775807'",
    ),
    ("oid", "i::oid", "'0', '4294967295'"),
    (
        "timestamp",
        "timestamp '2024-01-01' + i * interval '1 hour'",
        "'infinity', '-infinity', '4000-01-01 BC'",
    ),
    (
        "timestamptz",
        "timestamptz '2024-01-01+00' + i * interval '1 hour'",
        "'infinity', '-infinity', '0044-03-15 00:00+00 BC'",
    ),
    (
        "date",
        "date '2024-01-01' + i",
        "'infinity', '-infinity', '0044-03-15 BC'",
    ),
    (
        "uuid",
        "md5(i::text)::uuid",
        "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    ),
    (
        "text",
        "chr(65 + i % 60) || chr(228) || i",
        "'', 'ß', 'a''b', 'Z', E'\\\\x', '\u{10ffff}'",
    ),
];

#[test]
fn parts_by_a_column_hold_every_value_of_every_type_once() {
    let database = TestDatabase::create("cut_types");
    let bench = Bench::on(&database);
    for (index, (ty, value, extremes)) in TYPES.iter().enumerate() {
        let extremes: String = extremes.split(", ").map(|extreme| format!(", ({extreme})")).collect();
        database.execute(&format!(
            "create table t{index} (v {ty}); insert into t{index} select {value} from generate_series(1, 2000) i;
             insert into t{index} values (null), (null){extremes}; analyze t{index}"
        ));
        let counts = check(&bench, &format!("select * from t{index}"), &column("v"));
        assert_eq!(counts.len(), PIECES, "{ty}");
        assert!(
            counts.iter().all(|count| *count > 200),
            "{ty} is shared out: {counts:?}"
        );
    }
}

#[test]
fn any_bounds_put_every_value_into_exactly_one_range() {
    let database = TestDatabase::create("cut_bounds");
    let bench = Bench::on(&database);
    for (index, (ty, value, extremes)) in TYPES.iter().enumerate() {
        let extremes: Vec<&str> = extremes.split(", ").collect();
        database.execute(&format!(
            "create table t{index} (v {ty}); insert into t{index} select {value} from generate_series(1, 40) i;
             insert into t{index} values (null), ({})",
            extremes.join("), (")
        ));
        let mut leader = bench.snapshot().unwrap();
        let query = format!("select * from t{index}");
        let columns = bench.describe(&mut leader, &query).unwrap();
        let comparison = Comparison::of(&columns[0]).unwrap();
        let (ty, collation) = (comparison.ty, comparison.collation);
        // Every value itself is a bound: what is equal to one, just below, and beyond all of them.
        let sorted = format!(
            "select bound::text from (select distinct v::{ty}{collation} as bound from t{index} where v is not null) b order by b.bound"
        );
        let bounds: Vec<String> = database
            .query_text(&sorted)
            .into_iter()
            .map(|row| row[0].clone().unwrap())
            .collect();
        for bounds in [
            &bounds[..],
            &bounds[1..bounds.len() / 2],
            &bounds[bounds.len() - 1..],
            &[],
        ] {
            let holds: Vec<String> = comparison
                .conditions(bounds)
                .iter()
                .map(|condition| format!("({condition} and true is true)::int"))
                .collect();
            let sum: Vec<String> = holds.iter().map(|holds| format!("coalesce({holds}, 0)")).collect();
            let wrong = format!("select count(*) from t{index} where {} <> 1", sum.join(" + "));
            assert_eq!(
                database.query_text(&wrong),
                [[Some("0".to_owned())]],
                "{ty}: {bounds:?}"
            );
        }
    }
}

#[test]
fn skewed_and_outdated_statistics_change_the_sizes_of_parts_and_nothing_else() {
    let database = TestDatabase::create("cut_skew");
    database.execute(
        "create table t (v int, note text); insert into t select 7, 'most' from generate_series(1, 5000);
         insert into t select i, 'few' from generate_series(1, 500) i; analyze t;
         insert into t select -i, 'below' from generate_series(1, 3000) i; insert into t select 1000000 + i, 'above' from generate_series(1, 50) i;
         insert into t values (null, null)",
    );
    let bench = Bench::on(&database);
    assert_eq!(check(&bench, "select * from t", &column("v")).len(), PIECES);
    // A condition, another name and a join do not hide where the column comes from.
    let counts = check(
        &bench,
        "select b.v as x, a.note from t a join t b on a.v = b.v and a.v > 100",
        &column("x"),
    );
    assert_eq!(counts.len(), PIECES);
}

#[test]
fn without_statistics_only_uuids_are_cut() {
    let database = TestDatabase::create("cut_none");
    database.execute(
        "create table t (v int, u uuid, f float8); insert into t select i, md5(i::text)::uuid, i from generate_series(1, 2000) i;
         create view w as select * from t",
    );
    let bench = Bench::on(&database);
    let counts = check(&bench, "select * from t", &column("u"));
    assert!(
        counts.len() == PIECES && counts.iter().all(|count| *count > 300),
        "{counts:?}"
    );
    let because = |query: &str, by: &CutBy| whole(&bench, query, by);
    assert_eq!(
        because("select * from t", &column("v")),
        "the server has no histogram of `v`; `analyze` makes one"
    );
    assert!(because("select * from w", &column("v")).contains("no histogram"));
    assert!(because("select v + 1 as v from t", &column("v")).contains("is an expression"));
    assert!(because("select * from t", &column("f")).contains("float8 is no integer"));
    assert!(because("select * from t", &column("z")).contains("no column `z`"));
}

#[test]
fn a_column_that_is_carried_as_another_type_is_not_cut_by() {
    let database = TestDatabase::create("cut_cast");
    database.execute("create table t (v int); insert into t select i from generate_series(1, 2000) i; analyze t");
    let bench = Bench::on(&database);
    let mut leader = bench.snapshot().unwrap();
    let types = BTreeMap::from([("v".to_owned(), TypePolicy::Varchar)]);
    let query = "select * from t";
    let columns = bench.runtime.block_on(leader.describe(query, &types)).unwrap();
    let parts = bench
        .runtime
        .block_on(leader.cut(query, &columns, &column("v"), PIECES))
        .unwrap();
    assert!(
        parts.queries.is_empty() && parts.because.contains("carried as another type"),
        "{parts:?}"
    );
    // Blocks do not care.
    let parts = bench
        .runtime
        .block_on(leader.cut(query, &columns, &CutBy::Blocks, PIECES))
        .unwrap();
    assert!(check_parts(&bench, &mut leader, query, &columns, &parts).len() > 1);
}

#[test]
fn a_column_whose_equal_values_have_different_bytes_is_not_cut_by() {
    let database = TestDatabase::create("cut_blurred");
    database.execute(
        "create extension citext; create collation blurred (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         create table t (c citext, n text collate blurred, p bpchar, j jsonb, u text collate \"C\");
         insert into t select v, v, i % 700 || repeat(' ', i % 2), ('1' || repeat('0', i % 2))::jsonb, v
         from generate_series(1, 4000) i, lateral (select case when i % 2 = 0 then 'a' else 'A' end || i % 700 as v) x; analyze t",
    );
    let bench = Bench::on(&database);
    for (name, because) in [
        ("c", "citext is no integer"),
        ("n", "nondeterministic"),
        ("p", "bpchar is no integer"),
        ("j", "jsonb is no integer"),
    ] {
        let words = whole(&bench, &format!("select distinct {name} from t"), &column(name));
        assert!(words.contains(because), "{name}: {words}");
    }
    assert_eq!(check(&bench, "select distinct u from t", &column("u")).len(), PIECES);
}

/// Leaves with other orders of columns, dropped columns, equal positions of rows, and one leaf below a leaf.
const TREE: &str = "
create table p (id int, note text, at timestamptz) partition by range (id);
create table p1 partition of p for values from (0) to (1000);
create table p2 (at timestamptz, gone int, id int, note text);
alter table p2 drop gone; alter table p attach partition p2 for values from (1000) to (2000);
create table p3 partition of p for values from (2000) to (100000) partition by list (note);
create table p3a (note text, at timestamptz, id int);
alter table p3 attach partition p3a for values in ('n'); create table \"p3 \"\"b\" partition of p3 default;
insert into p select i, case when i % 3 = 0 then 'n' else repeat('o', 100) end, '2024-01-01' from generate_series(0, 5000) i;
create table parent (id int, note text); create table child (extra int) inherits (parent); create table grandchild (gone int) inherits (child);
alter table grandchild drop gone;
insert into parent select i, repeat('p', 90) from generate_series(1, 700) i; insert into child select i, 'c', i from generate_series(1, 3000) i;
insert into grandchild select i, repeat('g', 500), i from generate_series(1, 300) i;
";

#[test]
fn parts_by_blocks_hold_the_rows_of_every_leaf_once() {
    let database = TestDatabase::create("cut_blocks");
    database.execute(TREE);
    let bench = Bench::on(&database);
    let equal = database.query_text("select count(*) from p1 a join p2 b on a.ctid = b.ctid");
    assert_ne!(equal, [[Some("0".to_owned())]], "leaves have equal positions");
    for relation in ["p", "parent", "p1", "p3", "grandchild"] {
        let counts = check(&bench, &format!("select * from \"{relation}\""), &CutBy::Blocks);
        assert!((2..=PIECES).contains(&counts.len()), "{relation}: {counts:?}");
    }
    database.execute("analyze");
    check(&bench, "select * from p", &column("id"));
    check(&bench, "select * from parent", &column("id"));
}

#[test]
fn parts_are_of_the_snapshot_whatever_is_written_meanwhile() {
    let database = TestDatabase::create("cut_snapshot");
    database.execute(
        "create table t (id int primary key, note text); insert into t select i, repeat('x', 90) from generate_series(1, 4000) i; analyze t",
    );
    let bench = Bench::on(&database);
    for by in [CutBy::Blocks, column("id")] {
        let mut leader = bench.snapshot().unwrap();
        let (columns, parts) = cut(&bench, &mut leader, "select * from t", &by);
        let before = rows(&bench, &mut leader, "select * from t", &columns);
        database.execute(
            "update t set id = id + 100000, note = 'moved to other blocks' where id % 3 = 0; delete from t where id % 5 = 0;
             insert into t select 200000 + i + (select max(id) from t), 'new' from generate_series(1, 4000) i",
        );
        let counts = check_parts(&bench, &mut leader, "select * from t", &columns, &parts);
        assert_eq!(counts.iter().sum::<usize>(), before.len());
        assert_eq!(rows(&bench, &mut leader, "select * from t", &columns), before);
    }
}

#[test]
fn what_has_no_blocks_of_its_own_is_read_whole() {
    let database = TestDatabase::create("cut_whole");
    database.execute(TREE);
    let name = &database.name;
    database.execute(&format!(
        "create view w as select * from p1; create table small (a int); insert into small values (1);
         create extension postgres_fdw; create server elsewhere foreign data wrapper postgres_fdw;
         create foreign table f (id int, note text) server elsewhere; alter foreign table f inherit parent;
         create role {name}_reader login password 'secret'; grant select on p, p1, p2, p3, p3a, small to {name}_reader;
         alter table p1 enable row level security; create policy few on p1 using (id < 10); grant select on p1 to {name}_reader"
    ));
    let bench = Bench::on(&database);
    let because = |bench: &Bench, relation: &str| whole(bench, &format!("select * from {relation}"), &CutBy::Blocks);
    assert_eq!(because(&bench, "w"), "the relation is a view");
    assert_eq!(because(&bench, "parent"), "a part of it is a foreign table");
    assert_eq!(because(&bench, "small"), "there are too few blocks");
    assert_eq!(
        whole(&bench, "select a.id, b.at from p1 a join p2 b on true", &CutBy::Blocks),
        "the query reads more than one relation"
    );
    let mut connection = super::connection(axis_testkit::postgres::shared(), &database.name);
    connection.user = format!("{name}_reader");
    connection.password = Some(crate::config::Secret::new("secret".to_owned()));
    let reader = Bench::new(connection);
    let words = because(&reader, "p");
    assert!(
        words.contains("through its parent") || words.contains("row security"),
        "{words}"
    );
    database.execute(&format!("grant select on \"p3 \"\"b\" to {name}_reader"));
    assert_eq!(because(&reader, "p"), "row security acts on it");
    database.execute("alter table p1 disable row level security; alter table p enable row level security; create policy few on p using (id < 10)");
    assert_eq!(because(&reader, "p"), "row security acts on it");
    database.execute(&format!(
        "create schema hidden; create table hidden.leaf partition of p for values from (100000) to (200000);
         alter table p disable row level security; grant select on hidden.leaf to {name}_reader;
         revoke select on p2 from {name}_reader; grant select (at, id, note) on p2 to {name}_reader"
    ));
    assert_eq!(
        because(&reader, "p2"),
        "the role may read its columns, but not where its rows lie"
    );
    database.execute(&format!("grant select on p2 to {name}_reader"));
    assert_eq!(
        because(&reader, "p"),
        "a part of it may only be read through its parent"
    );
}

#[test]
fn a_query_whose_rows_may_differ_from_read_to_read_is_not_repeatable() {
    let database = TestDatabase::create("cut_weigh");
    database.execute(
        "create table t (id int, note text, at timestamp); insert into t select i, repeat('x', 900) from generate_series(1, 3000) i; analyze t;
         create view recent as select id from t where at > current_timestamp - interval '1 day';
         create function odd() returns int language plpgsql as 'begin return 1; end';
         create function \"Odd one\"() returns int language plpgsql as 'begin return 1; end'",
    );
    let bench = Bench::on(&database);
    let mut leader = bench.snapshot().unwrap();
    let mut repeatable = |query: &str| bench.runtime.block_on(leader.weigh(query)).unwrap().repeatable;
    for query in [
        "select * from t",
        "select id, lower(note) as note from t where id > 10 and length(note) > 3",
        "select a.id, count(*) from t a left join t b using (id) group by a.id",
        "with x as (select * from t) select * from x where exists (select from t where t.id = x.id)",
    ] {
        assert!(repeatable(query), "{query}");
    }
    for query in [
        "select * from t limit 10",
        "select * from t where random() < 0.5",
        "select *, row_number() over (order by note) as n from t",
        "select distinct on (note) * from t order by note",
        "select * from t tablesample system (10)",
        "select *, odd() as o from t",
        "select * from t where id > \"Odd one\"()",
        "select * from generate_series(1, 10) as id",
        "select * from t where id in (select id from t limit 5)",
        "select * from t where at <= now()",
        "select * from t where at < current_date",
        "select * from t where at < localtimestamp(0)",
        "select * from t where age(at) > interval '1 day'",
        "select * from t where at < timestamptz 'today'",
        "select * from t where id > pg_backend_pid()",
        "select * from recent",
    ] {
        assert!(!repeatable(query), "{query}");
    }
    let bytes = bench.runtime.block_on(leader.weigh("select * from t")).unwrap().bytes;
    assert!((2_000_000..4_000_000).contains(&bytes), "{bytes}");
}
