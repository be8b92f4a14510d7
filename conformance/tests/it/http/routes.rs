//! Which route an operation is, and how its arguments are written there.

use std::thread;
use std::time::{Duration, Instant};

use axis_conformance::{Call, Reply};
use serde_json::{Value, json};

use super::Job;
use super::answers;
use super::client::{Answer, Client};
use super::questions;

/// Operations that go over routes; `open` and `close` are the start and the end of a server.
pub(crate) const OPERATIONS: &[&str] = &[
    "open",
    "close",
    "version",
    "datasets",
    "status",
    "watermarks",
    "reset_watermarks",
    "sync",
    "sync_all",
    "sync_start",
    "sync_wait",
    "verify",
    "query",
    "query_arrow",
    "queries",
    "cancel_query",
    "page",
    "metadata",
    "ask",
];

/// Operations whose answers HTTP tells in part, and why.
pub(crate) const PARTIAL: &[(&str, &str)] = &[
    (
        "status",
        "the document of all statuses is older than the other surfaces and has fewer members",
    ),
    ("watermarks", "they are a part of the status, as texts by table"),
    ("reset_watermarks", "the answer is a sentence without the number"),
    (
        "sync",
        "a request starts a sync; the status tells how it ended, without tables and row counts",
    ),
    ("sync_all", "as `sync`"),
    ("sync_wait", "as `sync`"),
];

/// The datasets that every engine has, in the order in which other surfaces list them.
const BUILT_IN: [&str; 4] = ["monitoring", "eval", "human_signals", "kpi"];
/// Longer than a sync of a scenario takes.
const DEADLINE: Duration = Duration::from_secs(60);
/// Clients poll: the end of a sync is not told.
const AGAIN: Duration = Duration::from_millis(5);

/// What became of a request: an answer, or the reply that a scenario expects of its failure.
type Outcome<T> = Result<Result<T, Reply>, String>;

/// Gives the reply up early when a request has failed.
macro_rules! take {
    ($outcome:expr) => {
        match $outcome? {
            Ok(value) => value,
            Err(reply) => return Ok(reply),
        }
    };
}

/// Carries out an operation that one request is enough for.
pub(crate) fn ask(client: &Client, call: &Call) -> Result<Reply, String> {
    let name = call.word(1);
    match call.name() {
        "version" => {
            let body = take!(success(client.get("/", &[]))).json()?;
            Ok(Reply::ok(body["version"].clone()))
        }
        "datasets" => {
            let body = take!(statuses(client)).json()?;
            Ok(Reply::ok(names(&body)))
        }
        "status" => status(client, &name),
        "watermarks" => watermarks(client, &name),
        "reset_watermarks" => reset(client, &name),
        "sync" => match start(client, "", &name, &call.json(2))? {
            Ok(job) => wait(client, &job),
            Err(reply) => Ok(reply),
        },
        "sync_all" => sync_all(client, &call.json(1)),
        "verify" => {
            let asked = client.post(&format!("/api/store/verify/{name}"), &parameters(&call.json(2)));
            let body = take!(success(asked)).json()?;
            Ok(Reply::ok(body["report"].clone()))
        }
        "query" => {
            let body = take!(query(client, call, "json")).json()?;
            Ok(answers::rows(&body))
        }
        "query_arrow" => {
            let answer = take!(query(client, call, "arrow"));
            answers::arrow(&answer.body)
        }
        "queries" => {
            let body = take!(success(client.get("/api/query", &[]))).json()?;
            Ok(Reply::ok(body["queries"].clone()))
        }
        "cancel_query" => {
            let body = take!(success(client.delete(&format!("/api/query/{name}")))).json()?;
            Ok(Reply::ok(body["stopped"].clone()))
        }
        "page" => page(client, &name, &call.json(2)),
        "metadata" => {
            let body = take!(success(client.get(&format!("/api/store/metadata/{name}"), &[]))).json()?;
            let metadata = body["metadata"].clone();
            Ok(Reply::ok(if metadata == json!({}) { Value::Null } else { metadata }))
        }
        "ask" => questions::ask(client, &name, &call.json(2)),
        other => Err(format!(
            "`{other}` has neither a route nor a line in the table of what is absent"
        )),
    }
}

fn success(asked: Result<Option<Answer>, String>) -> Outcome<Answer> {
    answers::success(asked?, "AXIS_NOT_FOUND")
}

fn statuses(client: &Client) -> Outcome<Answer> {
    success(client.get("/api/store/status", &[]))
}

/// No route asks about one dataset: a client sees that it is not in the list.
fn unknown() -> Reply {
    Reply::error(json!({ "code": "AXIS_NOT_FOUND" })).partial()
}

fn names(body: &Value) -> Value {
    let told = body["datasets"].as_object().into_iter().flatten();
    let mut names: Vec<&str> = told.filter_map(|(_, status)| status["dataset"].as_str()).collect();
    let place = |name: &str| {
        BUILT_IN
            .iter()
            .position(|known| *known == name)
            .unwrap_or(BUILT_IN.len())
    };
    names.sort_by_key(|name| place(name));
    names.dedup();
    json!(names)
}

