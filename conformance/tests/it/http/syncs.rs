//! Syncs: a request starts one, and the status tells how it has ended.

use std::thread;
use std::time::{Duration, Instant};

use axis_conformance::Reply;
use serde_json::{Value, json};

use super::Job;
use super::answers::{self, Outcome, statuses, success, take};
use super::client::Client;

/// Longer than a sync of a scenario takes.
const DEADLINE: Duration = Duration::from_secs(60);
/// Clients poll: the end of a sync is not told.
const AGAIN: Duration = Duration::from_millis(5);

pub(super) fn reset(client: &Client, name: &str) -> Result<Reply, String> {
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

pub(super) fn all(client: &Client, options: &Value) -> Result<Reply, String> {
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
