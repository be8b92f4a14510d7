//! What is answered about cases, in the form that clients read.

use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::{Map, Value};

use super::case::Case;
use super::display::automatic;
use super::record::Layout;
use super::schema::{Description, MetricSchema};
use super::{FORMAT, Signals, example, upload};
use crate::dataset::SyncState;
use crate::error::{Error, ErrorKind, Result};
use crate::uploads::{Limits, over};

/// The most fields of a file, and values of the cases that it makes: fewer than elsewhere, because a case is an object of its own.
const CELLS: usize = 2_500_000;

/// Cases, what they look like, and how they are shown.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CasesAnswer {
    /// True.
    pub success: bool,
    /// `hitl_feedback`.
    pub format: String,
    /// How many cases there are, on all pages.
    pub row_count: u64,
    /// The keys of every case, in order.
    pub columns: Vec<String>,
    /// The cases, ascending by `Case_ID`. Each has every key, null where it has nothing.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub data: Vec<Map<String, Value>>,
    /// What this is, in words.
    pub message: String,
    /// What the signals look like, of the metrics that are shown.
    pub metric_schema: MetricSchema,
    /// `kpi_strip`, `chart_sections`, `filters`, `table_columns` and `color_maps`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub display_config: Map<String, Value>,
    /// What `signals_metrics.yaml` says that cannot be followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub display_warnings: Vec<String>,
    /// `duckdb` for what is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Cases a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u64>,
    /// How the stored cases stand to their source.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// How stored cases stand to their source.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Standing {
    /// Whether a sync is running, and how the last one ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: SyncState,
    /// When the last sync that succeeded ended.
    pub last_sync: Option<String>,
    /// Why the last sync failed, or why there are no cases.
    pub error: Option<String>,
    /// Whether there are more cases than are returned.
    pub truncated: bool,
}

/// What the signals look like, and how they are shown.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SchemaAnswer {
    /// True.
    pub success: bool,
    /// What the signals look like, of the metrics that are shown.
    pub metric_schema: MetricSchema,
    /// `kpi_strip`, `chart_sections`, `filters`, `table_columns` and `color_maps`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub display_config: Map<String, Value>,
    /// What `signals_metrics.yaml` says that cannot be followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub display_warnings: Vec<String>,
}

impl Signals {
    /// Makes cases of a CSV file that somebody sends. Nothing is stored.
    ///
    /// # Errors
    /// `InvalidArgument` when the file is no UTF-8 or no CSV, or lacks rows or columns; when it is too large, or makes cases
    /// that are, during [`OVER_LIMIT`](crate::uploads::OVER_LIMIT).
    pub async fn upload(&self, bytes: impl AsRef<[u8]> + Send + 'static) -> Result<CasesAnswer> {
        let visible = self.visible_metrics();
        let made = blocking(move || {
            let limits = Limits::default().cells(CELLS);
            let (cases, description) = upload::read(bytes.as_ref(), limits)?;
            // Each case has all keys of all cases, however few it has values for.
            let layout = Layout::new(description, &visible);
            if cases.len().saturating_mul(layout.columns.len()) > limits.cells {
                return Err(over(format!("the cases would have more than {CELLS} values")));
            }
            let data: Vec<_> = cases.iter().map(|case| layout.record(case)).collect();
            Ok((data, layout))
        });
        let (data, layout) = made.await?;
        let count = data.len() as u64;
        Ok(self
            .answer(data, layout, count, format!("{count} cases were read"))
            .await)
    }

    /// Makes cases of a file that is part of the program. `hitl` is the only one.
    ///
    /// # Errors
    /// `NotFound`, listing the names.
    pub async fn example(&self, name: &str) -> Result<CasesAnswer> {
        self.upload(example::find(name)?).await
    }

    /// Returns what the stored cases look like and how they are shown; `None` when there are none yet.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn schema(&self) -> Result<Option<SchemaAnswer>> {
        let Some(description) = self.description().await? else {
            return Ok(None);
        };
        let metric_schema = description.schema.restricted(&self.visible_metrics());
        let (display_config, display_warnings) = self.display(&metric_schema).await;
        Ok(Some(SchemaAnswer {
            success: true,
            metric_schema,
            display_config,
            display_warnings,
        }))
    }

    pub(super) async fn answer(
        &self,
        data: Vec<Map<String, Value>>,
        layout: Layout,
        row_count: u64,
        message: String,
    ) -> CasesAnswer {
        let (display_config, display_warnings) = self.display(&layout.schema).await;
        CasesAnswer {
            success: true,
            format: FORMAT.to_owned(),
            row_count,
            columns: layout.columns,
            data,
            message,
            metric_schema: layout.schema,
            display_config,
            display_warnings,
            source: None,
            page: None,
            page_size: None,
            standing: None,
        }
    }

    /// Chooses how cases are shown, and lets `signals_metrics.yaml` have its say.
    async fn display(&self, schema: &MetricSchema) -> (Map<String, Value>, Vec<String>) {
        let visible = self
            .options()
            .map(|options| options.visible_kpis.clone())
            .unwrap_or_default();
        let mut config = automatic(schema, &visible);
        let engine = self.engine.clone();
        let given = tokio::task::spawn_blocking(move || engine.overrides().given()).await;
        let given = given.unwrap_or_default();
        given.apply(&mut config);
        (config, given.warnings.clone())
    }

    pub(super) fn standing(&self, truncated: bool) -> Standing {
        let status = self.dataset.status();
        let unfit = status.derived.and_then(|derived| derived.error);
        Standing {
            state: status.state,
            last_sync: status
                .last_success
                .map(|report| report.finished_at.to_rfc3339_opts(SecondsFormat::Micros, false)),
            error: status.last_failure.map(|failure| failure.message).or(unfit),
            truncated,
        }
    }
}

/// Writes cases as objects.
pub(super) fn records(
    cases: &[Case],
    description: Description,
    visible: &[String],
) -> (Vec<Map<String, Value>>, Layout) {
    let layout = Layout::new(description, visible);
    (cases.iter().map(|case| layout.record(case)).collect(), layout)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the file panicked").during("signals.upload")))
}
