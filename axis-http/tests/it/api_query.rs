//! SQL over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};

use crate::support::{Answer, Project, Server, wait_until};

/// Hours of work that yields no row.
const ENDLESS: &str = "select 1 from range(10000000) a, range(10000000) b where a.range + b.range = 3";
const ID: &str = "0c6e5b9e-7c0e-4a3b-8f6d-2f3f6f3b7a10";

fn ask(server: &Server, body: &Value) -> Answer {
    ask_as(server, body, &[])
}

fn ask_as(server: &Server, body: &Value, headers: &[(&str, &str)]) -> Answer {
    server.send(
        "POST",
        "/api/query",
        headers,
        "application/json",
        body.to_string().as_bytes(),
    )
}

/// A connection of our own, to leave it in the middle; the answer is not read yet.
fn open(server: &Server, body: &Value, id: &str) -> TcpStream {
    let body = body.to_string();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /api/query HTTP/1.1\r\nhost: {}\r\nx-query-id: {id}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.address(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

fn running(server: &Server) -> Vec<Value> {
    server.json("/api/query")["queries"].as_array().unwrap().clone()
}

fn wait_until_idle(server: &Server) {
    wait_until("no query runs", || running(server).is_empty().then_some(()));
}

#[test]
fn rows_come_as_json() {
    let (project, _source) = Project::demo(20);
    let server = project.server();
    server.sync("kpi", "kpi_data");
    let answer = ask(
        &server,
        &json!({ "sql": "select kpi_name, count(*) as n, count(*) as n from kpi_data where source_name = ? and id > ? group by 1 order by 1",
                 "params": ["claims-triage", 0] }),
    );
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json"),
        "{answer:?}"
    );
    assert_eq!(answer.header("x-query-id").len(), ID.len());
    let body = answer.json();
    let columns = json!([{ "name": "kpi_name", "type": "VARCHAR" }, { "name": "n", "type": "BIGINT" }, { "name": "n_1", "type": "BIGINT" }]);
    assert_eq!(body["columns"], columns);
    assert_eq!(
        body["rows"][0],
        json!({ "kpi_name": "avg_handle_time", "n": 120, "n_1": 120 })
    );
    assert_eq!((&body["row_count"], &body["truncated"]), (&json!(6), &json!(false)));
    assert!(body["elapsed_ms"].is_u64());

    let named = json!({ "sql": "select $day::date as day, $n + 1 as n, $b as b, $x as x", "params": { "day": "2026-01-31", "n": 1, "b": true, "x": null } });
    assert_eq!(
        ask(&server, &named).json()["rows"],
        json!([{ "day": "2026-01-31", "n": 2, "b": true, "x": null }])
    );
    let empty = ask(&server, &json!({ "sql": "select 1 as a where false" })).json();
    assert_eq!((&empty["rows"], &empty["row_count"]), (&json!([]), &json!(0)));
    let special = ask(
        &server,
        &json!({ "sql": "select 'nan'::double as a, '\"ü\n' as \"b\"\"\", [1, null] as c" }),
    )
    .json();
    assert_eq!(special["rows"], json!([{ "a": null, "b\"": "\"ü\n", "c": [1, null] }]));

    // The default of JSON, a choice, and an answer of many pieces.
    let many = ask(&server, &json!({ "sql": "select * from range(20000)" })).json();
    assert_eq!((&many["row_count"], &many["truncated"]), (&json!(10_000), &json!(true)));
    let rows = many["rows"].as_array().unwrap();
    assert!((0..10_000).zip(rows).all(|(n, row)| *row == json!({ "range": n })));
    let all = ask(
        &server,
        &json!({ "sql": "select * from range(20000)", "max_rows": 20_000 }),
    )
    .json();
    assert_eq!((&all["row_count"], &all["truncated"]), (&json!(20_000), &json!(false)));
    assert!(running(&server).is_empty());
}

#[test]
fn rows_come_as_csv_and_arrow() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    let sql = "select range as n, case when range = 1 then null else 'a,\"' || range end as t from range(5000)";
    let csv = ask(&server, &json!({ "sql": sql, "format": "csv" }));
    assert_eq!(
        (csv.status, csv.header("content-type")),
        (200, "text/csv; charset=utf-8; header=present")
    );
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[1], lines[2], lines[5_000]),
        (5_001, "n,t", "0,\"a,\"\"0\"", "1,", "4999,\"a,\"\"4999\"")
    );
    let nothing = ask(&server, &json!({ "sql": "select 1 as a where false", "format": "csv" }));
    assert_eq!(nothing.text, "a\n");

    let answer = server.bytes(
        "/api/query",
        &json!({ "sql": sql, "format": "arrow", "max_rows": 3000 }),
    );
    let reader = StreamReader::try_new(&answer[..], None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3_000);
}

