//! Charts of evaluations: rows of the body, rows of the store.

use serde_json::{Value, json};

use crate::support::{Project, Server};

const QUESTIONS: [&str; 6] = [
    "summary",
    "distribution?metric=quality",
    "comparison?group_by=evaluation_name",
    "correlation",
    "radar",
    "scatter?x_metric=quality&y_metric=tone",
];

fn ask(server: &Server, question: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/analytics/{question}");
    let answer = server.send("POST", &path, &[], "application/json", body.to_string().as_bytes());
    (answer.status, answer.json())
}

fn rows() -> Value {
    json!([
        { "dataset_id": "a", "evaluation_name": "one", "quality": 0.2, "tone": 1, "depth": 3 },
        { "dataset_id": "b", "evaluation_name": "one", "quality": 0.6, "tone": 2, "depth": 3 },
        { "dataset_id": "c", "evaluation_name": "two", "quality": 0.7, "tone": 3, "depth": 3 },
    ])
}

#[test]
fn posted_rows_win_over_the_store_and_none_means_the_store() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    // Nothing is stored: no rows at all are an answer, and the store itself is not there yet.
    let (status, empty) = ask(&server, "summary", &json!([]));
    assert_eq!(
        (status, &empty["summary"], &empty["total_records"]),
        (200, &json!([]), &json!(0))
    );
    let (status, detail) = ask(&server, "summary?source=store", &json!([]));
    assert_eq!(status, 404, "{detail}");

    server.sync("eval", "eval_data");
    let (status, posted) = ask(&server, "summary", &rows());
    assert_eq!((status, &posted["source"]), (200, &json!("body")));
    let quality = &posted["summary"][0];
    assert_eq!(
        (&quality["metric_name"], &quality["mean"], &quality["count"]),
        (&json!("quality"), &json!(0.5), &json!(3))
    );
    assert_eq!(quality["passing_rate"], 2.0 / 3.0);
    for body in [json!([]), json!({ "data": [] }), Value::Null] {
        let (status, stored) = ask(&server, "summary", &body);
        assert_eq!((status, &stored["source"]), (200, &json!("store")));
        assert_eq!(stored["total_records"], 240);
        assert!(stored["summary"].as_array().unwrap().len() > 2, "{stored}");
    }
    let (_, forced) = ask(&server, "summary?source=store", &rows());
    assert_eq!(forced["source"], "store");
    let (_, forced) = ask(&server, "summary?source=body", &json!([]));
    assert_eq!((&forced["source"], &forced["summary"]), (&json!("body"), &json!([])));

    // The store's metrics are the numbers of its rows.
    let metric = forced_metric(&server);
    let sql = server.json("/api/store/metadata/eval");
    let stored = ask(&server, "summary", &json!([])).1;
    assert_eq!(stored["total_rows"], sql["metadata"]["row_count"]);
    for question in [
        format!("distribution?metric={metric}&bins=5"),
        "comparison?group_by=evaluation_name".to_owned(),
        "correlation".to_owned(),
        "radar?group_by=evaluation_name".to_owned(),
        format!("scatter?x_metric={metric}&y_metric=latency&color_by=model_name"),
    ] {
        let (status, answer) = ask(&server, &question, &json!([]));
        assert_eq!(
            (status, &answer["source"]),
            (200, &json!("store")),
            "{question}: {answer}"
        );
    }
}

fn forced_metric(server: &Server) -> String {
    let (_, stored) = ask(server, "summary", &json!([]));
    stored["summary"][0]["metric_name"]
        .as_str()
        .unwrap()
        .replace(' ', "%20")
}

