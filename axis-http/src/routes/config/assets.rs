//! Pictures of the custom directory: `branding/` and `agents/` in it, one file each, nothing else.

use std::path::{Component, Path, PathBuf};

use axis_core::Engine;
use axum::body::Body;
use axum::extract::{Path as UrlPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tower_http::services::ServeFile;

use crate::gate::ApiError;

/// The folders, and how long clients may keep what is in them: for good, so that another logo needs another name, or a day.
const FOLDERS: [(&str, &str); 2] = [
    ("branding", "public, max-age=31536000, immutable"),
    ("agents", "public, max-age=86400"),
];
/// A drawing or a page that somebody opens by its address runs nothing.
const HARMLESS: HeaderValue =
    HeaderValue::from_static("default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox");

/// A picture of the custom directory
///
/// `If-Modified-Since` and `Range` are understood.
#[utoipa::path(
    get,
    path = "/api/config/assets/{type}/{file}",
    tag = "config",
    params(
        ("type" = String, Path, description = "`branding` or `agents`"),
        ("file" = String, Path, description = "The name of a file in that folder"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range that was asked for", content_type = "application/octet-stream"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such file"),
        (status = 412, description = "It has changed"),
        (status = 416, description = "The file has no such range"),
    )
)]
pub(super) async fn asset(
    State(engine): State<Engine>,
    path: Result<UrlPath<(String, String)>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    // A name that is no text is the name of nothing.
    let Ok(UrlPath((folder, name))) = path else {
        return Err(not_found());
    };
    let folder = FOLDERS
        .iter()
        .find(|(known, _)| *known == folder)
        .ok_or_else(not_found)?;
    let custom_dir = engine.config().custom_dir.clone().ok_or_else(not_found)?;
    let (folder, cached) = *folder;
    // Following links asks the disk.
    let file = tokio::task::spawn_blocking(move || find(&custom_dir, folder, &name))
        .await
        .ok()
        .flatten()
        .ok_or_else(not_found)?;
    let answer = ServeFile::new(file).try_call(request).await.map_err(|error| {
        tracing::debug!(%error, "an asset cannot be read");
        not_found()
    })?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Err(not_found());
    }
    let mut answer = answer.map(Body::new);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    headers.insert(CONTENT_SECURITY_POLICY, HARMLESS);
    Ok(answer)
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "Not Found")
}

/// Returns the file of this name, if it is one that lies in the folder also after links were followed.
fn find(custom_dir: &Path, folder: &str, name: &str) -> Option<PathBuf> {
    let mut parts = Path::new(name).components();
    let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    if !is_plain || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return None;
    }
    let folder = custom_dir.canonicalize().ok()?.join(folder);
    // The folder itself is no link: what it shows would be anybody's guess.
    if folder.canonicalize().ok()? != folder {
        return None;
    }
    let file = folder.join(name).canonicalize().ok()?;
    (file.starts_with(&folder) && file.is_file()).then_some(file)
}
