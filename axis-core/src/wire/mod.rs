//! What the adapters of other languages say and hear, as JSON: options, requests, answers, errors.
//!
//! Every adapter takes the same members and hands out the same answers, so the rules stand here once. A member that is not known,
//! or has a wrong value, is [`InvalidArgument`](crate::ErrorKind::InvalidArgument) and named, with those that there are. `null`
//! stands for no options at all, and as a member for its default.

mod backups;
mod configured;
mod members;
mod opening;
mod options;
mod questions;
mod text;

pub use backups::{backup_options, compact_options, restore_options};
pub use opening::Opening;
pub use options::{bound, page_request, query, sync_options, verify_options};
pub use questions::{QUESTIONS, ask};
pub use text::json;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::query::Page;

/// Returns an error as `{code, number, message, retryable, operation, context}`.
#[must_use]
pub fn error(error: &Error) -> Value {
    let mut value = json!(error);
    value["number"] = json!(error.kind().number());
    value
}

/// Returns what became of several datasets, by name: `{"ok": …}` or `{"error": …}`.
///
/// # Errors
/// `Internal` when an outcome cannot be written as JSON.
pub fn outcomes<T: Serialize>(outcomes: Vec<(String, Result<T>)>) -> Result<Value> {
    let mut all = Map::new();
    for (name, outcome) in outcomes {
        let told = match outcome {
            Ok(report) => json!({ "ok": written(&report)? }),
            Err(failure) => json!({ "error": error(&failure) }),
        };
        all.insert(name, told);
    }
    Ok(Value::Object(all))
}

/// Returns a page as `{rows, total, page, page_size}`.
#[must_use]
pub fn page(page: &Page) -> Value {
    json!({ "rows": page.rows, "total": page.total, "page": page.page, "page_size": page.page_size })
}

/// Writes an answer.
fn written(answer: &impl Serialize) -> Result<Value> {
    serde_json::to_value(answer)
        .map_err(|cause| Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").because(cause))
}
