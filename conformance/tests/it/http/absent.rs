//! What HTTP does not have. Everything else goes over its routes.

use axis_conformance::Call;
use serde_json::Value;

/// Operations without a route, and why.
pub(crate) const OPERATIONS: &[(&str, &str)] = &[
    ("questions", "the routes are listed by the OpenAPI document"),
    (
        "progress",
        "a request that starts a sync tells no events; `/api/store/events` tells them to whoever listens",
    ),
    ("verify_all", "a client asks for one dataset after the other"),
];

/// One kind of call that the route of its operation cannot express.
pub(crate) struct Absent {
    /// What it is, and why there is none.
    pub(crate) what: &'static str,
    is: fn(&Call) -> bool,
}

/// Calls that a route cannot express.
pub(crate) const CALLS: &[Absent] = &[
    Absent {
        what: "members that do not exist: a parameter that a route does not know is ignored, as the web does",
        is: |call| objects(call).any(|object| object.get("colour").is_some()),
    },
    Absent {
        what: "timeouts of syncs and verifications: a request is no owner of a sync; `sync_timeout` limits all of them",
        is: |call| is_of(call, &["sync", "sync_start", "verify"]) && has(call, "timeout_ms"),
    },
    Absent {
        what: "modes that do not exist: the route has `full` and `reconcile`, which are true or false",
        is: |call| is_of(call, &["sync", "sync_all"]) && objects(call).any(|object| object["mode"] == "some"),
    },
    Absent {
        what: "texts in place of truth values: in a URL everything is text, and `yes` is true",
        is: |call| is_of(call, &["verify"]) && objects(call).any(|object| object["sync"].is_string()),
    },
];

/// Returns why there is no route for a call.
pub(crate) fn reason(call: &Call) -> Option<&'static str> {
    let operation = OPERATIONS.iter().find(|(name, _)| *name == call.name());
    let operation = operation.map(|(_, because)| *because);
    operation.or_else(|| CALLS.iter().find(|absent| (absent.is)(call)).map(|absent| absent.what))
}

impl Absent {
    /// Tells whether a call is of this kind.
    pub(crate) fn is(&self, call: &Call) -> bool {
        (self.is)(call)
    }
}

fn is_of(call: &Call, names: &[&str]) -> bool {
    names.contains(&call.name())
}

fn has(call: &Call, member: &str) -> bool {
    objects(call).any(|object| object.get(member).is_some())
}

fn objects(call: &Call) -> impl Iterator<Item = &Value> {
    call.arguments.iter().filter(|argument| argument.is_object())
}
