//! The questions of the analytics, each a route of its own.

use axis_conformance::Reply;
use serde_json::Value;

use super::answers;
use super::client::Client;
use super::routes::parameters;

/// Returns the path of a question, and whether its answer is wrapped into `success`.
pub(crate) fn path(question: &str) -> Option<(String, bool)> {
    let (family, name) = question.split_once('.')?;
    let of_monitoring = [
        ("summary", "summary"),
        ("trends", "trends"),
        ("breakdown", "metric-breakdown"),
        ("latency", "latency-distribution"),
        ("classes", "class-distribution"),
        ("correlation", "correlation"),
        ("classification_breakdown", "classification-breakdown"),
        ("classification_trends", "classification-trends"),
        ("insights", "analysis-insights"),
        ("anomalies", "anomalies"),
    ];
    let of_eval = [
        "summary",
        "distribution",
        "comparison",
        "correlation",
        "radar",
        "scatter",
    ];
    match family {
        "monitoring" => {
            let (_, segment) = of_monitoring.iter().find(|(known, _)| *known == name)?;
            Some((format!("/api/monitoring/analytics/{segment}"), true))
        }
        "kpi" if ["categories", "trends", "filters"].contains(&name) => Some((format!("/api/kpi/{name}"), true)),
        "eval" if of_eval.contains(&name) => Some((format!("/api/analytics/{name}"), false)),
        "signals" if name == "cases" => Some(("/api/human-signals/cases".to_owned(), false)),
        "signals" if name == "schema" => Some(("/api/human-signals/metric-schema".to_owned(), false)),
        _ => None,
    }
}

pub(super) fn ask(client: &Client, question: &str, request: &Value) -> Result<Reply, String> {
    let mut parameters = parameters(request);
    let (path, is_wrapped, not_found) = match path(question) {
        // A dataset that was never synced is not there to be asked.
        Some((path, is_wrapped)) => (path, is_wrapped, "AXIS_NOT_SYNCED"),
        None => (format!("/api/{}", question.replace('.', "/")), false, "AXIS_NOT_FOUND"),
    };
    let asked = if question.starts_with("eval.") {
        // Without it, no rows in the body would be an answer, too.
        parameters.push(("source".to_owned(), "store".to_owned()));
        client.post(&path, &parameters)
    } else {
        client.get(&path, &parameters)
    };
    let mut body = match answers::judged(asked?, not_found)? {
        Ok(answer) => answer.json()?,
        Err(reply) => return Ok(reply),
    };
    if let Some(members) = body.as_object_mut().filter(|_| is_wrapped) {
        members.shift_remove("success");
    }
    Ok(Reply::ok(body))
}
