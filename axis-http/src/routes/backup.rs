//! `GET /api/store/backup`: a backup of the store, made while it is used.

use std::io::{self, Read as _};

use axis_core::Engine;
use axis_core::backup::{BackupOptions, BackupStream};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::Stream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::gate::{ApiError, Problem};

/// How much is read and sent at once.
const PIECE: usize = 256 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(backup))
}

/// Everything that is committed now, as one file for `axis restore`: a tar archive of a manifest with checksums and the DuckDB file.
///
/// Until it is sent, a copy of the store lies beside it, or in `duckdb.backup.directory`.
#[utoipa::path(get, path = "/api/store/backup", tag = "store",
    responses((status = 200, description = "The backup, as long as `Content-Length` says", content_type = "application/x-tar", body = String),
              (status = 409, description = "Another backup is being made", body = Problem),
              (status = 500, description = "There is no room for the copy", body = Problem),
              (status = 503, description = "Another process has the store, or the engine closes", body = Problem)))]
async fn backup(State(engine): State<Engine>) -> Result<Response, ApiError> {
    let stream = Box::pin(engine.backup_stream(BackupOptions::default())).await?;
    let name = format!("axis-{}.axis", stream.manifest().created_at.format("%Y%m%dT%H%M%SZ"));
    let headers = [
        (CONTENT_TYPE, "application/x-tar".to_owned()),
        (CONTENT_LENGTH, stream.remaining().to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(pieces(stream))).into_response())
}

/// Reads off the executor. An error ends the connection before its length is reached, which clients notice.
fn pieces(stream: BackupStream) -> impl Stream<Item = io::Result<Bytes>> {
    futures::stream::try_unfold(stream, async |mut stream| {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            let read = stream.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
            Ok((read > 0).then(|| (piece.into(), stream)))
        });
        read.await.unwrap_or_else(|error| {
            tracing::error!(%error, "reading a backup panicked");
            Err(io::ErrorKind::Other.into())
        })
    })
}