fn status(client: &Client, name: &str) -> Result<Reply, String> {
    let body = take!(statuses(client)).json()?;
    let told = answers::dataset(&body, name);
    Ok(told.map_or_else(unknown, |(relation, told)| {
        Reply::ok(answers::status(relation, told)).partial()
    }))
}

fn watermarks(client: &Client, name: &str) -> Result<Reply, String> {
    let body = take!(statuses(client)).json()?;
    let Some((_, told)) = answers::dataset(&body, name) else {
        return Ok(unknown());
    };
    let by_table = told.get("watermarks").and_then(Value::as_object).into_iter().flatten();
    let stored = by_table.filter(|(_, value)| !value.is_null());
    let tables: Vec<Value> = stored.map(|(table, _)| json!({ "table": table })).collect();
    Ok(Reply::ok(json!(tables)).partial())
}

fn reset(client: &Client, name: &str) -> Result<Reply, String> {
    let body = take!(success(
        client.post(&format!("/api/store/sync/{name}/reset-watermark"), &[])
    ))
    .json()?;
    if body["success"] == true {
        return Ok(Reply::ok(Value::Null).partial());
    }
    let error = json!({ "code": "AXIS_INVALID_ARGUMENT", "message": body["message"] });
    Ok(Reply::error(error).partial())
}

/// Tells the server to sync a dataset.
pub(crate) fn start(client: &Client, engine: &str, dataset: &str, options: &Value) -> Outcome<Job> {
    let before = match statuses(client)? {
        Ok(answer) => answer.json()?,
        Err(reply) => return Ok(Err(reply)),
    };
    let answer = match success(client.post(&format!("/api/store/sync/{dataset}"), &mode(options)))? {
        Ok(answer) => answer.json()?,
        Err(reply) => return Ok(Err(reply)),
    };
    Ok(Ok(job(engine, dataset, &before, answer["run_id"].clone())))
}

fn job(engine: &str, dataset: &str, before: &Value, run_id: Value) -> Job {
    let told = answers::dataset(before, dataset);
    Job {
        engine: engine.to_owned(),
        dataset: dataset.to_owned(),
        run_id,
        generation: told.map(|(_, told)| told["generation"].clone()).unwrap_or_default(),
    }
}

/// Polls the status until a sync has ended.
pub(crate) fn wait(client: &Client, job: &Job) -> Result<Reply, String> {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        let body = match statuses(client)? {
            Ok(answer) => answer.json()?,
            // A server that stops cancels what it is doing.
            Err(_) => return Ok(cancelled()),
        };
        let (_, told) = answers::dataset(&body, &job.dataset).ok_or("the dataset is not listed any more")?;
        let error = &told["code"];
        if told["state"] == "syncing" && told["run_id"] == job.run_id {
            thread::sleep(AGAIN);
        } else if told["state"] == "error" {
            return Ok(Reply::error(json!({ "code": error, "message": told["error"] })).partial());
        } else if told["run_id"] == job.run_id {
            return Ok(Reply::ok(answers::report(told, &job.generation)).partial());
        } else {
            // It neither runs nor succeeded nor failed.
            return Ok(cancelled());
        }
    }
    Err(format!("the sync of {} does not end", job.dataset))
}

fn cancelled() -> Reply {
    Reply::error(json!({ "code": "AXIS_CANCELLED" })).partial()
}

fn sync_all(client: &Client, options: &Value) -> Result<Reply, String> {
    let before = take!(statuses(client)).json()?;
    let body = take!(success(client.post("/api/store/sync", &mode(options)))).json()?;
    let mut outcomes = json!({});
    for (dataset, run_id) in body["runs"].as_object().into_iter().flatten() {
        let reply = wait(client, &job("", dataset, &before, run_id.clone()))?;
        let word = if reply.failed { "error" } else { "ok" };
        outcomes[dataset] = json!({ word: reply.value });
    }
    Ok(Reply::ok(outcomes).partial())
}

fn mode(options: &Value) -> Vec<(String, String)> {
    match options["mode"].as_str() {
        Some("auto") | None => Vec::new(),
        Some(mode) => vec![(mode.to_owned(), "true".to_owned())],
    }
}

fn query(client: &Client, call: &Call, format: &str) -> Outcome<Answer> {
    let mut body = json!({ "sql": call.json(1), "params": call.json(2), "format": format });
    let options = call.json(3);
    for (name, value) in options
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "id")
    {
        body[name] = value.clone();
    }
    success(client.send("/api/query", options["id"].as_str(), &body))
}

fn page(client: &Client, name: &str, request: &Value) -> Result<Reply, String> {
    let mut parameters = parameters(request);
    for (parameter, _) in &mut parameters {
        if parameter == "direction" {
            "sort_dir".clone_into(parameter);
        }
    }
    let body = take!(success(client.get(&format!("/api/store/data/{name}"), &parameters))).json()?;
    Ok(Reply::ok(
        json!({ "rows": body["data"], "total": body["total"], "page": body["page"], "page_size": body["page_size"] }),
    ))
}

/// Writes the members of an object into a URL; lists have commas.
pub(super) fn parameters(request: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => elements.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let members = request.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), text(value))).collect()
}