#[test]
fn what_is_wrong_is_said() {
    let (project, _source) = Project::demo(5);
    project.config(
        "duckdb.yaml",
        "duckdb: {path: data/demo.duckdb, sync_mode: manual, query_max_rows: 5000}\n",
    );
    let server = project.server();
    for (body, status, word) in [
        (
            json!({ "sql": "selec 1" }),
            400,
            "syntax error at or near \\\"selec\\\"",
        ),
        (json!({ "sql": "select * from nothing" }), 400, "nothing does not exist"),
        (json!({ "sql": "select 'a'::int" }), 400, "cannot be converted"),
        (json!({ "sql": "delete from kpi_data" }), 400, "only SELECT is allowed"),
        (json!({ "sql": "select 1; select 2" }), 400, "2 statements"),
        (
            json!({ "sql": "select * from read_csv('/etc/passwd')" }),
            400,
            "`read_csv` is not available",
        ),
        (json!({ "sql": "select * from _axis.runs" }), 400, "not available"),
        (json!({ "sql": "select ?" }), 400, "1 parameters"),
        (json!({ "sql": ENDLESS, "timeout_ms": 50 }), 504, "longer than allowed"),
        (json!({ "sql": " " }), 422, "at least 1 character"),
        (json!({}), 422, "Field required"),
        (json!([]), 422, "object"),
        (json!({ "sql": 1 }), 422, "valid string"),
        (
            json!({ "sql": "select 1", "format": "xml" }),
            422,
            "'json', 'csv' or 'arrow'",
        ),
        (
            json!({ "sql": "select 1", "timeout_ms": 30_001 }),
            422,
            "less than or equal to 30000",
        ),
        (
            json!({ "sql": "select 1", "timeout_ms": 0 }),
            422,
            "greater than or equal to 1",
        ),
        (
            json!({ "sql": "select 1", "max_rows": 5001 }),
            422,
            "less than or equal to 5000",
        ),
        (json!({ "sql": "select 1", "params": "x" }), 422, "valid list"),
        (json!({ "sql": "select ?", "params": [[1]] }), 422, "a number or a text"),
        (
            json!({ "sql": "select 1", "params": vec![1; 1001] }),
            422,
            "at most 1000 values",
        ),
        (
            json!({ "sql": "select 1", "x": "x".repeat(1024 * 1024) }),
            413,
            "at most 1 MB",
        ),
    ] {
        let answer = ask(&server, &body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.text.contains(word), "{body}: {}", answer.text);
    }
    let answer = ask_as(&server, &json!({ "sql": "select 1" }), &[("x-query-id", "mine")]);
    assert_eq!((answer.status, answer.text.contains("no UUID")), (400, true));
    let broken = server.send("POST", "/api/query", &[], "application/json", b"{");
    assert_eq!(broken.status, 422);
    // An error after the first rows: JSON says so instead of ending, other forms break off.
    let later = "select case when range < 4000 then 1 else error('boom') end as a from range(5000)";
    let body = ask(&server, &json!({ "sql": later, "max_rows": 5000 }));
    let json = body.json();
    if body.status == 200 {
        assert_eq!(json["error"]["code"], "AXIS_QUERY");
        assert!(json.get("row_count").is_none() && json.get("truncated").is_none());
    } else {
        assert_eq!(body.status, 400);
    }
    // More rows than may be, and nobody has said that some are enough.
    let sql = "select * from range(6000)";
    assert!(
        server
            .try_bytes("/api/query", &json!({ "sql": sql, "format": "csv" }))
            .is_err()
    );
    assert!(
        server
            .try_bytes("/api/query", &json!({ "sql": sql, "format": "csv", "max_rows": 5000 }))
            .is_ok()
    );
    wait_until_idle(&server);
}

#[test]
fn a_body_that_would_lose_something_is_refused() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    let send = |body: &[u8]| server.send("POST", "/api/query", &[], "application/json", body);
    let refused: [(&[u8], &str); 6] = [
        (
            br#"{"sql": "select ? as n", "params": [18446744073709551616]}"#,
            "`body` has a whole number of more than 64 bits at byte 36; give it as text",
        ),
        (
            br#"{"sql": "select ? as n", "params": [-9223372036854775809]}"#,
            "`body` has a whole number of more than 64 bits at byte 36; give it as text",
        ),
        (
            br#"{"sql": "select 1", "sql": "select 2"}"#,
            "`body` is not JSON: the member `sql` is there twice at line 1 column 25",
        ),
        (
            br#"{"sql": "select $a", "params": {"a": 1, "\u0061": 2}}"#,
            "`body` is not JSON: the member `a` is there twice at line 1 column 48",
        ),
        (
            b"{\"sql\": \"secret\",\n 1}",
            "`body` is not JSON: key must be a string at line 2 column 2",
        ),
        (b"{\"sql\": \"\xff\"}", "`body` is not UTF-8 at byte 9"),
    ];
    for (body, told) in refused {
        let answer = send(body);
        let problem = &answer.json()["detail"][0];
        assert_eq!(
            (answer.status, &answer.json()["code"], &problem["type"], &problem["loc"]),
            (
                422,
                &json!("AXIS_INVALID_ARGUMENT"),
                &json!("json_invalid"),
                &json!(["body"])
            ),
            "{answer:?}"
        );
        assert!(problem["msg"].as_str().unwrap().starts_with(told), "{answer:?}");
        assert!(!answer.text.contains("secret"), "{answer:?}");
    }
    // What fits is bound to its last digit.
    let exact = send(
        br#"{"sql": "select ?::varchar as most, ?::varchar as least", "params": [18446744073709551615, -9223372036854775808]}"#,
    );
    assert_eq!(
        exact.json()["rows"],
        json!([{ "most": "18446744073709551615", "least": "-9223372036854775808" }])
    );
}

