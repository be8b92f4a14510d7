//! Looking into PostgreSQL servers for clients: what may be seen, what may not, and what becomes of hostile input.

use axis_core::browse::{Browser, ConnectRequest, REFUSED, TableName, TableRead, Wizard};
use axis_core::config::TlsMode;
use axis_core::{Error, ErrorKind};
use axis_testkit::postgres::{PASSWORD, TestDatabase, USER, shared};
use serde_json::{Value, json};

use super::support::Project;

const SOURCE: &str = r#"
create table items (id integer primary key, name text, price numeric(10,2), wide numeric, tags text[], meta jsonb, at timestamptz,
    raw bytea, padded char(4), ratio double precision, big bigint);
insert into items values
    (2, 'b; -- %', 1.50, 12345678901234567890.5, '{x,NULL}', '{"a": [1]}', '2026-01-02 03:04:05.6+02', '\xdead', 'ab', 'NaN',
        9007199254740993),
    (1, 'a''"', -0.25, 2, '{}', null, null, null, null, 0.1, null),
    (3, null, null, null, null, null, null, null, null, null, null);
create table "odd ""name""; drop table items; --" ("a""b" text, "select" integer);
insert into "odd ""name""; drop table items; --" values ('x', 1);
create schema "S 2";
create view "S 2".shown as select id, name from items;
create materialized view stored as select count(*) as n from items;
create table parts (day date, n integer) partition by range (day);
create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
insert into parts select date '2026-01-01' + i, i from generate_series(0, 9) as i;
create table secret (word text);
insert into secret values ('sesame');
create view over_secret as select length(word) as n from secret;
create function writes() returns integer language plpgsql volatile as $$ begin insert into items (id) values (99); return 1; end $$;
create function reads_secret() returns text language plpgsql as $$ declare w text; begin execute 'select word from secret' into w; return w; end $$;
create sequence counter;
analyze items;
"#;

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) wizard: Wizard,
    pub(crate) project: Project,
}

impl Site {
    pub(crate) fn open(prefix: &str, more: &str) -> Self {
        let database = TestDatabase::create(prefix);
        database.execute(SOURCE);
        let project = Project::new();
        project.file(
            "eval_db.yaml",
            &format!(
                "eval_db:\n  enabled: true\n  host: 127.0.0.1\n  port: {}\n  database: {}\n  username: {USER}\n  password: {PASSWORD}\n{more}",
                shared().port(),
                database.name
            ),
        );
        let config = project.load(&[]);
        Self {
            wizard: Wizard::new(&config),
            database,
            project,
        }
    }

    pub(crate) fn request(&self) -> ConnectRequest {
        ConnectRequest::new("eval", "127.0.0.1", &self.database.name, USER)
            .port(shared().port())
            .tls(TlsMode::Disable)
            .password("********")
    }

    pub(crate) async fn browser(&self) -> std::sync::Arc<Browser> {
        let connected = self.wizard.connect(self.request()).await.unwrap();
        self.wizard.browser(connected.handle).unwrap().0
    }
}

fn public(name: &str) -> TableName {
    TableName::new("public", name)
}

