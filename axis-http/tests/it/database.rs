//! The database wizard over HTTP, against a real PostgreSQL.

use axis_testkit::postgres::{PASSWORD, TestDatabase, USER, shared};
use serde_json::{Value, json};

use crate::support::{Answer, Project, Server};

const SOURCE: &str = "
create table scores (id text, metric text, score numeric(6,4), input text);
insert into scores values ('a', 'tone', 0.5, 'q; 100%'), ('a', 'tone', 0.7, 'again'), ('a', 'style', 1, 'q'), (null, 'tone', 0, 'n'),
    (null, 'tone', 0, 'n');
create table traces (trace text, model text);
insert into traces values ('t', 'm'), ('t', 'm');
create table secret (word text);
create table many as select i as n from generate_series(1, 1200) as i;
";

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) project: Project,
}

impl Site {
    pub(crate) fn new(prefix: &str, more: &str) -> Self {
        let database = TestDatabase::create(prefix);
        database.execute(SOURCE);
        let project = Project::new();
        let connection = format!(
            "  enabled: true\n  host: 127.0.0.1\n  port: {}\n  database: {}\n  username: {USER}\n  password: {PASSWORD}\n",
            shared().port(),
            database.name
        );
        project.config("eval_db.yaml", &format!("eval_db:\n{connection}{more}"));
        project.config(
            "duckdb.yaml",
            "duckdb:\n  path: data/store.duckdb\n  sync_mode: manual\n",
        );
        Self { database, project }
    }

    pub(crate) fn connection(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": shared().port(), "database": self.database.name, "username": USER,
            "password": "********", "ssl_mode": "disable",
        })
    }

    pub(crate) fn connect(&self, server: &Server) -> String {
        let answer = post(server, "/api/database/connect", &self.connection());
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!(body["success"], true);
        assert!(body["version"].as_str().unwrap().starts_with("PostgreSQL"));
        assert!(!answer.text.contains(PASSWORD));
        format!("/api/database/{}", body["handle"].as_str().unwrap())
    }
}

pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.send("POST", path, &[], "application/json", body.to_string().as_bytes())
}

pub(crate) fn with(value: &Value, key: &str, member: Value) -> Value {
    let mut value = value.clone();
    value[key] = member;
    value
}

#[test]
fn a_server_is_looked_into_and_left() {
    let site = Site::new("wizard_look", "");
    let server = site.project.server();
    let path = site.connect(&server);
    assert_eq!(
        server.json("/api/database/stats"),
        json!({ "active_handles": 1, "max_handles": 100 })
    );
    let tables = server.json(&format!("{path}/tables"));
    assert_eq!(
        tables["tables"][1],
        json!({ "schema_name": "public", "name": "scores", "row_count_estimate": 0, "kind": "table" })
    );
    let schema = server.json(&format!("{path}/schema?table=scores"));
    assert_eq!(
        schema["columns"][2],
        json!({ "name": "score", "data_type": "numeric(6,4)", "nullable": true })
    );
    assert_eq!(schema["sample_values"]["metric"], json!(["tone", "style"]));
    let table = json!({ "schema_name": "public", "name": "scores" });
    let values = post(
        &server,
        &format!("{path}/distinct-values"),
        &json!({ "table": table, "column": "metric" }),
    );
    assert_eq!(values.json(), json!({ "success": true, "values": ["style", "tone"] }));
    let preview = post(
        &server,
        &format!("{path}/preview"),
        &json!({
            "table": table, "limit": 1, "mappings": [{ "source": "score", "target": "metric_score" }],
            "filters": [{ "column": "input", "value": "q; 100%" }],
        }),
    );
    let expected = json!({
        "success": true, "data": [{ "metric_score": 0.5 }], "row_count": 1, "columns": ["metric_score"], "truncated": false
    });
    assert_eq!(preview.json(), expected);
    let query = post(
        &server,
        &format!("{path}/query"),
        &json!({ "query": "-- all\nselect count(*) as n, ';%' as t from scores limit 1; -- end" }),
    );
    assert_eq!(query.json()["data"], json!([{ "n": 5, "t": ";%" }]));
    assert_eq!(
        post(
            &server,
            &format!("{path}/query"),
            &json!({ "query": "select * from many", "limit": 100 })
        )
        .json()["row_count"],
        100
    );

    let closed = server.request("DELETE", &path, &[]);
    assert_eq!((closed.status, closed.json()["success"].clone()), (200, json!(true)));
    let again = server.request("DELETE", &path, &[]);
    assert_eq!((again.status, again.json()["success"].clone()), (200, json!(false)));
    assert_eq!(server.json("/api/database/stats")["active_handles"], 0);
}

