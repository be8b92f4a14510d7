//! `GET /api/store/events`: what happens, told while it happens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axis_core::{Engine, Event as Told, Events, Readiness};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::dataset;
use crate::app::App;
use crate::edge::{Cut, Edge};
use crate::extract::Params;
use crate::gate::{ApiError, Problem};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that wait for more before they pass anything on leave it when they see this.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// After how long a client that was cut off should come back.
const RETRY: Duration = Duration::from_secs(2);
/// Messages that wait for a client which does not read.
const WAITING: usize = 64;

/// How a stream is kept alive, and given up.
#[derive(Clone, Copy)]
struct Pace {
    /// How often a line is sent when nothing happens, so that nobody takes the connection for dead.
    heartbeat: Duration,
    /// How long a message waits for a client that does not read, before the client is dropped.
    patience: Duration,
}

const PACE: Pace = Pace {
    heartbeat: Duration::from_secs(15),
    patience: Duration::from_secs(30),
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Everything that happens to datasets, as server-sent events.
///
/// `event` is `started`, `planned`, `progress`, `committed`, `failed`, `verifying`, `verified`, `readiness` or `lost`, and `data` a
/// JSON object. The first event is the readiness as it is. With `Last-Event-ID` the events after that one come first; `lost` stands
/// for those that are no longer kept. Every 15 seconds there is a comment. A client that does not read is dropped.
#[utoipa::path(get, path = "/api/store/events", tag = "store",
    params(("dataset" = Option<String>, Query, description = "Only this dataset, and what concerns all"),
           ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was seen")),
    responses((status = 200, description = "Events, until the server stops", content_type = "text/event-stream", body = String),
              (status = 404, description = "There is no such dataset", body = Problem)))]
async fn events(
    State(engine): State<Engine>,
    State(edge): State<Arc<Edge>>,
    cut: Option<Extension<Cut>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let only = params.text("dataset");
    if let Some(name) = &only {
        dataset(&engine, name)?;
    }
    let after = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default());
    let (events, first) = match after {
        Some(id) => (engine.events_after(id), None),
        None => (engine.events(), Some(readiness(&engine.readiness()))),
    };
    let (sender, receiver) = channel(WAITING);
    let cut = cut.map(|Extension(cut)| cut);
    let pump = pump(events, only, first, sender, edge.stopping.clone(), PACE);
    tokio::spawn(async move {
        if pump.await == Ended::TooSlow
            && let Some(Cut(connection)) = cut
        {
            tracing::debug!("a client that did not read its events was dropped");
            connection.cancel();
        }
    });
    let mut response = Sse::new(futures::stream::unfold(receiver, next)).into_response();
    response
        .headers_mut()
        .insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

async fn next(mut receiver: Receiver<Event>) -> Option<(Result<Event, Infallible>, Receiver<Event>)> {
    receiver.recv().await.map(|event| (Ok(event), receiver))
}

/// Why nothing more is told.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// The client or the server has gone.
    Gone,
    /// The client does not read.
    TooSlow,
}

/// Tells one client what happens, until it goes away, does not read, or the server stops. It never holds up a sync.
async fn pump(
    mut events: Events,
    only: Option<String>,
    first: Option<Event>,
    sender: Sender<Event>,
    stopping: CancellationToken,
    pace: Pace,
) -> Ended {
    let hello = first.unwrap_or_else(|| Event::default().comment("resumed"));
    let mut message = Some(hello.retry(RETRY));
    let mut silent_since = Instant::now();
    loop {
        if let Some(message) = message.take() {
            silent_since = Instant::now();
            match sender.send_timeout(message, pace.patience).await {
                Ok(()) => {}
                Err(SendTimeoutError::Timeout(_)) => return Ended::TooSlow,
                Err(SendTimeoutError::Closed(_)) => return Ended::Gone,
            }
        }
        message = tokio::select! {
            biased;
            () = stopping.cancelled() => return Ended::Gone,
            () = sender.closed() => return Ended::Gone,
            // Events of other datasets are nothing that this client hears.
            () = tokio::time::sleep_until(silent_since + pace.heartbeat) => Some(Event::default().comment("alive")),
            event = events.next() => match event {
                None => return Ended::Gone,
                Some(event) => {
                    let of_another = only.is_some() && event.what.dataset().is_some() && event.what.dataset() != only.as_deref();
                    if of_another { None } else { shown(&event) }
                }
            },
        };
    }
}

fn shown(event: &Told) -> Option<Event> {
    let message = Event::default().id(event.id.to_string()).event(event.what.name());
    // What an event holds can always be written.
    message.json_data(event).ok()
}

/// Not an event that has happened, so it has no id to resume after.
fn readiness(readiness: &Readiness) -> Event {
    let data = json!({ "event": "readiness", "ready": readiness.ready, "degraded": readiness.degraded });
    Event::default().event("readiness").data(data.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Pace = Pace {
        heartbeat: Duration::from_millis(1),
        patience: Duration::from_millis(20),
    };

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up_and_one_that_does_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path().join("s.duckdb")).await.unwrap();
        let (sender, unread) = channel(WAITING);
        let stuck = pump(engine.events(), None, None, sender, CancellationToken::new(), SHORT);
        assert_eq!(stuck.await, Ended::TooSlow);
        drop(unread);

        let (sender, mut read) = channel(WAITING);
        let stopping = CancellationToken::new();
        let heard = tokio::spawn(pump(engine.events(), None, None, sender, stopping.clone(), SHORT));
        for _ in 0..2 * WAITING {
            assert!(read.recv().await.is_some());
        }
        stopping.cancel();
        assert_eq!(heard.await.unwrap(), Ended::Gone);

        let (sender, gone) = channel(WAITING);
        drop(gone);
        let left = pump(engine.events(), None, None, sender, CancellationToken::new(), PACE);
        assert_eq!(left.await, Ended::Gone);
        engine.close().await.unwrap();
    }
}
