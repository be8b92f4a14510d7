//! What the scenarios cover, and what the tables of the HTTP runner say.

use std::collections::BTreeSet;

use axis_conformance::{Action, Call, Expectation, OPERATIONS, Scenario, directory, load};
use axis_core::{ErrorKind, wire};

use crate::http;

fn scenarios() -> Vec<Scenario> {
    load(&directory()).unwrap()
}

fn calls(scenarios: &[Scenario]) -> Vec<Call> {
    let calls = scenarios.iter().flat_map(Scenario::calls);
    calls.map(|call| Call::from_json(call).unwrap()).collect()
}

#[test]
fn every_operation_every_question_and_every_error_is_in_a_scenario() {
    let scenarios = scenarios();
    let mut wanted: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    wanted.extend(wire::QUESTIONS);
    // A defect of ours cannot be asked for.
    let kinds = ErrorKind::ALL.iter().filter(|kind| **kind != ErrorKind::Internal);
    wanted.extend(kinds.map(|kind| kind.code()));
    for step in scenarios.iter().flat_map(|scenario| &scenario.steps) {
        let Action::Call { call, expectation } = &step.action else {
            continue;
        };
        if let Expectation::Error { code, .. } = expectation {
            wanted.remove(code.as_str());
            continue;
        }
        for word in call.iter().filter_map(|part| part.as_str()).take(3) {
            wanted.remove(word);
        }
    }
    assert!(wanted.is_empty(), "no scenario has {wanted:?}");
}

#[test]
fn what_http_does_not_have_is_listed_and_nothing_else() {
    let routed: BTreeSet<&str> = http::routes::OPERATIONS.iter().copied().collect();
    let absent: BTreeSet<&str> = http::absent::OPERATIONS.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    assert_eq!(routed.intersection(&absent).count(), 0, "{routed:?} and {absent:?}");
    assert_eq!(routed.union(&absent).copied().collect::<BTreeSet<_>>(), all);
    assert!(http::routes::PARTIAL.iter().all(|(name, _)| routed.contains(name)));
    assert_eq!(http::questions_without_route(), Vec::<&str>::new());
    let calls = calls(&scenarios());
    for kind in http::absent::CALLS {
        assert!(calls.iter().any(|call| kind.is(call)), "no scenario has {}", kind.what);
    }
}
