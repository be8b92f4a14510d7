//! The description of the API and the page that shows it.

use serde_json::json;

use crate::support::Project;

#[test]
fn the_page_needs_nothing_from_elsewhere_and_runs_under_its_policy() {
    let server = Project::new().server();
    let moved = server.get("/docs");
    assert_eq!((moved.status, moved.header("location")), (303, "/docs/"));
    let page = server.get("/docs/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("unsafe-eval"),
        "{policy}"
    );
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.text.split(attribute).skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(!name.contains("//"), "{name} is elsewhere");
            let part = server.get(&format!("/docs/{}", name.trim_start_matches("./")));
            assert_eq!(part.status, 200, "{name}");
            assert_eq!(part.header("content-security-policy"), policy);
            loaded += 1;
        }
    }
    assert!(loaded >= 5, "{}", page.text);
    for script in page.text.split("<script").skip(1) {
        let (tag, inside) = script.split_once('>').unwrap();
        let inside = inside.split("</script>").next().unwrap();
        assert!(
            tag.contains("src=") && inside.trim().is_empty(),
            "a script of its own would be forbidden: {script}"
        );
    }
    let start = server.get("/docs/swagger-initializer.js").text;
    assert!(
        start.contains("/openapi.json") && !start.contains("petstore"),
        "{start}"
    );
}

#[test]
fn the_document_says_how_to_be_recognised() {
    let server = Project::new().server();
    let document = server.json("/openapi.json");
    assert_eq!(document["info"]["title"], "AXIS");
    assert_eq!(document["servers"][0]["url"], "/");
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        (&schemes["bearer"]["type"], &schemes["bearer"]["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    assert_eq!(
        (&schemes["api_key"]["in"], &schemes["api_key"]["name"]),
        (&json!("header"), &json!("X-API-Key"))
    );
    assert_eq!(document["security"], json!([{}, { "bearer": [] }, { "api_key": [] }]));
    for path in ["/", "/health", "/ready"] {
        assert_eq!(document["paths"][path]["get"]["security"], json!([{}]), "{path}");
    }
}

#[test]
fn head_answers_wherever_get_does() {
    let (project, _source) = Project::demo(20);
    let server = project.server();
    let document = server.json("/openapi.json");
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let answers = &operations["get"]["responses"]["200"]["content"];
        // A stream of events does not end.
        if operations.get("get").is_none() || answers["text/event-stream"].is_object() {
            continue;
        }
        let path = path
            .split('/')
            .map(|part| if part.starts_with('{') { "kpi" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let (head, get) = (server.request("HEAD", &path, &[]), server.get(&path));
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        asked += 1;
    }
    assert!(asked > 5);
}

#[test]
fn metrics_tell_about_requests_datasets_and_the_store() {
    let (project, _source) = Project::demo(20);
    let server = project.server();
    server.sync("kpi", "kpi_data");
    let rows = server.status("kpi_data")["rows"].as_u64().unwrap();
    server.get("/nothing");
    let answer = server.get("/api/v1/metrics");
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text;
    for expected in [
        "axis_http_requests_total{route=\"/api/store/sync/{dataset}\",method=\"POST\",status=\"200\"} 1".to_owned(),
        "axis_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 1".to_owned(),
        "axis_http_requests_in_flight 1".to_owned(),
        "axis_dataset_generation{dataset=\"kpi\"} 1".to_owned(),
        "axis_dataset_generation{dataset=\"eval\"} 0".to_owned(),
        format!("axis_dataset_rows{{dataset=\"kpi\"}} {rows}"),
        "axis_dataset_last_sync_ok{dataset=\"kpi\"} 1".to_owned(),
        "axis_dataset_syncing{dataset=\"kpi\"} 0".to_owned(),
        "axis_query_slots 6".to_owned(),
        "axis_queries_waiting 0".to_owned(),
        "axis_audit_failures_total 0".to_owned(),
    ] {
        assert!(
            text.lines().any(|line| line == expected),
            "{expected} is not in:\n{text}"
        );
    }
    assert!(
        !text.contains("axis_dataset_rows{dataset=\"eval\"}"),
        "what was never synced has no rows to tell"
    );
    let bytes = text
        .lines()
        .find_map(|line| line.strip_prefix("axis_store_bytes "))
        .unwrap();
    assert!(bytes.parse::<u64>().unwrap() > 10_000);
    let age = text
        .lines()
        .find_map(|line| line.strip_prefix("axis_dataset_age_seconds{dataset=\"kpi\"} "))
        .unwrap();
    assert!(age.parse::<f64>().unwrap() < 60.0);
    // Every sample has a family that was described before it.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = name
            .trim_end_matches("_bucket")
            .trim_end_matches("_sum")
            .trim_end_matches("_count");
        let described = |name: &str| text.contains(&format!("# TYPE {name} "));
        assert!(described(name) || described(family), "{line}");
    }
}
