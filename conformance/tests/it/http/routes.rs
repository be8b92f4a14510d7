//! Which route an operation is, and how its arguments are written there.

use axis_conformance::{Call, Reply};
use serde_json::{Value, json};

use super::answers::{self, Outcome, statuses, success, take};
use super::client::{Answer, Client};
use super::{questions, syncs};

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
    "sync_cancel",
    "cancel_sync",
    "verify",
    "query",
    "query_arrow",
    "query_start",
    "query_wait",
    "queries",
    "cancel_query",
    "page",
    "metadata",
    "ask",
    "runs",
];

/// Operations whose answers HTTP tells in part, and why.
pub(crate) const PARTIAL: &[(&str, &str)] = &[
    ("watermarks", "they are a part of the status, as texts by table"),
    ("reset_watermarks", "the answer is a sentence without the number"),
    (
        "sync",
        "a request starts a sync; the status tells how it ended, without tables and row counts",
    ),
    ("sync_all", "as `sync`"),
    ("sync_wait", "as `sync`"),
];

/// Carries out an operation that one request is enough for.
pub(crate) fn ask(client: &Client, call: &Call) -> Result<Reply, String> {
    let name = call.word(1);
    match call.name() {
        "version" => {
            let body = take!(success(client.get("/", &[]))).json()?;
            Ok(Reply::ok(body["version"].clone()))
        }
        "datasets" => {
            let body = take!(datasets(client)).json()?;
            let names: Vec<&Value> = told(&body).map(|dataset| &dataset["dataset"]).collect();
            Ok(Reply::ok(json!(names)))
        }
        "status" => status(client, &name),
        "watermarks" => watermarks(client, &name),
        "reset_watermarks" => syncs::reset(client, &name),
        "sync" => match syncs::start(client, "", &name, &call.json(2))? {
            Ok(job) => syncs::wait(client, &job),
            Err(reply) => Ok(reply),
        },
        "cancel_sync" => {
            let body = take!(success(client.delete(&format!("/api/store/sync/{name}")))).json()?;
            Ok(Reply::ok(body["cancelled"].clone()))
        }
        "runs" => {
            let limit = vec![("limit".to_owned(), name)];
            let body = take!(success(client.get("/api/store/runs", &limit))).json()?;
            Ok(Reply::ok(body["runs"].clone()))
        }
        "sync_all" => syncs::all(client, &call.json(1)),
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

/// No route asks about one dataset: a client sees that it is not in the list.
fn unknown() -> Reply {
    Reply::error(json!({ "code": "AXIS_NOT_FOUND" })).partial()
}

fn datasets(client: &Client) -> Outcome<Answer> {
    success(client.get("/api/store/datasets", &[]))
}

fn told(body: &Value) -> impl Iterator<Item = &Value> {
    body["datasets"].as_array().into_iter().flatten()
}

fn status(client: &Client, name: &str) -> Result<Reply, String> {
    let body = take!(datasets(client)).json()?;
    let Some(mut status) = told(&body).find(|dataset| dataset["dataset"] == name).cloned() else {
        return Ok(unknown());
    };
    // The count of the rows is a question of its own elsewhere.
    status.as_object_mut().map(|status| status.remove("rows"));
    Ok(Reply::ok(status))
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
