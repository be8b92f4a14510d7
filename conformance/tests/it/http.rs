//! The driver over HTTP: a server on the loopback interface for each engine, and a client that knows only its routes.
//!
//! What a route does not have is in [`absent`]: it is carried out on the engine behind the server, so that the rest of the
//! scenario means the same.

pub(crate) mod absent;
mod answers;
mod client;
mod queries;
mod questions;
pub(crate) mod routes;
mod syncs;

use std::collections::BTreeMap;

use axis_conformance::{Call, Driver, Reply};
use axis_core::{CancellationToken, wire};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::rust::Rust;
use client::Client;

/// Servers by the names that scenarios give their engines.
#[derive(Default)]
pub(crate) struct Http {
    behind: Rust,
    servers: BTreeMap<String, Server>,
    jobs: BTreeMap<String, Job>,
    queries: BTreeMap<String, queries::Asked>,
}

struct Server {
    client: Client,
    shutdown: CancellationToken,
    /// None once it has stopped.
    task: Option<JoinHandle<axis_core::Result<()>>>,
}

/// A sync that a server was told to start.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) engine: String,
    pub(crate) dataset: String,
    pub(crate) run_id: Value,
    /// The generation before it.
    pub(crate) generation: Value,
}

impl Driver for Http {
    fn call(&mut self, call: &Call) -> Result<Reply, String> {
        match call.name() {
            "open" => return self.open(call),
            "close" => return self.close(call),
            "sync_cancel" => return self.cancel(call),
            // The wait for a sync that a table's line has started behind the server.
            "sync_wait" if !self.jobs.contains_key(&call.word(0)) => return self.behind.call(call),
            _ if absent::reason(call).is_some() => return self.behind.call(call),
            _ => {}
        }
        let reply = self.ask(call)?;
        if reply.partial && !reply.failed && !routes::PARTIAL.iter().any(|(name, _)| *name == call.name()) {
            return Err(format!(
                "`{}` is not listed among the answers that are told in part",
                call.name()
            ));
        }
        Ok(reply)
    }

    fn finish(&mut self) -> Result<(), String> {
        let names: Vec<String> = self.servers.keys().cloned().collect();
        names.iter().try_for_each(|name| self.stop(name))
    }
}

impl Http {
    fn open(&mut self, call: &Call) -> Result<Reply, String> {
        let reply = self.behind.call(call)?;
        if reply.failed {
            return Ok(reply);
        }
        let name = call.word(0);
        let engine = self
            .behind
            .scene
            .engine(&name)
            .map_err(|error| error.to_string())?
            .clone();
        let bound = self
            .behind
            .runtime
            .block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)));
        let listener = bound.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let shutdown = CancellationToken::new();
        let serving = axis_http::serve(engine, listener, shutdown.clone());
        let server = Server {
            client: Client::new(address),
            shutdown,
            task: Some(self.behind.runtime.spawn(serving)),
        };
        self.servers.insert(name, server);
        Ok(reply)
    }

    fn close(&mut self, call: &Call) -> Result<Reply, String> {
        self.stop(&call.word(0))?;
        Ok(Reply::ok(Value::Null))
    }

    fn stop(&mut self, name: &str) -> Result<(), String> {
        let server = self.servers.get_mut(name).ok_or("no such server was started")?;
        let Some(task) = server.task.take() else { return Ok(()) };
        server.shutdown.cancel();
        let ended = self.behind.runtime.block_on(task).map_err(|error| error.to_string())?;
        ended.map_err(|error| error.to_string())
    }

    /// A job is cancelled by its dataset.
    fn cancel(&mut self, call: &Call) -> Result<Reply, String> {
        let Some(job) = self.jobs.get(&call.word(0)).cloned() else {
            return self.behind.call(call);
        };
        let cancel = Call::from_json(&[json!("cancel_sync"), json!(job.engine), json!(job.dataset)])?;
        let reply = self.ask(&cancel)?;
        Ok(if reply.failed { reply } else { Reply::ok(Value::Null) })
    }

    fn ask(&mut self, call: &Call) -> Result<Reply, String> {
        match call.name() {
            // Every server says the same.
            "version" => {
                let running = self.servers.values().find(|server| server.task.is_some());
                routes::ask(&running.ok_or("no server was started")?.client, call)
            }
            "sync_start" => {
                let (name, engine, dataset) = (call.word(0), call.word(1), call.word(2));
                let started = syncs::start(self.client(&engine)?, &engine, &dataset, &call.json(3))?;
                Ok(match started {
                    Ok(job) => {
                        self.jobs.insert(name, job);
                        Reply::ok(Value::Null)
                    }
                    Err(reply) => reply,
                })
            }
            "sync_wait" => {
                let job = self.jobs.remove(&call.word(0)).ok_or("no such job was started")?;
                syncs::wait(self.client(&job.engine)?, &job)
            }
            "query_start" => {
                let asked = queries::start(self.client(&call.word(1))?, call)?;
                self.queries.insert(call.word(0), asked);
                Ok(Reply::ok(Value::Null))
            }
            "query_wait" => {
                let asked = self.queries.remove(&call.word(0));
                queries::wait(asked.ok_or("no such query was started")?)
            }
            _ => routes::ask(self.client(&call.word(0))?, call),
        }
    }

    fn client(&self, engine: &str) -> Result<&Client, String> {
        let server = self.servers.get(engine).ok_or("no such server was started")?;
        Ok(&server.client)
    }
}

/// Every question has a route.
pub(crate) fn questions_without_route() -> Vec<&'static str> {
    let questions = wire::QUESTIONS.iter().copied();
    questions
        .filter(|question| questions::path(question).is_none())
        .collect()
}
