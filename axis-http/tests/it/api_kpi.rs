//! KPIs over HTTP: the shape of the answers, and what is wrong.

use serde_json::json;

use crate::support::{Project, Server};

fn served(rows: u64) -> (Project, Server) {
    let (project, _source) = Project::demo(rows);
    let server = project.server();
    (project, server)
}

#[test]
fn there_is_nothing_before_the_first_sync() {
    let (_project, server) = served(1);
    assert_eq!(
        server.json("/api/kpi/categories"),
        json!({ "success": true, "categories": [], "date_range": null })
    );
    assert_eq!(
        server.json("/api/kpi/trends"),
        json!({ "success": true, "data": [], "kpi_names": [], "trend_lines": ["daily", "avg_7d", "avg_30d"] })
    );
    assert_eq!(
        server.json("/api/kpi/filters"),
        json!({
            "success": true, "source_names": [], "environments": [], "kpi_categories": [], "kpi_names": [],
            "source_types": [], "segments": [], "kpi_order": {}, "composition_charts": [],
        })
    );
}

#[test]
fn the_demonstration_has_cards_lines_and_filters() {
    let (_project, server) = served(1);
    server.sync("kpi", "kpi_data");
    let filters = server.json("/api/kpi/filters");
    assert_eq!(filters["segments"], json!(["enterprise", "small business"]));
    assert_eq!(
        filters["composition_charts"][0]["kpis"][0]["kpi_name"],
        "task_success_rate"
    );
    let source = filters["source_names"][0].as_str().unwrap();

    let answer = server.json("/api/kpi/categories");
    let panels: Vec<_> = answer["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| &panel["category"])
        .collect();
    assert_eq!(panels, ["quality", "efficiency", "volume"]);
    let quality = answer["categories"][0]["kpis"].as_array().unwrap();
    let names: Vec<_> = quality.iter().map(|card| &card["kpi_name"]).collect();
    assert_eq!(names, ["customer_satisfaction", "escalation_rate", "task_success_rate"]);
    assert_eq!(quality[0]["display_name"], "Customer Satisfaction (of 5)");
    assert_eq!(quality[0]["sparkline"].as_array().unwrap().len(), 30);
    // 60 days of 4 agents in 2 segments.
    assert_eq!(quality[0]["record_count"], 480);
    assert_eq!(quality[1]["polarity"], "lower_better");

    let line = |query: &str| {
        let trends = server.json(&format!("/api/kpi/trends?kpi_names=cases_handled{query}"));
        assert_eq!(trends["kpi_names"], json!(["cases_handled"]));
        trends["data"].as_array().unwrap().clone()
    };
    let (all, one) = (line(""), line(&format!("&source_name={source}")));
    assert_eq!((all.len(), one.len()), (60, 60));
    assert_eq!((&all[0]["count"], &one[0]["count"]), (&json!(8), &json!(2)));
    assert!(all[0]["value"].as_f64() > one[0]["value"].as_f64());
    // A time filter leaves the averages of the days that remain as they are.
    let day = all[40]["date"].as_str().unwrap();
    assert_eq!(line(&format!("&time_start={day}")), all[40..]);
    assert_eq!(
        line(&format!("&time_start={day}%2000:00:00%2B00:00&source_name=")),
        all[40..]
    );

    let two = server.json("/api/kpi/trends?kpi_names=cases_handled,%20cost_per_case,&unknown=1");
    assert_eq!(two["kpi_names"], json!(["cases_handled", "cost_per_case"]));
    let none = server.json("/api/kpi/categories?segment=nobody");
    assert_eq!(none, json!({ "success": true, "categories": [], "date_range": null }));
    let head = server.request("HEAD", "/api/kpi/categories", &[]);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[test]
fn what_is_wrong_is_told() {
    let (project, server) = served(1);
    for path in ["categories", "trends"] {
        let answer = server.get(&format!("/api/kpi/{path}?time_start=yesterday"));
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .starts_with("time_start is no time"),
            "{answer:?}"
        );
    }
    drop(server);
    let url = serde_json::Value::from(format!("sqlite:{}", project.path().join("source.db").display()));
    let text =
        format!("kpi_db:\n  enabled: true\n  url: {url}\n  query: select id, kpi_name, numeric_value from kpis\n");
    project.config("kpi_db.yaml", &text);
    let run = project.axis(&["sync", "kpi"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lacks = "the KPIs lack the columns `kpi_category`, `created_at`";
    assert!(run.stderr.contains(lacks), "{}", run.stderr);
    let server = project.server();
    for path in ["categories", "trends", "filters"] {
        let answer = server.get(&format!("/api/kpi/{path}"));
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(
            answer.json()["detail"].as_str().unwrap().starts_with(lacks),
            "{answer:?}"
        );
    }
}
