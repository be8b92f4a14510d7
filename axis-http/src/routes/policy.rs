//! What every route demands, in one table: who may call it, what its answer depends on, and how long it may take.
//!
//! A route that has no line here can be called by an `admin` alone; a test wants a line for each.

use std::collections::HashMap;

use axis_core::config::Role;
use axis_core::config::Role::{Read, Sync};
use axum::http::Method;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, at any time: probes ask before they have a key, and while everything else is refused.
    Open,
    /// Whoever has this role or more.
    Needs(Role),
}

/// Whose changes change the answer of a GET route. As long as those datasets stay as they are, answers are kept and clients
/// that have one are told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depends {
    /// More than the data of datasets: nothing is kept.
    Unknown,
    /// These datasets, and the configuration.
    On(&'static [&'static str]),
    /// The dataset that the path ends with, and the configuration.
    Named,
}

/// What one route demands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) method: &'static str,
    /// The path as it is written in the router.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) depends: Depends,
    /// Whether the time limit of requests holds; a route without it has one of its own, or may take as long as it takes.
    pub(crate) timed: bool,
    /// Whether people open it in a browser, which can only ask for a name and a password.
    pub(crate) page: bool,
}

const fn open(path: &'static str) -> Policy {
    Policy {
        access: Access::Open,
        ..get(path)
    }
}

const fn get(path: &'static str) -> Policy {
    Policy {
        method: "GET",
        path,
        access: Access::Needs(Read),
        depends: Depends::Unknown,
        timed: true,
        page: false,
    }
}

const fn page(path: &'static str) -> Policy {
    Policy {
        page: true,
        ..get(path)
    }
}

const fn post(path: &'static str, role: Role) -> Policy {
    Policy {
        method: "POST",
        access: Access::Needs(role),
        ..get(path)
    }
}

impl Policy {
    /// Whether machines ask it all the time, so that the log need not tell.
    pub(crate) fn is_probe(&self) -> bool {
        self.access == Access::Open || self.path.ends_with("/metrics")
    }

    const fn on(mut self, datasets: &'static [&'static str]) -> Self {
        self.depends = Depends::On(datasets);
        self
    }

    const fn named(mut self) -> Self {
        self.depends = Depends::Named;
        self
    }

    const fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }
}

/// Every route.
pub(crate) const ROUTES: &[Policy] = &[
    open("/"),
    open("/health"),
    open("/ready"),
    page("/docs"),
    page("/docs/"),
    page("/docs/{*rest}"),
    page("/openapi.json"),
    get("/metrics"),
    get("/api/v1/metrics"),
    post("/api/store/sync", Sync),
    post("/api/store/sync/{dataset}", Sync),
    post("/api/store/sync/{dataset}/reset-watermark", Sync),
    post("/api/store/verify/{dataset}", Sync).untimed(),
    get("/api/store/status"),
    get("/api/store/metadata/{dataset}").named(),
    get("/api/store/data/{dataset}").named(),
];

/// The table, by path.
#[derive(Debug)]
pub(crate) struct Policies(HashMap<&'static str, Vec<&'static Policy>>);

impl Policies {
    pub(crate) fn new() -> Self {
        let mut by_path: HashMap<_, Vec<_>> = HashMap::new();
        for policy in ROUTES {
            by_path.entry(policy.path).or_default().push(policy);
        }
        Self(by_path)
    }

    /// Finds what a route demands; HEAD is GET without a body.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<&'static Policy> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        let known = self.0.get(path)?;
        known.iter().find(|policy| policy.method == method).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_there_twice() {
        for (index, policy) in ROUTES.iter().enumerate() {
            let same = |other: &&Policy| other.path == policy.path && other.method == policy.method;
            assert_eq!(
                ROUTES.iter().position(|other| same(&other)),
                Some(index),
                "{}",
                policy.path
            );
        }
    }

    #[test]
    fn a_method_without_a_line_is_not_found() {
        let policies = Policies::new();
        let path = "/api/store/status";
        assert!(policies.find(&Method::HEAD, path).is_some());
        assert!(policies.find(&Method::DELETE, path).is_none());
        assert_eq!(policies.find(&Method::GET, path).unwrap().access, Access::Needs(Read));
    }
}