#[test]
fn both_layouts_of_the_body_and_every_spelling_of_metrics_are_read() {
    let (project, _source) = Project::demo(1);
    let server = project.server();
    let object = json!({ "data": rows(), "metrics": ["quality", "tone"] });
    let bare = rows();
    let asked = [
        ("correlation", &object),
        ("correlation?metrics=quality,tone", &bare),
        ("correlation?metrics=quality&metrics=tone", &bare),
        ("correlation?metrics%5B%5D=quality&metrics%5B%5D=tone", &bare),
    ];
    for (question, body) in asked {
        let (status, answer) = ask(&server, question, body);
        assert_eq!(
            (status, &answer["metrics"]),
            (200, &json!(["quality", "tone"])),
            "{question}"
        );
    }
    let (_, comparison) = ask(&server, "comparison?group_by=evaluation_name&metrics=tone", &bare);
    assert_eq!(
        comparison["comparison"],
        json!([
            { "group": "one", "tone": { "mean": 1.5, "std": std::f64::consts::FRAC_1_SQRT_2, "count": 2 } },
            { "group": "two", "tone": { "mean": 3.0, "std": 0.0, "count": 1 } },
        ])
    );
    let (_, radar) = ask(&server, "radar", &bare);
    assert_eq!(
        radar["traces"],
        json!([{ "name": "Overall", "values": [0.5, 2.0, 3.0] }])
    );
    let (_, scatter) = ask(
        &server,
        "scatter?x_metric=tone&y_metric=depth&color_by=evaluation_name",
        &bare,
    );
    assert_eq!(
        (&scatter["ids"], &scatter["color"]),
        (&json!(["a", "b", "c"]), &json!(["one", "one", "two"]))
    );
}

#[test]
fn what_is_wrong_is_told_in_the_shape_that_clients_know() {
    let (project, _source) = Project::demo(1);
    let server = project.server();
    for question in QUESTIONS {
        let (status, _) = ask(&server, question, &rows());
        assert_eq!(status, 200, "{question}");
        let (status, answer) = ask(&server, question, &json!([{ "quality": 1 }, 7]));
        assert_eq!(status, 422, "{question}");
        let problem = &answer["detail"][0];
        assert_eq!(
            (&problem["type"], &problem["loc"]),
            (&json!("dict_type"), &json!(["body", 1]))
        );
        let answer = server.send(
            "POST",
            &format!("/api/analytics/{question}"),
            &[],
            "application/json",
            b"[{]",
        );
        assert_eq!(answer.status, 422);
        assert_eq!(answer.json()["detail"][0]["type"], "json_invalid");
    }
    let of = |question: &str| ask(&server, question, &rows());
    for question in [
        "distribution?metric=nothing",
        "comparison?group_by=nothing",
        "correlation?metrics=quality",
        "radar?metrics=quality,tone",
        "radar?group_by=nothing",
        "scatter?x_metric=quality&y_metric=nothing",
        "scatter?x_metric=quality&y_metric=tone&color_by=nothing",
        "summary?metrics=nothing",
    ] {
        let (status, answer) = of(question);
        assert_eq!(status, 400, "{question}: {answer}");
        assert!(answer["detail"].is_string());
    }
    let kind = |question: &str| {
        let (status, answer) = of(question);
        assert_eq!(status, 422, "{question}: {answer}");
        let problem = answer["detail"][0].clone();
        (problem["type"].as_str().unwrap().to_owned(), problem["loc"][1].clone())
    };
    assert_eq!(kind("distribution"), ("missing".to_owned(), json!("metric")));
    assert_eq!(
        kind("distribution?metric=quality&bins=0"),
        ("greater_than_equal".to_owned(), json!("bins"))
    );
    assert_eq!(
        kind("distribution?metric=quality&bins=1001"),
        ("less_than_equal".to_owned(), json!("bins"))
    );
    assert_eq!(kind("comparison"), ("missing".to_owned(), json!("group_by")));
    assert_eq!(
        kind("summary?source=file"),
        ("literal_error".to_owned(), json!("source"))
    );
    let large = vec![b' '; 50 * 1024 * 1024 + 1];
    let answer = server.send("POST", "/api/analytics/summary", &[], "application/json", &large);
    assert_eq!(answer.status, 413, "{answer:?}");
}
