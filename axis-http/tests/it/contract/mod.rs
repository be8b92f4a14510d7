//! Requests made from `/openapi.json`: whatever is sent, the answer is one that the document names, well formed, and tells
//! nothing about the machine.

mod document;
mod requests;

use std::collections::BTreeSet;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use self::document::{Operation, operations};
use self::requests::Request;
use crate::support::{Answer, Project, Server};

/// Requests to each operation in `make test`; `AXIS_SOAK` sends more, from a new seed each time.
const REQUESTS: u32 = 24;
const SOAK_REQUESTS: u32 = 600;
/// Statuses that the server gives before a request reaches its operation.
const ANYWHERE: [u16; 4] = [404, 405, 413, 429];
/// A password that must not come out.
const SENTINEL: &str = "s3ntinel-pa55word";

/// A server with data in every relation, and one source that nobody answers at.
fn project() -> Project {
    let (project, source) = Project::demo(60);
    drop(source);
    let url = format!("postgresql://reader:{SENTINEL}@127.0.0.1:1/shop");
    let dataset = format!("orders:\n  enabled: true\n  url: \"{url}\"\n  query: select * from orders\n");
    project.config("datasets/orders.yaml", &dataset);
    project
}

fn filled(project: &Project) -> Server {
    let server = project.server();
    for (dataset, relation) in [
        ("monitoring", "monitoring_data"),
        ("eval", "eval_data"),
        ("kpi", "kpi_data"),
        ("human_signals", "human_signals_raw"),
    ] {
        server.sync(dataset, relation);
    }
    server
}

#[test]
fn nothing_that_is_sent_breaks_the_server() {
    let project = project();
    let server = filled(&project);
    let operations = operations(&server.json("/openapi.json"));
    let soak = std::env::var_os("AXIS_SOAK").is_some();
    let config = Config {
        cases: if soak { SOAK_REQUESTS } else { REQUESTS },
        failure_persistence: None,
        ..Config::default()
    };
    let secrets = [SENTINEL.to_owned(), project.path().display().to_string()];
    let mut failures = Vec::new();
    for operation in &operations {
        let mut runner = if soak {
            TestRunner::new(config.clone())
        } else {
            TestRunner::new_with_rng(config.clone(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        };
        let outcome = runner.run(&requests::to(operation), |request| {
            check(&server, operation, &request, &secrets).map_err(proptest::test_runner::TestCaseError::fail)
        });
        if let Err(error) = outcome {
            failures.push(format!("{} {}: {error}", operation.method, operation.path));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.json("/api/store/metadata/kpi")["success"], true);
}

fn check(server: &Server, operation: &Operation, request: &Request, secrets: &[String]) -> Result<(), String> {
    let answer = send(server, request);
    let fail = |why: &str| Err(format!("{why}: {} {}", answer.status, shortened(&answer.text)));
    if !operation.answers.contains(&answer.status) && !ANYWHERE.contains(&answer.status) {
        return fail("the status is not in the document");
    }
    if answer.status >= 500 && answer.status != 503 && answer.status != 504 && answer.status != 502 {
        return fail("a defect");
    }
    // A backup is the store as it is: that remembers which file of SQLite its rows are from, and no password.
    let known = if operation.path == "/api/store/backup" {
        1
    } else {
        secrets.len()
    };
    if secrets[..known].iter().any(|secret| answer.text.contains(secret)) {
        return fail("something leaks");
    }
    for words in [
        "Binder Error",
        "Catalog Error",
        "Conversion Error",
        "INTERNAL Error",
        "panicked",
        "rusqlite",
        "src/",
    ] {
        if answer.status >= 400 && answer.text.contains(words) && !request.target.contains(words) {
            return fail("the words of a driver");
        }
    }
    if answer.status >= 400 {
        let body: Value = serde_json::from_str(&answer.text)
            .map_err(|error| format!("an error that is no JSON: {error}: {answer:?}"))?;
        match &body["detail"] {
            Value::String(text) if !text.is_empty() => {}
            Value::Array(problems) if answer.status == 422 => {
                let keys = ["type", "loc", "msg", "input"];
                if !problems
                    .iter()
                    .all(|problem| keys.iter().all(|key| !problem[key].is_null() || *key == "input"))
                {
                    return fail("a problem without its parts");
                }
            }
            _ => return fail("an error without `detail`"),
        }
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().take(400).collect()
}

fn send(server: &Server, request: &Request) -> Answer {
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    match &request.body {
        Some((content_type, bytes)) => server.send(&request.method, &request.target, &headers, content_type, bytes),
        None => server.request(&request.method, &request.target, &headers),
    }
}

/// What a route answers does not depend on whether the body is asked for.
#[test]
fn head_answers_like_get() {
    let project = project();
    let server = filled(&project);
    for operation in operations(&server.json("/openapi.json")) {
        if operation.method != "GET" || operation.path.contains('{') {
            continue;
        }
        let get = server.get(&operation.path);
        let head = server.request("HEAD", &operation.path, &[]);
        assert_eq!(
            (head.status, head.text.as_str()),
            (get.status, ""),
            "{}",
            operation.path
        );
    }
}

/// Every state that a relation can be in has its answer, and none is a defect.
#[test]
fn empty_and_missing_relations_are_answered() {
    let project = project();
    let server = project.server();
    let operations = operations(&server.json("/openapi.json"));
    let gets: BTreeSet<String> = operations
        .iter()
        .filter(|operation| operation.method == "GET" && !operation.path.contains('{'))
        .map(|operation| operation.path.clone())
        .collect();
    for path in &gets {
        let answer = server.get(path);
        assert!(
            answer.status < 500 || answer.status == 503,
            "missing: {path}: {answer:?}"
        );
        if path.starts_with("/api/monitoring/analytics/") {
            assert!([404, 422].contains(&answer.status), "missing: {path}: {answer:?}");
        }
    }
}
