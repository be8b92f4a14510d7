//! What happens, told while it happens.

use std::io::{BufRead as _, BufReader, Lines};
use std::time::Duration;

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use crate::support::{DEADLINE, Project, Server, dataset_yaml};

/// One event as it came over the wire.
#[derive(Debug)]
struct Told {
    id: Option<String>,
    event: String,
    data: Value,
}

/// An open stream of events.
struct Stream {
    lines: Lines<BufReader<ureq::BodyReader<'static>>>,
    headers: ureq::http::HeaderMap,
}

impl Stream {
    fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_recv_body(Some(DEADLINE))
            .build()
            .new_agent();
        let url = format!("http://{}{path}", server.address());
        let request = headers
            .iter()
            .fold(agent.get(url), |request, (name, value)| request.header(*name, *value));
        let (parts, body) = request.call().unwrap().into_parts();
        Self {
            lines: BufReader::new(body.into_reader()).lines(),
            headers: parts.headers,
        }
    }

    /// Reads up to the next event; `None` at the end.
    fn next(&mut self) -> Option<Told> {
        let (mut id, mut event, mut data) = (None, None, None);
        loop {
            let line = self.lines.next()?.unwrap();
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                Some(("id", text)) => id = Some(text.to_owned()),
                Some(("event", text)) => event = Some(text.to_owned()),
                Some(("data", text)) => data = Some(serde_json::from_str(text).unwrap()),
                _ if line.is_empty() => {
                    if let (Some(event), Some(data)) = (event.take(), data.take()) {
                        return Some(Told { id, event, data });
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads up to an event of this name.
    fn until(&mut self, name: &str) -> Told {
        std::iter::from_fn(|| self.next())
            .find(|told| told.event == name)
            .unwrap_or_else(|| panic!("the stream ended before {name}"))
    }

    fn rest(mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).map(|told| told.event).collect()
    }
}

#[test]
fn a_sync_is_told_while_it_happens_and_a_client_resumes_where_it_was() {
    let (project, _source) = Project::demo(20);
    let server = project.server();
    let mut stream = Stream::open(&server, "/api/store/events", &[]);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
    let first = stream.next().unwrap();
    assert_eq!((first.event.as_str(), &first.id), ("readiness", &None));
    assert_eq!(
        first.data,
        json!({ "event": "readiness", "ready": false, "degraded": false })
    );

    let run_id = server.post("/api/store/sync/kpi").json()["run_id"].clone();
    let started = stream.next().unwrap();
    assert_eq!(
        (
            started.event.as_str(),
            &started.data["dataset"],
            &started.data["run_id"]
        ),
        ("started", &json!("kpi"), &run_id)
    );
    assert_eq!(started.data["id"], *started.id.as_ref().unwrap());
    assert!(started.data["at"].is_string());
    let planned = stream.next().unwrap();
    assert_eq!(planned.data["tables"][0][1]["because"], "first_sync");
    let committed = stream.until("committed");
    assert_eq!(
        committed.data["report"]["rows_read"],
        server.json("/api/store/data/kpi")["total"]
    );
    let whole: Vec<String> = {
        let id = started.id.as_deref().unwrap();
        let mut again = Stream::open(&server, "/api/store/events", &[("last-event-id", id)]);
        std::iter::from_fn(|| again.next())
            .map(|told| told.event)
            .take_while(|event| event != "committed")
            .collect()
    };
    assert_eq!(whole.first().map(String::as_str), Some("planned"));
    assert!(whole[1..].iter().all(|event| event == "progress"), "{whole:?}");

    // Three more, and everything that should be there is.
    for dataset in ["monitoring", "eval", "human_signals"] {
        server.post(&format!("/api/store/sync/{dataset}"));
    }
    assert_eq!(stream.until("readiness").data["ready"], true);
    let mut strange = Stream::open(&server, "/api/store/events", &[("last-event-id", "1f-7")]);
    assert_eq!(strange.next().unwrap().event, "lost");
    assert_eq!(strange.next().unwrap().event, "started");
    assert_eq!(server.get("/api/store/events?dataset=nothing").status, 404);

    // The end of the server is the end of its streams, at once.
    drop(server);
    assert!(!stream.rest().contains(&"failed".to_owned()));
}

#[test]
fn a_failure_is_told_with_its_code_and_one_dataset_can_be_watched_alone() {
    let database = TestDatabase::create("events_failed");
    database.execute("create view answer as select i as id from generate_series(1, 5) i");
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    for name in ["one", "two"] {
        let query = format!("select id, '{name}' as name from answer");
        project.config(
            &format!("datasets/{name}.yaml"),
            &dataset_yaml(name, &database.url, &query, ""),
        );
    }
    let server = project.server();
    let mut all = Stream::open(&server, "/api/store/events", &[]);
    let mut two = Stream::open(&server, "/api/store/events?dataset=two", &[]);
    server.sync("one", "one");
    server.sync("two", "two");
    assert_eq!(all.until("committed").data["report"]["dataset"], "one");
    assert_eq!(two.until("committed").data["report"]["dataset"], "two");
    assert_eq!(all.until("readiness").data["ready"], true);

    database.execute("drop view answer");
    server.post("/api/store/sync/two");
    let failed = two.until("failed");
    assert_eq!(failed.data["failure"]["code"], "AXIS_SOURCE_REJECTED", "{failed:?}");
    let readiness = two.until("readiness");
    assert_eq!(
        (&readiness.data["ready"], &readiness.data["degraded"]),
        (&json!(true), &json!(true))
    );

    let runs = server.json("/api/store/runs?dataset=two")["runs"].clone();
    let outcomes: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["failed", "ok"]);
    assert_eq!(
        server.json("/api/store/runs?limit=1")["runs"].as_array().unwrap().len(),
        1
    );
    assert_eq!(server.get("/api/store/runs?limit=0").status, 422);
    assert_eq!(server.get("/api/store/runs?dataset=nothing").status, 404);
    let datasets = server.json("/api/store/datasets");
    let told = datasets["datasets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|dataset| dataset["dataset"] == "two")
        .unwrap();
    assert_eq!(
        (&told["rows"], &told["last_failure"]["code"]),
        (&json!(5), &failed.data["failure"]["code"])
    );
}

#[test]
fn a_running_sync_is_cancelled() {
    let database = TestDatabase::create("events_cancel");
    database.execute(
        "create view answer as select i as id from generate_series(1, 100000) i where pg_sleep(0.01) is not null",
    );
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    project.config(
        "datasets/slow.yaml",
        &dataset_yaml("slow", &database.url, "select * from answer", ""),
    );
    let server = project.server();
    assert_eq!(
        server.request("DELETE", "/api/store/sync/slow", &[]).json()["cancelled"],
        false
    );
    let mut stream = Stream::open(&server, "/api/store/events", &[]);
    server.post("/api/store/sync/slow");
    stream.until("planned");
    assert_eq!(
        server.request("DELETE", "/api/store/sync/slow", &[]).json()["cancelled"],
        true
    );
    assert_eq!(stream.until("failed").data["failure"]["code"], "AXIS_CANCELLED");
    assert_eq!(server.request("DELETE", "/api/store/sync/nothing", &[]).status, 404);
}

#[test]
fn streams_hold_up_neither_requests_nor_the_end() {
    let (project, _source) = Project::demo(5);
    // Fewer requests at once than streams that stay open.
    project.config(
        "server.yaml",
        "server:\n  max_concurrent_requests: 2\n  drain_seconds: 600\n",
    );
    let server = project.server();
    let streams: Vec<_> = (0..8)
        .map(|_| Stream::open(&server, "/api/store/events", &[]))
        .collect();
    assert_eq!(server.get("/api/store/status").status, 200);
    let begun = std::time::Instant::now();
    drop(server);
    assert!(
        begun.elapsed() < Duration::from_secs(300),
        "it has waited for its streams"
    );
    for stream in streams {
        assert_eq!(stream.rest(), ["readiness"]);
    }
}
