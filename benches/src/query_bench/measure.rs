//! Requests over one connection, and openings.

use std::time::{Duration, Instant};

use axis_core::Query;

use crate::Arguments;
use crate::client::{Client, Reuse, Server};
use crate::endpoints::{self, Endpoint};
use crate::report::{Measured, median, milliseconds, percentile, say};
use crate::store::Copy;

/// Asks every endpoint that the server has.
pub(crate) fn endpoints(arguments: &Arguments, copy: &Copy) -> Vec<Measured> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut measured = Vec::new();
        for endpoint in endpoints::all() {
            if arguments.wants(&endpoint.name) {
                measured.extend(endpoint_over(arguments, copy, &endpoint).await);
            }
        }
        measured
    })
}

async fn endpoint_over(arguments: &Arguments, copy: &Copy, endpoint: &Endpoint) -> Vec<Measured> {
    let mut cold = Vec::new();
    let mut size = 0;
    for _ in 0..arguments.cold_rounds {
        let server = Server::start(copy.open().await).await;
        let mut client = Client::connect(server.address).await;
        let answer = client.ask(endpoint, &Reuse::Never).await;
        server.stop().await;
        if answer.status != 200 {
            let text = String::from_utf8_lossy(&answer.body);
            let text: String = text.chars().take(200).collect();
            say(&format!(
                "{}: skipped, the answer is {} {text}",
                endpoint.name, answer.status
            ));
            return Vec::new();
        }
        size = answer.body.len();
        cold.push(milliseconds(answer.elapsed));
    }
    let server = Server::start(copy.open().await).await;
    let mut client = Client::connect(server.address).await;
    // The first is cold, and pages are served without the columns in memory until these are there: a summary waits for them.
    let first = client.ask(endpoint, &Reuse::Never).await;
    for warm in endpoints::all().iter().filter(|warm| warm.name == "monitoring summary") {
        let _ = client.ask(warm, &Reuse::Never).await;
    }
    let _ = client.ask(endpoint, &Reuse::Never).await;
    let uncached = timed(arguments.rounds, &mut client, endpoint, &Reuse::Never).await;
    let mut measured = vec![Measured::new(&endpoint.name, median(&cold), &uncached, size)];
    if endpoint.reusable {
        let _ = client.ask(endpoint, &Reuse::Stored).await;
        let cached = timed(arguments.rounds * 10, &mut client, endpoint, &Reuse::Stored).await;
        let name = format!("{} (cached)", endpoint.name);
        measured.push(Measured::new(&name, f64::NAN, &cached, size));
        if let Some(tag) = first.tag {
            let same = timed(arguments.rounds * 10, &mut client, endpoint, &Reuse::Tag(tag)).await;
            let name = format!("{} (unchanged)", endpoint.name);
            measured.push(Measured::new(&name, f64::NAN, &same, 0));
        }
    }
    server.stop().await;
    for one in &measured {
        say(&one.line());
    }
    measured
}

async fn timed(rounds: usize, client: &mut Client, endpoint: &Endpoint, reuse: &Reuse) -> Vec<f64> {
    let expected = if matches!(reuse, Reuse::Tag(_)) { 304 } else { 200 };
    let mut times = Vec::new();
    for _ in 0..rounds {
        let answer = client.ask(endpoint, reuse).await;
        assert_eq!(answer.status, expected, "{}", endpoint.name);
        times.push(milliseconds(answer.elapsed));
    }
    times
}

/// What opening costs.
pub(crate) struct Opened {
    /// From nothing to the first answer of a query.
    pub(crate) first_answer_ms: f64,
    /// Until the engine is there.
    pub(crate) engine_ms: f64,
}

/// Opens the store again and again.
pub(crate) fn opening(arguments: &Arguments, copy: &Copy) -> Opened {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut engine_ms, mut first_answer_ms) = (Vec::new(), Vec::new());
    for _ in 0..arguments.opens {
        let (engine, first): (Duration, Duration) = runtime.block_on(async {
            let begun = Instant::now();
            let engine = copy.open().await;
            let opened = begun.elapsed();
            let query = Query::sql("select max(metric_score) from monitoring_results where metric_name = 'intent'");
            let stream = engine.query(query).await.expect("a query");
            assert_eq!(stream.collect().await.expect("an answer").len(), 1);
            let first = begun.elapsed();
            engine.close().await.expect("the store closes");
            (opened, first)
        });
        engine_ms.push(milliseconds(engine));
        first_answer_ms.push(milliseconds(first));
    }
    say(&format!(
        "open: engine {:.1} ms, first answer {:.1} ms (p95 {:.1} ms)",
        median(&engine_ms),
        median(&first_answer_ms),
        percentile(&first_answer_ms, 0.95)
    ));
    Opened {
        first_answer_ms: median(&first_answer_ms),
        engine_ms: median(&engine_ms),
    }
}