pub(crate) fn is_refused(error: &Error) -> bool {
    error.operation() == REFUSED
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_are_listed() {
    let site = Site::open("browse_list", "");
    let browser = site.browser().await;
    assert!(browser.version().starts_with("PostgreSQL"), "{}", browser.version());
    let tables = browser.tables().await.unwrap();
    let listed: Vec<(String, &str)> = tables
        .iter()
        .map(|table| (format!("{}.{}", table.schema_name, table.name), table.kind))
        .collect();
    let expected = [
        ("S 2.shown", "view"),
        ("public.items", "table"),
        ("public.odd \"name\"; drop table items; --", "table"),
        ("public.over_secret", "view"),
        ("public.parts", "partitioned_table"),
        ("public.parts_1", "table"),
        ("public.secret", "table"),
        ("public.stored", "materialized_view"),
    ];
    assert_eq!(listed, expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(tables[1].row_count_estimate, 3);

    let schema = browser.schema(&public("items")).await.unwrap();
    let columns = json!(schema.columns);
    assert_eq!(
        columns[0],
        json!({ "name": "id", "data_type": "integer", "nullable": false })
    );
    assert_eq!(
        columns[2],
        json!({ "name": "price", "data_type": "numeric(10,2)", "nullable": true })
    );
    assert_eq!(schema.sample_values["id"], json!([1, 2, 3]));
    assert_eq!(schema.sample_values["name"], json!(["a'\"", "b; -- %"]));
    let odd = browser
        .schema(&public("odd \"name\"; drop table items; --"))
        .await
        .unwrap();
    assert_eq!(json!(odd.sample_values), json!({ "a\"b": ["x"], "select": [1] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_typed_ordered_filtered_and_mapped() {
    let site = Site::open("browse_rows", "");
    let browser = site.browser().await;
    let rows = browser.read(&public("items"), &TableRead::default(), 2).await.unwrap();
    assert!(rows.truncated);
    assert_eq!(
        json!(rows.rows[1]),
        json!({
            "id": 2, "name": "b; -- %", "price": 1.5, "wide": "12345678901234567890.5", "tags": ["x", null],
            "meta": { "a": [1] }, "at": "2026-01-02T01:04:05.6Z", "raw": "\\xdead", "padded": "ab  ", "ratio": null,
            "big": 9_007_199_254_740_993_i64
        })
    );
    let one = async |column: &str, value: Value| {
        let read = TableRead::default()
            .mappings(vec![("id".to_owned(), "the id".to_owned())])
            .filters(vec![(column.to_owned(), value)]);
        browser
            .read(&public("items"), &read, 10)
            .await
            .map(|rows| json!(rows.rows))
    };
    assert_eq!(one("name", json!("a'\"")).await.unwrap(), json!([{ "the id": 1 }]));
    assert_eq!(one("price", json!("1.5")).await.unwrap(), json!([{ "the id": 2 }]));
    assert_eq!(one("id", json!(3)).await.unwrap(), json!([{ "the id": 3 }]));
    assert_eq!(one("name", json!(null)).await.unwrap(), json!([{ "the id": 3 }]));
    assert_eq!(one("name", json!("' or true --")).await.unwrap(), json!([]));
    assert_eq!(
        one("meta", json!("{\"a\": [1]}")).await.unwrap(),
        json!([{ "the id": 2 }])
    );
    assert_eq!(
        one("id", json!("x")).await.unwrap_err().kind(),
        ErrorKind::SourceRejected
    );
    assert_eq!(one("no", json!("x")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        browser.distinct_values(&public("items"), "name", 10).await.unwrap(),
        ["a'\"", "b; -- %"]
    );
    assert_eq!(
        browser.distinct_values(&public("items"), "id", 2).await.unwrap(),
        ["1", "2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_none_find_nothing_and_do_nothing() {
    let site = Site::open("browse_names", "");
    let browser = site.browser().await;
    for (schema, name) in [
        ("public", "nothing"),
        ("public", "items\" ; drop table items; --"),
        ("public\".\"items", "x"),
        ("public", "items as t; drop table items; --"),
        ("pg_catalog", "pg_authid"),
        ("information_schema", "tables"),
        ("", "items"),
        ("public", "it\0ems"),
        ("public", "counter"),
    ] {
        let name = TableName::new(schema, name);
        let error = browser.read(&name, &TableRead::default(), 1).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::SourceRejected),
            "{name:?}: {error}"
        );
        assert!(browser.schema(&name).await.is_err());
        assert!(browser.distinct_values(&name, "id", 1).await.is_err());
    }
    let twice = TableRead::default().mappings(vec![
        ("id".to_owned(), "x".to_owned()),
        ("name".to_owned(), "x".to_owned()),
    ]);
    let error = browser.read(&public("items"), &twice, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(
        site.database.query_text("select count(*) from items"),
        [[Some("3".to_owned())]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn selects_run_as_they_are() {
    let site = Site::open("browse_selects", "");
    let browser = site.browser().await;
    for (sql, expected) in [
        ("select 1 as a, 2 as a;", json!([{ "a": 1, "a_1": 2 }])),
        (
            "-- why\nselect 'x;y' as a, '100%' as b -- end",
            json!([{ "a": "x;y", "b": "100%" }]),
        ),
        (
            "/* a */ select id from items order by id desc limit 2 /* b */ -- c",
            json!([{ "id": 3 }, { "id": 2 }]),
        ),
        (
            "select id from items order by id desc limit 2",
            json!([{ "id": 3 }, { "id": 2 }]),
        ),
        ("with a as (select 1 as x) select * from a", json!([{ "x": 1 }])),
        ("values (1, 'b')", json!([{ "column1": 1, "column2": "b" }])),
        ("table stored", json!([{ "n": 3 }])),
        (
            "(select 1 as x) union all (select 2) order by 1",
            json!([{ "x": 1 }, { "x": 2 }]),
        ),
        (
            "select name like '%;%' as found from items where id = 2",
            json!([{ "found": true }]),
        ),
        (
            "select array[[1,2],[3,4]] as m, row(1, 'x') as r, 1.10::numeric as n",
            json!([{ "m": [[1, 2], [3, 4]], "r": "(1,x)", "n": 1.1 }]),
        ),
        (
            "select current_setting('transaction_read_only') as ro",
            json!([{ "ro": "on" }]),
        ),
    ] {
        assert_eq!(json!(browser.query(sql, 10).await.unwrap().rows), expected, "{sql}");
    }
    let cut = browser
        .query("select i from generate_series(1, 1000000) as i", 3)
        .await
        .unwrap();
    assert_eq!((cut.rows.len(), cut.truncated), (3, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_in_any_disguise() {
    let site = Site::open("browse_writes", "");
    let browser = site.browser().await;
    let before = site
        .database
        .query_text("select count(*), (select last_value from counter) from items");
    for sql in [
        "insert into items (id) values (9)",
        "/* */ delete from items",
        "with gone as (delete from items returning *) select * from gone",
        "select * from (with gone as (delete from items returning *) select * from gone) as g",
        "select * into copied from items",
        "select writes()",
        "select id, writes() from items",
        "select (select writes())",
        "select nextval('counter')",
        "select set_config('transaction_read_only', 'off', true), writes()",
        "do $$ begin delete from items; end $$",
        "set transaction read write",
        "select 1; delete from items",
        "select 1) as x; delete from items; select * from (select 1",
        "copy items to '/tmp/axis_copied'",
        "copy items to program 'true'",
        "select * from items for update",
        "select lo_export(1, '/tmp/axis_exported')",
        "select pg_read_file('/etc/passwd')",
        "select U&\"pg_re\\0061d_file\"('/etc/passwd')",
        "select pg_terminate_backend(pg_backend_pid())",
        "explain analyze delete from items",
        "call writes()",
        "commit",
        "",
    ] {
        let error = browser.query(sql, 10).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::SourceRejected),
            "{sql}: {error:?}"
        );
        assert!(!error.to_string().contains("plpgsql"), "{error}");
    }
    // Still alive, and as before.
    assert_eq!(
        browser.query("select count(*) as n from items", 1).await.unwrap().rows[0]["n"],
        3
    );
    assert_eq!(
        site.database
            .query_text("select count(*), (select last_value from counter) from items"),
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_reads_tables_but_no_files() {
    let site = Site::open("browse_superuser", "");
    let browser = site.browser().await;
    let rows = browser
        .query("select current_user::text as me, session_user::text as login", 1)
        .await
        .unwrap();
    assert_eq!(json!(rows.rows), json!([{ "me": "pg_read_all_data", "login": USER }]));
    // A function of the server that no list of names knows.
    site.database
        .execute("create function harmless(text) returns text language sql as $$ select pg_read_file($1) $$");
    let error = browser.query("select harmless('PG_VERSION')", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    // Hidden rows are an error, not an answer without them.
    site.database.execute("alter table secret enable row level security");
    let error = browser.query("select * from secret", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_tables_binds_every_call() {
    let site = Site::open("browse_scope", "  tables: [items, S 2.shown, over_secret, parts]\n");
    let browser = site.browser().await;
    let names: Vec<String> = browser
        .tables()
        .await
        .unwrap()
        .into_iter()
        .map(|table| table.name)
        .collect();
    assert_eq!(names, ["shown", "items", "over_secret", "parts"]);
    for error in [
        browser.schema(&public("secret")).await.unwrap_err(),
        browser
            .read(&public("secret"), &TableRead::default(), 1)
            .await
            .unwrap_err(),
        browser.distinct_values(&public("secret"), "word", 1).await.unwrap_err(),
        browser.schema(&public("there_is_none")).await.unwrap_err(),
    ] {
        assert!(is_refused(&error), "{error}");
    }
    for sql in [
        "select * from secret",
        "select * from public.secret",
        "select * from \"secret\"",
        "table secret",
        "select (select word from secret)",
        "with secret as (select * from secret) select * from secret",
        "select 1 where exists (select 1 from secret)",
        "select reads_secret()",
        "select * from parts_1",
        "select * from pg_catalog.pg_stats",
        "select * from information_schema.tables",
        "select n from over_secret union all select length(word) from secret",
        "select 'secret'::regclass, word from secret",
        "select * from stored",
    ] {
        let error = browser.query(sql, 10).await.unwrap_err();
        assert!(is_refused(&error), "{sql}: {error:?}");
        assert!(error.message().contains("`tables`"), "{error}");
    }
    for (sql, rows) in [
        ("select id from items", 3),
        ("select * from \"S 2\".shown", 3),
        ("select * from over_secret", 1),
        ("select * from parts", 10),
        ("with secret as (select 1) select * from secret", 1),
        ("select 'secret' as word from items", 3),
    ] {
        assert_eq!(browser.query(sql, 10).await.unwrap().rows.len(), rows, "{sql}");
    }
}
