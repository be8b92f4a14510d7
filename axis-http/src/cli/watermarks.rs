//! `axis watermarks reset`.

use serde_json::json;

use super::{Context, Exit, Failure};

pub(crate) async fn reset(context: &Context, name: &str) -> Result<Exit, Failure> {
    let engine = context.open(context.config()?).await?;
    let outcome = match engine.dataset(name) {
        Ok(dataset) => dataset.reset_watermarks().await,
        Err(error) => Err(error),
    };
    engine.close().await?;
    let count = outcome?;
    if context.output.is_json() {
        context
            .output
            .json(&json!({ "dataset": name, "watermarks_reset": count }))?;
    } else {
        let plural = if count == 1 { "" } else { "s" };
        let text = format!("{name}: {count} watermark{plural} forgotten; the next sync is a full rebuild");
        context.output.text(&text)?;
    }
    Ok(Exit::Done)
}
