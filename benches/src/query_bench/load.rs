//! Connections that ask without a pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Arguments;
use crate::client::{Client, Reuse, Server};
use crate::endpoints::{self, Endpoint};
use crate::report::{Load, milliseconds, percentile, say};
use crate::store::Copy;

/// Asks the endpoints that are chosen for it, computed, stored and unchanged, over more and more connections.
pub(crate) fn loads(arguments: &Arguments, copy: &Copy) -> Vec<Load> {
    let mut loads = Vec::new();
    let chosen: Vec<Arc<Endpoint>> = endpoints::all()
        .into_iter()
        .filter(|endpoint| endpoint.loaded && arguments.wants(&endpoint.name))
        .map(Arc::new)
        .collect();
    if chosen.is_empty() || arguments.seconds <= 0.0 {
        return loads;
    }
    let serving = tokio::runtime::Runtime::new().expect("a runtime");
    let server = serving.block_on(async { Server::start(copy.open().await).await });
    // The client has one thread of its own, as a client has.
    let asking = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for endpoint in &chosen {
        let (status, tag) = asking.block_on(async {
            let mut client = Client::connect(server.address).await;
            let answer = client.ask(endpoint, &Reuse::Stored).await;
            (answer.status, answer.tag)
        });
        if status != 200 {
            continue;
        }
        let mut kinds = vec![("", Reuse::Never)];
        if endpoint.reusable {
            kinds.push((" (cached)", Reuse::Stored));
            kinds.extend(tag.map(|tag| (" (unchanged)", Reuse::Tag(tag))));
        }
        for (suffix, reuse) in kinds {
            for &connections in &arguments.connections {
                let name = format!("{}{suffix}", endpoint.name);
                let ran = asking.block_on(run(&server, endpoint, &reuse, connections, arguments.seconds));
                let load = Load {
                    name,
                    connections,
                    rps: ran.0,
                    p99_ms: ran.1,
                };
                say(&load.line());
                loads.push(load);
            }
        }
    }
    serving.block_on(server.stop());
    loads
}

/// Returns requests a second and the 99th percentile.
#[allow(clippy::cast_precision_loss)] // Far below 2^53 requests.
async fn run(server: &Server, endpoint: &Arc<Endpoint>, reuse: &Reuse, connections: usize, seconds: f64) -> (f64, f64) {
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::connect(server.address).await);
    }
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    let tasks = clients.into_iter().map(|mut client| {
        let (endpoint, reuse) = (Arc::clone(endpoint), reuse.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let answer = client.ask(&endpoint, &reuse).await;
                assert!(answer.status < 400, "{}: {}", endpoint.name, answer.status);
                times.push(milliseconds(answer.elapsed));
            }
            times
        })
    });
    let mut times = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        times.extend(task.await.expect("a client"));
    }
    let rps = times.len() as f64 / begun.elapsed().as_secs_f64();
    (rps, percentile(&times, 0.99))
}
