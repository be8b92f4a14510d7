//! Scenarios as they are written, and the checks that their form cannot make.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Action, Expectation, Step};
use crate::operation::Call;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) title: String,
    #[serde(default)]
    pub(super) config: Map<String, Value>,
    #[serde(default)]
    pub(super) source: Vec<String>,
    pub(super) steps: Vec<RawStep>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStep {
    note: Option<String>,
    call: Option<Vec<Value>>,
    #[serde(deserialize_with = "given")]
    ok: Option<Value>,
    #[serde(deserialize_with = "given")]
    has: Option<Value>,
    error: Option<RawError>,
    source: Option<String>,
    source_hold: Option<RawHold>,
    source_release: Option<String>,
    source_waits: Option<i64>,
    store: Option<StoreWord>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawError {
    Code(String),
    Full(FullError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullError {
    code: String,
    message: Option<String>,
    operation: Option<String>,
    #[serde(default)]
    context: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHold {
    name: String,
    sql: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoreWord {
    Hold,
    Release,
}

/// Keeps apart what is null and what is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Step {
    pub(super) fn of(raw: RawStep) -> Result<Self, String> {
        let expectations = [
            raw.ok.map(Expectation::Ok),
            raw.has.map(Expectation::Has),
            raw.error.map(expected_error),
        ];
        let mut expectations = expectations.into_iter().flatten();
        let expectation = expectations.next();
        let mut actions = Vec::new();
        match (raw.call, expectation) {
            (Some(call), Some(expectation)) => {
                Call::from_json(&call)?;
                expectation.check()?;
                actions.push(Action::Call { call, expectation });
            }
            (Some(_), None) => return Err("a call needs `ok`, `has` or `error`".to_owned()),
            (None, Some(_)) => return Err("`ok`, `has` and `error` belong to a call".to_owned()),
            (None, None) => {}
        }
        actions.extend(raw.source.map(Action::Source));
        actions.extend(raw.source_hold.map(|hold| Action::SourceHold(hold.name, hold.sql)));
        actions.extend(raw.source_release.map(Action::SourceRelease));
        actions.extend(raw.source_waits.map(Action::SourceWaits));
        actions.extend(raw.store.map(|word| match word {
            StoreWord::Hold => Action::StoreHold,
            StoreWord::Release => Action::StoreRelease,
        }));
        match (actions.pop(), actions.is_empty(), expectations.next()) {
            (Some(action), true, None) => Ok(Self { note: raw.note, action }),
            _ => Err("a step does one thing, and a call has one of `ok`, `has` and `error`".to_owned()),
        }
    }
}

fn expected_error(raw: RawError) -> Expectation {
    let full = match raw {
        RawError::Full(full) => full,
        RawError::Code(code) => FullError {
            code,
            message: None,
            operation: None,
            context: Map::new(),
        },
    };
    Expectation::Error {
        code: full.code,
        message: full.message,
        operation: full.operation,
        context: full.context,
    }
}
