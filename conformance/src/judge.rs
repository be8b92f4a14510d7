//! Holds a reply against what was expected of it.

use axis_core::ErrorKind;
use serde_json::{Map, Value, json};

use crate::driver::Reply;
use crate::expect::{Leniency, differences};
use crate::scenario::Expectation;

/// Returns what is wrong with a reply.
pub(crate) fn judge(expectation: &Expectation, reply: &Reply) -> Vec<String> {
    let leniency = |more| Leniency {
        more,
        fewer: reply.partial,
    };
    match expectation {
        Expectation::Ok(_) | Expectation::Has(_) if reply.failed => vec!["it failed".to_owned()],
        // The surface says only that it succeeded.
        Expectation::Ok(_) | Expectation::Has(_) if reply.partial && reply.value.is_null() => Vec::new(),
        Expectation::Ok(expected) => differences(expected, &reply.value, leniency(false)),
        Expectation::Has(expected) => differences(expected, &reply.value, leniency(true)),
        Expectation::Error { code, .. } if !reply.failed => vec![format!("{code} was expected, and it succeeded")],
        Expectation::Error {
            code,
            message,
            operation,
            context,
        } => {
            let mut problems = well_formed(&reply.value, reply.partial);
            let mut expected = Map::from_iter([("code".to_owned(), json!(code))]);
            expected.extend(
                operation
                    .iter()
                    .map(|operation| ("operation".to_owned(), json!(operation))),
            );
            if !context.is_empty() {
                expected.insert("context".to_owned(), Value::Object(context.clone()));
            }
            problems.extend(differences(&Value::Object(expected), &reply.value, leniency(true)));
            let said = reply.value["message"].as_str().unwrap_or_default();
            let is_untold = reply.partial && said.is_empty();
            if let Some(part) = message
                .as_ref()
                .filter(|part| !is_untold && !said.contains(part.as_str()))
            {
                problems.push(format!(".message: `{part}` was expected in it, and it is `{said}`"));
            }
            problems
        }
    }
}

/// Checks an error against the table of kinds: the same everywhere, whatever was expected.
fn well_formed(error: &Value, partial: bool) -> Vec<String> {
    let code = error["code"].as_str().unwrap_or_default();
    let Some(kind) = ErrorKind::ALL.iter().find(|kind| kind.code() == code) else {
        return vec![format!(".code: `{code}` is no code of the table of errors")];
    };
    let mut expected = json!({
        "number": kind.number(), "retryable": kind.is_retryable(), "message": "<text>", "operation": "<any>", "context": "<any>",
    });
    if error.get("number").is_none() {
        // A language that has no use for numbers leaves them out.
        expected.as_object_mut().map(|members| members.remove("number"));
    }
    let leniency = Leniency {
        more: true,
        fewer: partial,
    };
    differences(&expected, error, leniency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(message: Option<&str>) -> Expectation {
        Expectation::Error {
            code: "AXIS_BUSY".to_owned(),
            message: message.map(str::to_owned),
            operation: None,
            context: Map::new(),
        }
    }

    #[test]
    fn errors_are_held_against_the_table() {
        let right = json!({ "code": "AXIS_BUSY", "number": 201, "message": "a sync is running", "operation": "sync.start",
            "retryable": true, "context": { "dataset": "shop" } });
        let with = |name: &str, value: Value| {
            let mut error = right.clone();
            error[name] = value;
            Reply::error(error)
        };
        assert!(judge(&busy(Some("is running")), &Reply::error(right.clone())).is_empty());
        assert_eq!(judge(&busy(Some("has ended")), &Reply::error(right.clone())).len(), 1);
        assert_eq!(judge(&busy(None), &with("retryable", json!(false))).len(), 1);
        assert_eq!(judge(&busy(None), &with("number", json!(202))).len(), 1);
        assert_eq!(judge(&busy(None), &with("code", json!("EBUSY"))).len(), 2);
        assert_eq!(
            judge(&busy(None), &Reply::ok(json!(null))),
            ["AXIS_BUSY was expected, and it succeeded"]
        );
        assert_eq!(
            judge(&Expectation::Ok(json!(null)), &Reply::error(right.clone())),
            ["it failed"]
        );
        let short = Reply::error(json!({ "code": "AXIS_BUSY", "message": "x" }));
        assert_eq!(judge(&busy(None), &short).len(), 3);
        assert!(judge(&busy(None), &short.partial()).is_empty());
    }
}