#[test]
fn queries_are_listed_cancelled_and_end_with_their_client() {
    let (project, _source) = Project::demo(5);
    project.config(
        "duckdb.yaml",
        "duckdb: {path: data/demo.duckdb, sync_mode: manual, query_concurrency: 1}\n",
    );
    let server = project.server();
    let endless = json!({ "sql": ENDLESS });
    let mut stream = open(&server, &endless, ID);
    let listed = wait_until("the query runs", || {
        running(&server).pop().filter(|query| query["state"] == "running")
    });
    let keys: Vec<&String> = listed.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["id", "since", "elapsed_ms", "client", "statement", "state", "rows"]
    );
    assert_eq!(
        (&listed["id"], &listed["statement"], &listed["rows"]),
        (&json!(ID), &json!("select"), &json!(0))
    );
    assert_eq!(
        ask_as(&server, &json!({ "sql": "select 1" }), &[("x-query-id", ID)]).status,
        400
    );

    let cancelled = server.request("DELETE", &format!("/api/query/{ID}"), &[]);
    assert_eq!(
        (cancelled.status, cancelled.json()),
        (200, json!({ "success": true, "id": ID, "stopped": true }))
    );
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    for id in [ID, "nothing", "%FF"] {
        assert_eq!(
            server.request("DELETE", &format!("/api/query/{id}"), &[]).status,
            404,
            "{id}"
        );
    }
    // The only slot is free again.
    assert_eq!(
        ask(&server, &json!({ "sql": "select 1 as a" })).json()["rows"],
        json!([{ "a": 1 }])
    );

    // Whoever goes away stops the query: before the first row, and in the middle of an answer that nobody reads.
    let stream = open(&server, &endless, ID);
    wait_until("the query runs", || running(&server).pop());
    drop(stream);
    wait_until_idle(&server);
    let rows = json!({ "sql": "select repeat('x', 1000) as a from range(1000000)", "max_rows": 1_000_000 });
    let mut stream = open(&server, &rows, ID);
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    wait_until("rows were sent", || {
        running(&server).pop().filter(|query| query["rows"].as_u64() > Some(0))
    });
    drop(stream);
    wait_until_idle(&server);
    assert_eq!(ask(&server, &json!({ "sql": "select 1 as a" })).status, 200);
}

#[test]
fn a_query_is_cancelled_by_whoever_asked_or_by_an_admin() {
    let (project, _source) = Project::demo(5);
    project.config(
        "server.yaml",
        "server:
  api_keys:
    - {name: ada, key: adas-key-of-the-test, role: read}
    - {name: bob, key: bobs-key-of-the-test, role: sync}
    - {name: root, key: roots-key-of-the-test, role: admin}
",
    );
    let server = project.server();
    let path = format!("/api/query/{ID}");
    for canceller in ["adas-key-of-the-test", "roots-key-of-the-test"] {
        let body = json!({ "sql": ENDLESS }).to_string();
        let headers = [("x-api-key", "adas-key-of-the-test"), ("x-query-id", ID)];
        std::thread::scope(|scope| {
            let asked =
                scope.spawn(|| server.send("POST", "/api/query", &headers, "application/json", body.as_bytes()));
            let runs = || {
                server
                    .request("GET", "/api/query", &[("x-api-key", "bobs-key-of-the-test")])
                    .json()
            };
            let listed = wait_until("the query runs", || runs()["queries"].get(0).cloned());
            assert_eq!(listed["client"], "ada");
            let strange = server.request("DELETE", &path, &[("x-api-key", "bobs-key-of-the-test")]);
            assert_eq!(strange.status, 403, "{strange:?}");
            let cancelled = server.request("DELETE", &path, &[("x-api-key", canceller)]);
            assert_eq!(cancelled.status, 200, "{cancelled:?}");
            assert_eq!(asked.join().unwrap().status, 503);
        });
    }
    assert_eq!(server.request("GET", "/api/query", &[]).status, 401);
}
