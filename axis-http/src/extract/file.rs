//! A CSV file that is sent as a form: the field `file` of `multipart/form-data`.

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;

use crate::gate::ApiError;

/// The largest form that is read.
pub(crate) const FORM_MAX: usize = 50 * 1024 * 1024;

/// A CSV file. Answers 400 when there is none or its name says that it is something else, and 413 when it is too large.
///
/// The router needs the layer `DefaultBodyLimit::max(FORM_MAX)`; without it forms end at 2 MB.
#[derive(Debug)]
pub(crate) struct CsvFile(pub(crate) Bytes);

/// The form, for the description of the API.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "it is described and never built")]
pub(crate) struct CsvForm {
    /// The file; its name ends in `.csv`.
    #[schema(format = Binary, content_media_type = "text/csv")]
    file: String,
}

impl<S: Send + Sync> FromRequest<S> for CsvFile {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let missing = || {
            let message = "there is no file; send it as multipart/form-data, in the field `file`";
            ApiError::new(StatusCode::BAD_REQUEST, message)
        };
        let mut form = Multipart::from_request(request, state).await.map_err(|_| missing())?;
        let mut found = Err(missing());
        // Also after the file: an answer to a form that has not been read to its end may be lost.
        while let Some(field) = form.next_field().await.map_err(refused)? {
            if field.name() != Some("file") || found.is_ok() {
                continue;
            }
            let name = field.file_name().unwrap_or_default().to_ascii_lowercase();
            if name.is_empty() {
                continue;
            }
            found = if name.ends_with(".csv") {
                Ok(Self(field.bytes().await.map_err(refused)?))
            } else {
                let message = "the file is no CSV file; its name must end in .csv";
                Err(ApiError::new(StatusCode::BAD_REQUEST, message))
            };
        }
        found
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn refused(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the file is too large; at most {} MB are read", FORM_MAX / 1024 / 1024);
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "the form cannot be read")
}
