//! What is asked.

use hyper::Method;

/// Filters that a dashboard sends.
const FILTERED: &str = "environment=production&source_name=policy-search&metric_category=SCORE&time_start=2026-04-01%2000:00:00&time_end=2026-05-15%2000:00:00";

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) body: Option<String>,
    /// Whether its answer may be reused while the data is the same.
    pub(crate) reusable: bool,
    /// Whether it is asked under load.
    pub(crate) loaded: bool,
}

impl Endpoint {
    fn get(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            body: None,
            reusable: false,
            loaded: false,
        }
    }

    fn post(name: &str, path: &str, body: &str) -> Self {
        Self {
            body: Some(body.to_owned()),
            ..Self::get(name, path)
        }
    }

    fn reusable(mut self) -> Self {
        self.reusable = true;
        self
    }

    fn loaded(mut self) -> Self {
        self.loaded = true;
        self
    }

    pub(crate) fn method(&self) -> Method {
        if self.body.is_some() { Method::POST } else { Method::GET }
    }
}

/// Everything that is asked, in the order of the report.
pub(crate) fn all() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::get("health", "/health").loaded(),
        Endpoint::get("status", "/api/store/status"),
    ];
    all.extend(monitoring());
    all.extend(pages());
    all.extend(others());
    all.extend(queries());
    all
}

fn monitoring() -> Vec<Endpoint> {
    let mut all = Vec::new();
    for (name, parameters) in [
        ("summary", ""),
        ("trends", ""),
        ("metric-breakdown", ""),
        ("metric-breakdown by source", "group_by=source_name"),
        ("latency-distribution", ""),
        ("latency-distribution by source", "group_by=source_name"),
        ("class-distribution", "metric=metric_score&group_by=source_name"),
        (
            "correlation",
            "metrics=faithfulness,answer_relevancy,helpfulness,toxicity",
        ),
        ("classification-breakdown", ""),
        ("classification-trends", "metric_name=sentiment"),
        ("analysis-insights", ""),
        ("anomalies", ""),
    ] {
        let route = name.split(' ').next().unwrap_or(name);
        let path = format!("/api/monitoring/analytics/{route}");
        let whole = Endpoint::get(&format!("monitoring {name}"), &format!("{path}?{parameters}"));
        let filtered = Endpoint::get(
            &format!("monitoring {name}, filtered"),
            &format!("{path}?{parameters}&{FILTERED}"),
        );
        if name == "summary" {
            all.push(whole.reusable().loaded());
            all.push(filtered.reusable().loaded());
        } else {
            all.push(whole);
            all.push(filtered);
        }
    }
    all
}

fn pages() -> Vec<Endpoint> {
    let page = |name: &str, parameters: &str| {
        let path = format!("/api/store/data/monitoring?page_size=50&{parameters}");
        Endpoint::get(&format!("data {name}"), &path)
    };
    let few = "&metric_category=SCORE&environment=production";
    vec![
        page("page 1", "page=1").reusable().loaded(),
        page("page 1, filtered", &format!("page=1{few}")),
        page("page 1,000, filtered", &format!("page=1000{few}")),
        page("page 20,000", "page=20000"),
        page("page 20,000, ascending", "page=20000&sort_by=timestamp&sort_dir=asc"),
        page("last page", "page=40000"),
        page("page 1, one source and 45 days", &format!("page=1&{FILTERED}")),
        page("page 1 by score", "page=1&sort_by=metric_score"),
        page("search, frequent", "search=invoice"),
        page("search, rare", "search=order%20123456%20"),
        page("search, nothing", "search=100%25%20sure"),
        page("search, filtered", &format!("search=invoice{few}")),
        Endpoint::get("data kpi page 1", "/api/store/data/kpi?page=1"),
        Endpoint::get("data eval page 1", "/api/store/data/eval?page=1"),
        Endpoint::get("data signals page 1", "/api/store/data/human_signals?page=1"),
        Endpoint::get("metadata", "/api/store/metadata/monitoring").reusable(),
    ]
}

fn others() -> Vec<Endpoint> {
    vec![
        Endpoint::get("kpi categories", "/api/kpi/categories").reusable(),
        Endpoint::get(
            "kpi categories, filtered",
            "/api/kpi/categories?source_name=policy-search&environment=production&time_start=2026-04-01",
        ),
        Endpoint::get("kpi trends", "/api/kpi/trends"),
        Endpoint::get(
            "kpi trends, filtered",
            "/api/kpi/trends?source_name=policy-search&kpi_names=cases_handled",
        ),
        Endpoint::get("kpi filters", "/api/kpi/filters"),
        Endpoint::get("signals cases", "/api/human-signals/cases?page=1&page_size=50"),
        Endpoint::get(
            "signals cases, page 200",
            "/api/human-signals/cases?page=200&page_size=50",
        ),
        Endpoint::get("signals metric-schema", "/api/human-signals/metric-schema"),
        Endpoint::post("eval summary", "/api/analytics/summary", "[]"),
        Endpoint::post(
            "eval distribution",
            "/api/analytics/distribution?metric=correctness",
            "[]",
        ),
        Endpoint::post(
            "eval comparison",
            "/api/analytics/comparison?group_by=evaluation_name",
            "[]",
        ),
        Endpoint::post("eval correlation", "/api/analytics/correlation", "[]"),
        Endpoint::post(
            "eval radar",
            "/api/analytics/radar?metrics=overall,correctness,tone",
            "[]",
        ),
        Endpoint::post(
            "eval scatter",
            "/api/analytics/scatter?x_metric=correctness&y_metric=tone",
            "[]",
        ),
    ]
}

fn queries() -> Vec<Endpoint> {
    let query = |name: &str, sql: &str, format: &str| {
        let body = serde_json::json!({ "sql": sql, "format": format, "max_rows": 100_000 });
        Endpoint::post(&format!("query {name}"), "/api/query", &body.to_string())
    };
    vec![
        query("one row", "select 1 as one", "json").loaded(),
        query(
            "mean score a metric",
            "select metric_name, avg(metric_score) from monitoring_results group by 1 order by 1",
            "json",
        ),
        query(
            "100,000 rows, JSON",
            "select * from monitoring_results limit 100000",
            "json",
        ),
        query(
            "100,000 rows, CSV",
            "select * from monitoring_results limit 100000",
            "csv",
        ),
        query(
            "100,000 rows, Arrow",
            "select * from monitoring_results limit 100000",
            "arrow",
        ),
    ]
}