#[test]
fn an_unknown_handle_is_401_everywhere() {
    let site = Site::new("wizard_handle", "");
    let server = site.project.server();
    let table = json!({ "schema_name": "public", "name": "scores" });
    for handle in ["00000000-0000-4000-8000-000000000000", "none", "%27%3B--"] {
        let path = format!("/api/database/{handle}");
        let answers = [
            server.get(&format!("{path}/tables")),
            server.get(&format!("{path}/schema?table=scores")),
            post(
                &server,
                &format!("{path}/distinct-values"),
                &json!({ "table": table, "column": "id" }),
            ),
            post(&server, &format!("{path}/preview"), &json!({ "table": table })),
            post(&server, &format!("{path}/query"), &json!({ "query": "select 1" })),
            post(
                &server,
                &format!("{path}/query-import"),
                &json!({ "handle": handle, "query": "select 1" }),
            ),
            post(
                &server,
                &format!("{path}/import"),
                &json!({ "handle": handle, "table": table }),
            ),
        ];
        for answer in answers {
            assert_eq!(answer.status, 401, "{answer:?}");
        }
    }
}

#[test]
fn imports_are_named_recognised_and_without_repetitions() {
    let site = Site::new("wizard_import", "  row_limit: 4\n  columns: {input: query_text}\n");
    let server = site.project.server();
    let path = site.connect(&server);
    let handle = path.rsplit('/').next().unwrap();
    let body = json!({ "handle": handle, "query": "select * from scores", "limit": 100 });
    let answer = post(&server, &format!("{path}/query-import"), &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    // Of the five rows one repeats id and metric; rows without an id repeat nothing.
    assert_eq!(
        (&answer["row_count"], &answer["duplicates"]),
        (&json!(4), &json!(1)),
        "{answer}"
    );
    assert_eq!(answer["format"], "tree_format");
    assert_eq!(answer["data"][0]["dataset_id"], "a");
    assert_eq!(answer["data"][0]["metric_score"], 0.5);
    assert_eq!(answer["data"][0]["query_text"], "q; 100%");
    assert_eq!(answer["preview"].as_array().unwrap().len(), 4);
    let all = post(
        &server,
        &format!("{path}/query-import"),
        &with(&body, "dedupe_on_id", json!(false)),
    )
    .json();
    assert_eq!((&all["row_count"], &all["truncated"]), (&json!(5), &json!(false)));
    // Without a limit the configured one counts.
    let cut = post(
        &server,
        &format!("{path}/query-import"),
        &json!({ "query": "select * from many" }),
    )
    .json();
    assert_eq!((&cut["row_count"], &cut["truncated"]), (&json!(4), &json!(true)));
    assert_eq!(cut["format"], "database_import");
    assert!(cut["message"].as_str().unwrap().contains("warning"), "{cut}");

    let table = json!({ "schema_name": "public", "name": "scores" });
    let mapped = post(
        &server,
        &format!("{path}/import"),
        &json!({
            "handle": handle, "table": table, "limit": 10_000,
            "mappings": [{ "source": "id", "target": "dataset_id" }, { "source": "metric", "target": "judgment" }],
            "filters": [{ "column": "metric", "value": "style" }],
        }),
    )
    .json();
    assert_eq!(mapped["format"], "simple_judgment", "{mapped}");
    assert_eq!(
        mapped["data"],
        json!([{ "dataset_id": "a", "judgment": "style", "critique": "" }])
    );
    let none = post(
        &server,
        &format!("{path}/query-import"),
        &json!({ "query": "select * from scores where false" }),
    )
    .json();
    assert_eq!(
        (&none["success"], &none["data"], &none["columns"]),
        (&json!(true), &json!([]), &json!([]))
    );
    let other = with(&body, "handle", json!("00000000-0000-4000-8000-000000000000"));
    assert_eq!(post(&server, &format!("{path}/query-import"), &other).status, 400);
}

#[test]
fn the_selected_store_gives_the_names() {
    let site = Site::new("wizard_store", "");
    let connection = format!(
        "  enabled: true\n  url: \"{}\"\n  columns: {{trace: dataset_id}}\n  tables: [traces]\n  filters: [{{column: model}}]\n",
        site.database.url
    );
    site.project
        .config("monitoring_db.yaml", &format!("monitoring_db:\n{connection}"));
    let server = site.project.server();
    let defaults = server.json("/api/database/defaults?store=monitoring");
    let expected = json!({
        "url": null, "host": "127.0.0.1", "port": shared().port(), "database": site.database.name, "username": USER,
        "has_password": true, "ssl_mode": "prefer", "table": null, "has_defaults": true, "tables": ["traces"],
        "filters": [{ "column": "model", "label": "model" }], "column_rename_map": { "trace": "dataset_id" }, "query": null,
        "query_timeout": 60, "row_limit": 10_000,
    });
    assert_eq!(defaults, expected);
    let nothing = server.json("/api/database/defaults?store=human_signals");
    assert_eq!(
        (&nothing["has_defaults"], &nothing["host"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(server.get("/api/database/defaults?store=kpi").status, 400);
    assert_eq!(
        post(&server, "/api/database/connect?store=x", &site.connection()).status,
        400
    );

    let answer = post(&server, "/api/database/connect?store=monitoring", &site.connection()).json();
    let path = format!("/api/database/{}", answer["handle"].as_str().unwrap());
    let table = json!({ "schema_name": "public", "name": "traces" });
    let traces = post(&server, &format!("{path}/import"), &json!({ "table": table })).json();
    assert_eq!(traces["format"], "monitoring", "{traces}");
    assert_eq!(
        (&traces["row_count"], &traces["data"][0]["model_name"]),
        (&json!(1), &json!("m"))
    );
    // The list of tables holds, also for the other store of that database.
    for path in [path, site.connect(&server)] {
        let listed = server.json(&format!("{path}/tables"))["tables"].clone();
        assert_eq!(listed.as_array().unwrap().len(), 1);
        let secret = json!({ "table": { "schema_name": "public", "name": "secret" } });
        let refused = post(&server, &format!("{path}/preview"), &secret);
        assert_eq!(refused.status, 403, "{refused:?}");
        let refused = post(
            &server,
            &format!("{path}/query"),
            &json!({ "query": "select * from secret" }),
        );
        assert_eq!(refused.status, 403, "{refused:?}");
        assert_eq!(server.get(&format!("{path}/schema?table=secret")).status, 403);
    }
}

#[test]
fn wrong_requests_say_what_is_wrong() {
    let site = Site::new("wizard_wrong", "");
    let server = site.project.server();
    let given = site.connection();
    let refused = |member: &str, value: Value, kind: &str| {
        let answer = post(&server, "/api/database/connect", &with(&given, member, value));
        assert_eq!(answer.status, 422, "{member}: {answer:?}");
        let problem = &answer.json()["detail"][0];
        assert_eq!(
            (&problem["loc"], problem["type"].as_str()),
            (&json!(["body", member]), Some(kind))
        );
        assert!(!answer.text.contains("s3ntinel"), "{answer:?}");
    };
    refused("host", json!("  "), "string_too_short");
    refused("host", Value::Null, "missing");
    refused("port", json!(0), "greater_than_equal");
    refused("port", json!(65_536), "less_than_equal");
    refused("password", json!(["s3ntinel"]), "string_type");
    refused("ssl_mode", json!("s3ntinel"), "literal_error");
    refused("db_type", json!("mysql"), "literal_error");
    refused("database", json!("a\nb"), "value_error");
    assert_eq!(
        server
            .send("POST", "/api/database/connect", &[], "application/json", b"{")
            .status,
        422
    );
    assert_eq!(server.post("/api/database/connect").status, 422);

    let path = site.connect(&server);
    let table = json!({ "schema_name": "public", "name": "scores" });
    assert_eq!(server.get(&format!("{path}/schema")).status, 422);
    for (route, body) in [
        ("query", json!({ "query": "select 1", "limit": 101 })),
        ("query", json!({ "query": "select 1", "limit": 0 })),
        ("query", json!({ "query": " " })),
        ("query-import", json!({ "query": "select 1", "limit": 50_001 })),
        ("import", json!({ "table": table, "limit": 10_001 })),
        ("import", json!({ "table": {} })),
        ("preview", json!({ "table": table, "limit": 1_001 })),
        ("preview", json!({ "table": table, "filters": [{ "value": 1 }] })),
        (
            "preview",
            json!({ "table": table, "filters": [{ "column": "id", "value": [1] }] }),
        ),
        (
            "preview",
            json!({ "table": table, "mappings": [{ "source": "id", "target": "x".repeat(64) }] }),
        ),
        (
            "distinct-values",
            json!({ "table": table, "column": "id", "limit": -1 }),
        ),
    ] {
        let answer = post(&server, &format!("{path}/{route}"), &body);
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert_eq!(answer.json()["detail"][0]["loc"][0], "body");
    }
    for (route, body, status) in [
        (
            "preview",
            json!({ "table": { "schema_name": "public", "name": "no\"; drop table scores; --" } }),
            404,
        ),
        (
            "preview",
            json!({ "table": { "schema_name": "pg_catalog", "name": "pg_authid" } }),
            404,
        ),
        (
            "preview",
            json!({ "table": table, "filters": [{ "column": "no", "value": 1 }] }),
            404,
        ),
        ("query", json!({ "query": "select * from nothing" }), 400),
        ("query", json!({ "query": "delete from scores" }), 400),
        ("query", json!({ "query": "select 1; select 2" }), 400),
        (
            "query",
            json!({ "query": "with x as (delete from scores returning 1) select * from x" }),
            400,
        ),
        ("query", json!({ "query": "select pg_read_file('/etc/passwd')" }), 400),
        ("query", json!({ "query": "select 'not a number'::integer" }), 400),
    ] {
        let answer = post(&server, &format!("{path}/{route}"), &body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(
            !answer.text.contains("ERROR") && !answer.text.contains("not a number"),
            "{answer:?}"
        );
    }
    let count = site.database.query_text("select count(*) from scores");
    assert_eq!(count, [[Some("5".to_owned())]]);
}
