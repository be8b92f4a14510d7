//! Files that clients bring along: recognised, completed, and on request kept in the store.

mod evaluation;
mod monitoring;

use axis_core::uploads::{Table, Upload};
use axis_core::{Dataset, Engine, ErrorKind};
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{FORM_MAX, Name, Params};
use crate::gate::ApiError;
use crate::work::{self, Workers};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(evaluation::routes())
        .merge(monitoring::routes())
        .routes(routes!(remove))
        .layer(DefaultBodyLimit::max(FORM_MAX))
}

/// Remove an upload from the store. The dataset is then as one that was never synced.
#[utoipa::path(
    delete, path = "/api/store/upload/{dataset}", tag = "uploads",
    params(("dataset" = String, Path, description = "`monitoring` or `eval`")),
    responses(
        (status = 200, description = "The upload is gone"),
        (status = 404, description = "There is no such dataset, or it holds no upload"),
        (status = 409, description = "Other work on the dataset is running"),
    )
)]
async fn remove(State(engine): State<Engine>, Name(name): Name) -> Result<Json<Value>, ApiError> {
    let dataset = super::dataset(&engine, &name)?;
    if !dataset.remove_upload().await? {
        let message = format!("{name} holds no upload");
        return Err(ApiError::new(StatusCode::NOT_FOUND, message));
    }
    Ok(Json(
        json!({ "success": true, "message": format!("the upload of {name} was removed") }),
    ))
}

/// What an upload answers: what became of the file, and where it is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Answer {
    #[serde(flatten)]
    upload: Upload,
    /// Where the rows are kept, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Stored>,
    /// `database` when the rows come from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
}

/// Where an upload is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Stored {
    /// The dataset.
    dataset: String,
    /// The relation that readers see.
    relation: Option<String>,
    /// Rows.
    rows: u64,
    /// The generation of the dataset from now on.
    generation: u64,
}

/// What may be done with an upload besides recognising it.
struct Keeping {
    dataset: Option<Dataset>,
    name: String,
    with_data: bool,
}

impl Keeping {
    /// Reads `store`, `name` and `data`; answers 409 before the file is read when the dataset cannot take it.
    fn read(engine: &Engine, dataset: &str, mut params: Params) -> Result<Self, ApiError> {
        let store = params.boolean("store", false);
        let with_data = params.boolean("data", true);
        let name = params.text("name").unwrap_or_else(|| "upload".to_owned());
        params.check()?;
        let dataset = if store {
            Some(super::dataset(engine, dataset)?)
        } else {
            None
        };
        if let Some(dataset) = dataset.as_ref().filter(|dataset| !dataset.accepts_uploads()) {
            let message = format!(
                "{} is synced from a source; an upload would be replaced by the next sync. Upload without `store`, or remove the source",
                dataset.name()
            );
            return Err(ApiError::new(StatusCode::CONFLICT, message));
        }
        Ok(Self {
            dataset,
            name,
            with_data,
        })
    }

    /// Keeps the rows, if they are to be kept, and writes the answer.
    async fn answer(self, workers: &Workers, mut upload: Upload) -> Result<Response, ApiError> {
        let stored = match self.dataset {
            Some(dataset) => {
                let table = if self.with_data {
                    upload.data.clone()
                } else {
                    take(&mut upload)
                };
                let report = dataset.keep(&self.name, table).await?;
                Some(Stored {
                    dataset: dataset.name().to_owned(),
                    relation: dataset.relation().map(str::to_owned),
                    rows: report.rows_read,
                    generation: report.generation,
                })
            }
            None => None,
        };
        if !self.with_data {
            take(&mut upload);
        }
        let answer = Answer {
            upload,
            stored,
            source: None,
        };
        workers.run(move || work::json(&answer)).await
    }
}

/// Takes the rows out of an upload; the rest tells how many there were.
fn take(upload: &mut Upload) -> Table {
    let empty = upload.data.without_rows();
    std::mem::replace(&mut upload.data, empty)
}

/// Writes an answer without anything kept.
fn plain(upload: Upload, source: Option<&'static str>) -> Result<Response, ApiError> {
    work::json(&Answer {
        upload,
        stored: None,
        source,
    })
}

/// Reads the rows of a dataset from its source, past the store, completes them and writes the answer.
async fn import(
    workers: &Workers,
    dataset: &Dataset,
    complete: impl FnOnce(Table) -> axis_core::Result<Upload> + Send + 'static,
) -> Result<Response, ApiError> {
    let limit = dataset.config().row_limit;
    let rows = dataset.import(limit).await.map_err(|error| match error.kind() {
        ErrorKind::Timeout => ApiError::new(StatusCode::REQUEST_TIMEOUT, error.to_string()),
        ErrorKind::Config | ErrorKind::SourceRejected | ErrorKind::SourceUnavailable | ErrorKind::SchemaMismatch => {
            ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
        }
        _ => error.into(),
    })?;
    if rows.rows.is_empty() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "the source has no rows that the queries find",
        ));
    }
    workers
        .run(move || {
            let mut upload = complete(Table::of_objects(rows.columns, rows.rows))?;
            if rows.truncated {
                upload
                    .warnings
                    .push(format!("there are more rows than {limit}, the `row_limit`"));
            }
            plain(upload, Some("database"))
        })
        .await
}

/// Answers 404 with the names that there are.
fn no_example(name: &str, known: &[&str]) -> ApiError {
    let message = format!("there is no example `{name}`; there are: {}", known.join(", "));
    ApiError::new(StatusCode::NOT_FOUND, message)
}
