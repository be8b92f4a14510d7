//! What `/openapi.json` says: operations, their parameters, bodies and answers.

use serde_json::Value;

/// One method of one path.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: String,
    /// With `{names}`.
    pub(super) path: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    /// The documented statuses.
    pub(super) answers: Vec<u16>,
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) schema: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) content_type: String,
    pub(super) schema: Value,
}

/// Reads every operation; references are resolved. A stream of events is left out: its answer does not end.
pub(super) fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("the document has paths") {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["responses"]["200"]["content"]["text/event-stream"].is_object() {
                continue;
            }
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                parameters: parameters(document, operation),
                body: body(document, operation),
                answers: answers(operation),
            });
        }
    }
    operations
}

fn parameters(document: &Value, operation: &Value) -> Vec<Parameter> {
    let listed = operation["parameters"].as_array().cloned().unwrap_or_default();
    let read = listed.iter().filter_map(|parameter| {
        let place = match parameter["in"].as_str()? {
            "path" => Place::Path,
            "query" => Place::Query,
            "header" => Place::Header,
            _ => return None,
        };
        Some(Parameter {
            name: parameter["name"].as_str()?.to_owned(),
            place,
            schema: resolve(document, &parameter["schema"], 0),
        })
    });
    read.collect()
}

fn body(document: &Value, operation: &Value) -> Option<Body> {
    let content = operation["requestBody"]["content"].as_object()?;
    let (content_type, media) = content.iter().next()?;
    Some(Body {
        content_type: content_type.clone(),
        schema: resolve(document, &media["schema"], 0),
    })
}

fn answers(operation: &Value) -> Vec<u16> {
    let responses = operation["responses"].as_object();
    let statuses = responses.into_iter().flat_map(|responses| responses.keys());
    statuses.filter_map(|status| status.parse().ok()).collect()
}

/// Puts what is referred to in the place of the reference; a schema that holds itself ends somewhere.
fn resolve(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > 12 {
        return Value::Bool(true);
    }
    match schema {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                let target = document.pointer(pointer);
                resolve(document, target.expect("the reference leads somewhere"), depth + 1)
            }
            None => members
                .iter()
                .map(|(key, member)| (key.clone(), resolve(document, member, depth + 1)))
                .collect(),
        },
        Value::Array(items) => items.iter().map(|item| resolve(document, item, depth + 1)).collect(),
        other => other.clone(),
    }
}
