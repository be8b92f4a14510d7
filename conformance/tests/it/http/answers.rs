//! What HTTP answers, in the form that all surfaces share.

use axis_conformance::Reply;
use axis_core::arrow::ipc::reader::StreamReader;
use serde_json::{Map, Value, json};

use super::client::{Answer, Asked, Client};

/// What became of a request: an answer, or the reply that a scenario expects of its failure.
pub(crate) type Outcome<T> = Result<Result<T, Reply>, String>;

/// Gives the reply up early when a request has failed.
macro_rules! take {
    ($outcome:expr) => {
        match $outcome? {
            Ok(value) => value,
            Err(reply) => return Ok(reply),
        }
    };
}

pub(crate) use take;

/// Takes an answer that succeeded; otherwise the error that it is, where `not_found` is the code of a 404 that has none. A server
/// that has stopped is a closed engine.
pub(crate) fn judged(asked: Asked, not_found: &str) -> Outcome<Answer> {
    let Some(answer) = asked else {
        return Ok(Err(Reply::error(json!({ "code": "AXIS_CLOSED" })).partial()));
    };
    if answer.status == 200 {
        return Ok(Ok(answer));
    }
    Ok(Err(error(&answer.json()?, answer.status, not_found)))
}

/// Takes an answer that succeeded, of a route on which a 404 means that there is no such thing.
pub(crate) fn success(asked: Result<Option<Answer>, String>) -> Outcome<Answer> {
    judged(asked?, "AXIS_NOT_FOUND")
}

/// Asks for the status of every dataset.
pub(crate) fn statuses(client: &Client) -> Outcome<Answer> {
    success(client.get("/api/store/status", &[]))
}

/// Reads `{detail, code}`. Wrong parameters and what is not there have no code of ours: their status says it.
fn error(body: &Value, status: u16, not_found: &str) -> Reply {
    let value = match (&body["code"], status) {
        (Value::String(code), _) => json!({ "code": code, "message": body["detail"] }),
        (_, 400 | 422) => json!({ "code": "AXIS_INVALID_ARGUMENT" }),
        (_, 404) => json!({ "code": not_found }),
        _ => json!({ "code": format!("status {status}"), "message": body["detail"] }),
    };
    Reply::error(value).partial()
}

/// Reads the answer of a query in JSON; one that ends early says why in the place of its end.
pub(crate) fn rows(body: &Value) -> Reply {
    match body.get("error") {
        Some(failed) => error(failed, 200, "AXIS_NOT_FOUND"),
        None => Reply::ok(json!({ "columns": body["columns"], "rows": body["rows"] })),
    }
}

/// Counts the rows of an answer in Arrow's stream format.
pub(crate) fn arrow(body: &[u8]) -> Result<Reply, String> {
    let reader = StreamReader::try_new(body, None).map_err(|error| error.to_string())?;
    let columns: Vec<String> = reader
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut rows = 0;
    for batch in reader {
        rows += batch.map_err(|error| error.to_string())?.num_rows();
    }
    Ok(Reply::ok(json!({ "rows": rows, "columns": columns })))
}

/// Finds a dataset in `/api/store/status`.
pub(crate) fn dataset<'a>(body: &'a Value, name: &str) -> Option<(&'a String, &'a Map<String, Value>)> {
    let mut relations = body["datasets"].as_object()?.iter();
    let found = relations.find(|(relation, status)| status["dataset"] == name && *relation != "human_signals_cases")?;
    Some((found.0, found.1.as_object()?))
}

/// Says what the status tells of a sync that has ended.
pub(crate) fn report(told: &Map<String, Value>, generation_before: &Value) -> Value {
    json!({
        "run_id": told["run_id"], "dataset": told["dataset"], "strategy": { "type": told["sync_type"] },
        "changed": told["generation"] != *generation_before, "generation": told["generation"], "truncated": told["truncated"],
    })
}
