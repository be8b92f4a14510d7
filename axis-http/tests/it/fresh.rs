//! Answers of unchanged data: tags, 304, kept bodies; and never an old one.

use serde_json::Value;

use crate::support::{Answer, Project, Server};

const PATH: &str = "/api/store/data/monitoring?page_size=5&page=2";

fn counted(server: &Server, name: &str) -> u64 {
    let metrics = server.get("/metrics").text;
    let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn revalidated(server: &Server, path: &str, etag: &str) -> Answer {
    server.request("GET", path, &[("if-none-match", etag)])
}

#[test]
fn unchanged_data_is_not_sent_or_computed_again() {
    let (project, source) = Project::demo(40);
    let server = project.server();
    let never = server.get(PATH);
    assert_eq!(
        (never.status, never.header("etag"), never.header("cache-control")),
        (200, "", "no-store")
    );
    server.sync("monitoring", "monitoring_data");

    let first = server.get(PATH);
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with("W/\"") && etag.ends_with('"'), "{etag}");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    let hits = counted(&server, "axis_http_cache_hits_total");
    let second = server.get("/api/store/data/monitoring?page=2&page_size=5");
    assert_eq!((&second.text, second.header("etag")), (&first.text, etag.as_str()));
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(counted(&server, "axis_http_cache_hits_total"), hits + 1);
    assert_ne!(second.header("x-request-id"), first.header("x-request-id"));

    for tags in [etag.clone(), format!("\"x\", {etag}"), "*".to_owned()] {
        let same = revalidated(&server, PATH, &tags);
        assert_eq!(
            (same.status, same.text.as_str(), same.header("etag")),
            (304, "", etag.as_str())
        );
        assert_eq!(same.header("cache-control"), "private, no-cache");
    }
    let head = server.request("HEAD", PATH, &[]);
    assert_eq!(
        (head.status, head.text.as_str(), head.header("etag")),
        (200, "", etag.as_str())
    );
    assert_eq!(revalidated(&server, PATH, "\"x\"").status, 200);
    // The tag of one request says nothing about another.
    assert_eq!(
        revalidated(&server, "/api/store/data/monitoring?page=1&page_size=5", &etag).status,
        200
    );
    assert_eq!(
        revalidated(&server, "/api/store/data/monitoring?page=0", &etag).status,
        422
    );
    assert_eq!(revalidated(&server, "/api/store/status", &etag).status, 200);

    let misses = counted(&server, "axis_http_cache_misses_total");
    let asked = server.request("GET", PATH, &[("cache-control", "no-cache"), ("if-none-match", &etag)]);
    assert_eq!((asked.status, &asked.text), (200, &first.text));
    assert_eq!(counted(&server, "axis_http_cache_misses_total"), misses + 1);

    // A sync that brings nothing changes nothing; one that brings rows changes the tag.
    server.sync("monitoring", "monitoring_data");
    assert_eq!(revalidated(&server, PATH, &etag).status, 304);
    source.append(5, chrono::Utc::now().timestamp_micros()).unwrap();
    server.sync("monitoring", "monitoring_data");
    let changed = revalidated(&server, PATH, &etag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), etag);
    assert_ne!(changed.json()["total"], first.json()["total"]);
}

#[test]
fn analytics_are_tagged_and_forget_when_a_file_of_theirs_changes() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    for (dataset, relation) in [
        ("monitoring", "monitoring_data"),
        ("kpi", "kpi_data"),
        ("human_signals", "human_signals_raw"),
    ] {
        server.sync(dataset, relation);
    }
    let tag = |path: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let etag = answer.header("etag").to_owned();
        assert_ne!(etag, "", "{path}");
        assert_eq!(revalidated(&server, path, &etag).status, 304, "{path}");
        etag
    };
    for path in [
        "/api/monitoring/analytics/summary",
        "/api/monitoring/analytics/trends?granularity=weekly",
        "/api/kpi/categories",
        "/api/kpi/trends",
        "/api/kpi/filters",
        "/api/store/metadata/human_signals",
    ] {
        tag(path);
    }
    let shown = ["/api/human-signals/cases", "/api/human-signals/metric-schema"];
    let before = shown.map(tag);
    project.config("signals_metrics.yaml", "signals_metrics:\n  kpi_strip: []\n");
    let after = shown.map(tag);
    assert!(before[0] != after[0] && before[1] != after[1]);
    assert_eq!(
        server.json(shown[1])["display_config"]["kpi_strip"],
        serde_json::json!([])
    );
}

#[test]
fn no_answer_is_older_than_the_status() {
    let (project, source) = Project::demo(20);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    let total = |answer: &Answer| answer.json()["total"].as_u64().unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut known, mut etag, mut changes) = (0, String::new(), 0);
            loop {
                let generation = server.status("monitoring_data")["generation"].as_u64().unwrap();
                let rows = server.status("monitoring_data")["rows"].as_u64().unwrap();
                let answer = revalidated(&server, PATH, &etag);
                if answer.status == 200 {
                    let now = total(&answer);
                    assert!(now >= rows && now >= known, "{now} rows after {rows} and {known}");
                    changes += u32::from(now > known);
                    known = now;
                    etag = answer.header("etag").to_owned();
                } else {
                    assert_eq!(answer.status, 304);
                    assert!(known >= rows, "{known} rows were confirmed, and there were {rows}");
                }
                if generation > 8 {
                    return changes;
                }
            }
        });
        for _ in 0..8 {
            source.append(2, chrono::Utc::now().timestamp_micros()).unwrap();
            server.sync("monitoring", "monitoring_data");
        }
        assert!(asking.join().unwrap() > 1);
    });
}

#[test]
fn tags_outlive_the_process_and_not_a_restored_copy() {
    let (project, source) = Project::demo(20);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    let etag = server.get(PATH).header("etag").to_owned();
    drop(server);
    let store = project.path().join("data");
    let files = || std::fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
    let file = files()
        .find(|path| path.extension().is_some_and(|end| end == "duckdb"))
        .unwrap();
    let copy = project.path().join("copy");
    std::fs::copy(&file, &copy).unwrap();

    let next = |server: &Server| -> (Value, String) {
        source.append(1, chrono::Utc::now().timestamp_micros()).unwrap();
        let generation = server.sync("monitoring", "monitoring_data")["generation"].clone();
        (generation, server.get(PATH).header("etag").to_owned())
    };
    let server = project.server();
    assert_eq!(revalidated(&server, PATH, &etag).status, 304);
    let original = next(&server);
    drop(server);

    std::fs::copy(&copy, &file).unwrap();
    let server = project.server();
    assert_eq!(revalidated(&server, PATH, &etag).status, 304);
    let restored = next(&server);
    assert_eq!(restored.0, original.0, "the generation has the same number");
    assert_ne!(restored.1, original.1, "and other rows");
}

#[test]
fn one_name_in_two_spellings_is_one_name() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    let first = server.get("/api/store/data/monitoring?page_size=5&page_siz%65=3");
    let second = server.get("/api/store/data/monitoring?page_siz%65=3&page_size=5");
    assert_eq!(
        (&first.json()["page_size"], &second.json()["page_size"]),
        (&3.into(), &5.into())
    );
    assert_ne!(first.header("etag"), second.header("etag"));
}
