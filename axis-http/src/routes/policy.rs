//! What every route demands, in one table: who may call it, what its answer depends on, and how long it may take.
//!
//! A route that has no line here can be called by an `admin` alone; a test wants a line for each.

use std::collections::HashMap;

use axis_core::config::Role;
use axis_core::config::Role::{Admin, Read, Sync};
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
    /// A parameter of the query that asks for more, and the role that this needs.
    pub(crate) raised: Option<(&'static str, Role)>,
    pub(crate) depends: Depends,
    /// A file of the custom directory that is read anew for each answer.
    pub(crate) file: Option<&'static str>,
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
        raised: None,
        depends: Depends::Unknown,
        file: None,
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

#[cfg(feature = "ui")]
const fn open_page(path: &'static str) -> Policy {
    Policy {
        page: true,
        ..open(path)
    }
}

const fn get_as(path: &'static str, role: Role) -> Policy {
    Policy {
        access: Access::Needs(role),
        ..get(path)
    }
}

const fn delete(path: &'static str, role: Role) -> Policy {
    Policy {
        method: "DELETE",
        access: Access::Needs(role),
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
        (self.access == Access::Open && !self.page) || self.path.ends_with("/metrics")
    }

    const fn on(mut self, datasets: &'static [&'static str]) -> Self {
        self.depends = Depends::On(datasets);
        self
    }

    const fn and_file(mut self, file: &'static str) -> Self {
        self.file = Some(file);
        self
    }

    const fn named(mut self) -> Self {
        self.depends = Depends::Named;
        self
    }

    const fn raised_by(mut self, parameter: &'static str, role: Role) -> Self {
        self.raised = Some((parameter, role));
        self
    }

    const fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }
}

const KPI: &[&str] = &["kpi"];
const MONITORING: &[&str] = &["monitoring"];
const SIGNALS: &[&str] = &["human_signals"];
/// How signals are shown.
const SIGNALS_FILE: &str = "config/signals_metrics.yaml";

/// Every route.
pub(crate) const ROUTES: &[Policy] = &[
    open("/"),
    open("/health"),
    open("/ready"),
    page("/docs"),
    page("/docs/"),
    page("/docs/{*rest}"),
    page("/openapi.json"),
    // The page asks for the key itself.
    #[cfg(feature = "ui")]
    open_page("/ui"),
    #[cfg(feature = "ui")]
    open_page("/ui/"),
    #[cfg(feature = "ui")]
    open_page("/ui/{*path}"),
    get("/metrics"),
    get("/api/v1/metrics"),
    post("/api/store/sync", Sync),
    post("/api/store/sync/{dataset}", Sync),
    post("/api/store/sync/{dataset}/reset-watermark", Sync),
    post("/api/store/verify/{dataset}", Sync).untimed(),
    delete("/api/store/sync/{dataset}", Sync),
    get_as("/api/store/backup", Admin).untimed(),
    get("/api/store/status"),
    get("/api/store/datasets"),
    get("/api/store/runs"),
    // It ends when the client has heard enough.
    get("/api/store/events").untimed(),
    get("/api/store/metadata/{dataset}").named(),
    get("/api/store/data/{dataset}").named(),
    delete("/api/store/upload/{dataset}", Sync),
    get("/api/kpi/categories").on(KPI),
    get("/api/kpi/trends").on(KPI),
    get("/api/kpi/filters").on(KPI),
    get("/api/monitoring/analytics/summary").on(MONITORING),
    get("/api/monitoring/analytics/trends").on(MONITORING),
    get("/api/monitoring/analytics/metric-breakdown").on(MONITORING),
    get("/api/monitoring/analytics/latency-distribution").on(MONITORING),
    get("/api/monitoring/analytics/class-distribution").on(MONITORING),
    get("/api/monitoring/analytics/correlation").on(MONITORING),
    get("/api/monitoring/analytics/classification-breakdown").on(MONITORING),
    get("/api/monitoring/analytics/classification-trends").on(MONITORING),
    get("/api/monitoring/analytics/analysis-insights").on(MONITORING),
    get("/api/monitoring/analytics/anomalies").on(MONITORING),
    post("/api/monitoring/upload", Read).raised_by("store", Sync),
    get("/api/monitoring/example/{name}"),
    get("/api/monitoring/db-config"),
    post("/api/monitoring/db-import", Admin),
    post("/api/analytics/summary", Read),
    post("/api/analytics/distribution", Read),
    post("/api/analytics/comparison", Read),
    post("/api/analytics/correlation", Read),
    post("/api/analytics/radar", Read),
    post("/api/analytics/scatter", Read),
    post("/api/data/upload", Read).raised_by("store", Sync),
    post("/api/data/detect-format", Read),
    post("/api/data/convert-tree", Read),
    post("/api/data/prepare-analytics", Read),
    get("/api/data/example/{name}"),
    get("/api/data/eval-db-config"),
    post("/api/data/eval-db-import", Admin),
    post("/api/human-signals/upload", Read),
    get("/api/human-signals/example/{name}"),
    get("/api/human-signals/db-config"),
    // It answers what is stored, and syncs when it is told to.
    post("/api/human-signals/db-import", Read)
        .raised_by("sync", Sync)
        .untimed(),
    get("/api/human-signals/cases").on(SIGNALS).and_file(SIGNALS_FILE),
    get("/api/human-signals/metric-schema")
        .on(SIGNALS)
        .and_file(SIGNALS_FILE),
    // The time limit is the query's own. Whose query may be ended is decided by the handler.
    post("/api/query", Read).untimed(),
    get("/api/query"),
    delete("/api/query/{id}", Read),
    get_as("/api/database/defaults", Admin),
    get_as("/api/database/stats", Admin),
    post("/api/database/connect", Admin),
    delete("/api/database/{handle}", Admin),
    get_as("/api/database/{handle}/tables", Admin),
    get_as("/api/database/{handle}/schema", Admin),
    post("/api/database/{handle}/distinct-values", Admin),
    post("/api/database/{handle}/preview", Admin),
    post("/api/database/{handle}/query", Admin),
    post("/api/database/{handle}/query-import", Admin),
    post("/api/database/{handle}/import", Admin),
    get("/api/config/theme"),
    get("/api/config/visibility"),
    get("/api/config/agents"),
    get("/api/config/features"),
    get("/api/config/plugins"),
    get("/api/config/memory"),
    get("/api/config/assets/{type}/{file}"),
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
    #[cfg(feature = "ui")]
    fn the_dashboard_is_loaded_before_there_is_a_key() {
        let policies = Policies::new();
        for path in ["/ui", "/ui/", "/ui/{*path}"] {
            let policy = policies.find(&Method::GET, path).unwrap();
            assert_eq!(policy.access, Access::Open, "{path}");
            assert!(policy.page && !policy.is_probe(), "{path}");
            assert!(policies.find(&Method::POST, path).is_none(), "{path}");
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
