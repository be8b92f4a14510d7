//! Queries that go on while other requests are made.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axis_conformance::{Call, Reply};
use serde_json::{Value, json};

use super::answers::success;
use super::client::Client;
use super::routes;

/// Longer than a query takes to begin.
const DEADLINE: Duration = Duration::from_secs(30);
/// Clients poll: the begin of a query is not told.
const AGAIN: Duration = Duration::from_millis(5);

/// A request that a thread waits for.
pub(crate) type Asked = JoinHandle<Result<Reply, String>>;

/// Asks by a thread of its own; returns once the query runs, or has ended.
pub(crate) fn start(client: &Client, call: &Call) -> Result<Asked, String> {
    let id = call.word(0);
    let mut options = call.json(4);
    options["id"] = json!(id);
    let query = Call::from_json(&[json!("query"), json!(call.word(1)), call.json(2), call.json(3), options])?;
    let of_thread = client.clone();
    let asked = thread::spawn(move || routes::ask(&of_thread, &query));
    let deadline = Instant::now() + DEADLINE;
    while !asked.is_finished() && !runs(client, &id)? {
        if Instant::now() > deadline {
            return Err(format!("the query {id} does not begin"));
        }
        thread::sleep(AGAIN);
    }
    Ok(asked)
}

fn runs(client: &Client, id: &str) -> Result<bool, String> {
    // A server that has stopped runs nothing; what became of the query is told when somebody waits.
    let Ok(answer) = success(client.get("/api/query", &[]))? else {
        return Ok(false);
    };
    let body = answer.json()?;
    let mut listed = body["queries"].as_array().into_iter().flatten();
    Ok(listed.any(|query: &Value| query["id"] == id && query["state"] == "running"))
}

/// Waits for what becomes of it.
pub(crate) fn wait(asked: Asked) -> Result<Reply, String> {
    asked.join().map_err(|_| "the thread of the query has panicked")?
}
