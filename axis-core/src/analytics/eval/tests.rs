//! Answers computed by hand.

use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;
use crate::uploads::{Limits, Posted};

fn frame(rows: &Value) -> Frame {
    let posted = Posted::read(rows.to_string().as_bytes(), Limits::default()).unwrap();
    Frame::of_rows(&posted.table).unwrap()
}

fn wide() -> Frame {
    frame(&json!([
        { "dataset_id": "a", "evaluation_name": "one", "model": 3, "quality": 0.2, "tone": 1, "same": 0.1, "note": "x" },
        { "dataset_id": "b", "evaluation_name": "one", "model": 10, "quality": 0.4, "tone": 2, "same": 0.1, "note": 5 },
        { "dataset_id": "c", "evaluation_name": "two", "model": 3, "quality": 0.6, "tone": 4, "same": 0.1 },
        { "dataset_id": "d", "evaluation_name": null, "model": 3, "quality": 0.8, "same": 0.1, "note": null },
    ]))
}

fn long() -> Frame {
    let row = |id: &str, metric: &str, score: Value, category: Value| {
        json!({
            "dataset_id": id, "evaluation_name": if id == "c" { "two" } else { "one" },
            "metric_name": metric, "metric_score": score, "metric_category": category, "latency": 1.5,
        })
    };
    frame(&json!([
        row("a", "tone", json!(0.5), json!("score")),
        row("a", "quality", json!(0.2), Value::Null),
        row("b", "quality", json!("0.4"), Value::Null),
        row("b", "tone", json!("friendly"), json!("SCORE")),
        row("c", "quality", json!(0.5), Value::Null),
        row("c", "quality", json!(0.7), Value::Null),
        row("c", "tone", json!(1.0), json!("Analysis")),
        row("c", "topic", json!("billing"), json!("CLASSIFICATION")),
    ]))
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn a_summary_has_sample_deviations_and_fractions_that_pass() {
    let summary = summary(&wide(), &MetricFilter::default()).unwrap();
    let names: Vec<&str> = summary
        .summary
        .iter()
        .map(|metric| metric.metric_name.as_str())
        .collect();
    // Numbers in every row that has a value make a metric; `note` mixes them with texts.
    assert_eq!(names, ["model", "quality", "tone", "same"]);
    assert_eq!((summary.total_records, summary.total_rows), (4, 4));
    let quality = &summary.summary[1];
    near(quality.mean, 0.5);
    near(quality.std, (0.2_f64 / 3.0).sqrt());
    assert_eq!(
        (quality.min, quality.max, quality.count, quality.passing_rate),
        (0.2, 0.8, 4, 0.5)
    );
    let tone = &summary.summary[2];
    near(tone.mean, 7.0 / 3.0);
    // Squares of the distances from 7/3: 16/9 + 1/9 + 25/9 = 42/9; halved, 7/3.
    near(tone.std, (7.0_f64 / 3.0).sqrt());
    assert_eq!((tone.count, tone.passing_rate), (3, 1.0));
    assert_eq!(summary.summary[3].std, 0.0);
    assert_eq!(serde_json::to_value(&summary).unwrap()["source"], "body");
}

#[test]
fn long_rows_are_brought_together_by_record() {
    let frame = long();
    let summary = summary(&frame, &MetricFilter::default()).unwrap();
    assert_eq!((summary.total_records, summary.total_rows), (3, 8));
    let names: Vec<&str> = summary
        .summary
        .iter()
        .map(|metric| metric.metric_name.as_str())
        .collect();
    assert_eq!(names, ["quality", "tone"], "labels are no scores");
    let quality = &summary.summary[0];
    // 0.2, 0.4 and the mean of 0.5 and 0.7.
    near(quality.mean, 0.4);
    near(quality.std, 0.2);
    assert_eq!(quality.count, 3);
    let correlation = correlation(&frame, &MetricFilter::default()).unwrap();
    near(correlation.correlation.rows()[0][1], 1.0);
    let scatter = scatter(
        &frame,
        &ScatterRequest::new("quality", "latency").color_by(Some("evaluation_name".to_owned())),
    );
    let scatter = serde_json::to_value(scatter.unwrap()).unwrap();
    assert_eq!(scatter["ids"], json!(["a", "b", "c"]));
    assert_eq!(scatter["y"], json!([1.5, 1.5, 1.5]));
    assert_eq!(scatter["color"], json!(["one", "one", "two"]));
    assert_eq!(
        frame.groups("metric_category").unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn metrics_are_chosen_by_name_and_category() {
    let names = |filter: MetricFilter| {
        let summary = summary(&long(), &filter)?;
        Ok::<_, crate::Error>(
            summary
                .summary
                .into_iter()
                .map(|metric| metric.metric_name)
                .collect::<Vec<_>>(),
        )
    };
    let named = |names: &[&str]| MetricFilter::default().metrics(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(names(named(&["tone,quality", "nothing"])).unwrap(), ["tone", "quality"]);
    assert_eq!(
        names(named(&["nothing"])).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let of = |category: &str| MetricFilter::default().category(Some(category.to_owned()));
    assert_eq!(names(of("score")).unwrap(), ["quality", "tone"]);
    assert_eq!(names(of("analysis")).unwrap(), ["tone"]);
    assert!(names(of("classification")).unwrap().is_empty());
}

#[test]
fn a_distribution_closes_its_last_bin_and_thins_out_evenly() {
    let answer = distribution(&wide(), &DistributionRequest::new("quality").bins(2)).unwrap();
    assert_eq!(answer.values, [0.2, 0.4, 0.6, 0.8]);
    assert_eq!(answer.histogram.counts, [2, 2]);
    near(answer.histogram.bin_edges[1], 0.5);
    near(answer.stats.q25, 0.35);
    near(answer.stats.median, 0.5);
    near(answer.stats.q75, 0.65);
    let same = distribution(&wide(), &DistributionRequest::new("same").bins(2)).unwrap();
    assert_eq!((same.histogram.counts, same.stats.std), (vec![0, 4], 0.0));
    near(same.histogram.bin_edges[0], -0.4);
    near(same.histogram.bin_edges[1], 0.1);
    near(same.histogram.bin_edges[2], 0.6);
    let few = distribution(&wide(), &DistributionRequest::new("quality").max_values(2)).unwrap();
    assert_eq!((few.values, few.values_truncated, few.count), (vec![0.2, 0.6], true, 4));
    for request in [
        DistributionRequest::new("nothing"),
        DistributionRequest::new("quality").bins(0),
        DistributionRequest::new("quality").bins(1_001),
    ] {
        assert_eq!(
            distribution(&wide(), &request).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
}

#[test]
fn groups_are_in_order_and_records_without_one_are_left_out() {
    let filter = MetricFilter::default().metrics(vec!["quality".to_owned(), "tone".to_owned()]);
    let answer = comparison(&wide(), "evaluation_name", &filter).unwrap();
    let wire = serde_json::to_value(&answer).unwrap();
    assert_eq!(wire["groups"], json!(["one", "two"]));
    assert_eq!(wire["metrics"], json!(["quality", "tone"]));
    assert_eq!(
        wire["comparison"][1],
        json!({
            "group": "two",
            "quality": { "mean": 0.6, "std": 0.0, "count": 1 },
            "tone": { "mean": 4.0, "std": 0.0, "count": 1 },
        })
    );
    near(answer.comparison[0].metrics[0].1.mean, 0.3);
    near(answer.comparison[0].metrics[0].1.std, 0.02_f64.sqrt());
    // Numbers are in the order of numbers.
    let by_number = comparison(&wide(), "model", &MetricFilter::default()).unwrap();
    assert_eq!(by_number.groups, ["3", "10"]);
    assert!(!by_number.metrics.contains(&"model".to_owned()));
    assert_eq!(
        comparison(&wide(), "nothing", &filter).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_radar_has_three_metrics_and_a_trace_for_each_group() {
    let filter = MetricFilter::default().metrics(vec!["quality".into(), "tone".into(), "same".into()]);
    let overall = radar(&wide(), None, &filter).unwrap();
    assert_eq!(overall.traces.len(), 1);
    assert_eq!(overall.traces[0].name, "Overall");
    near(overall.traces[0].values[1], 7.0 / 3.0);
    let traces = radar(&wide(), Some("evaluation_name"), &filter).unwrap().traces;
    assert_eq!(
        traces.iter().map(|trace| trace.name.as_str()).collect::<Vec<_>>(),
        ["one", "two"]
    );
    near(traces[0].values[0], 0.3);
    near(traces[0].values[1], 1.5);
    assert_eq!(traces[1].values, [0.6, 4.0, 0.1]);
    let two = MetricFilter::default().metrics(vec!["quality,tone".into()]);
    assert_eq!(
        radar(&wide(), None, &two).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn correlations_are_pairwise_and_undefined_ones_are_zero() {
    let filter = MetricFilter::default().metrics(vec!["quality,tone,same".into()]);
    let wire = serde_json::to_value(correlation(&wide(), &filter).unwrap()).unwrap();
    assert_eq!(wire["metrics"], json!(["quality", "tone", "same"]));
    // Over the three records that have both: 0.2, 0.4, 0.6 and 1, 2, 4.
    let expected = 0.6 / (0.08_f64 * (14.0 / 3.0)).sqrt();
    near(wire["correlation"]["quality"]["tone"].as_f64().unwrap(), expected);
    near(wire["correlation"]["tone"]["quality"].as_f64().unwrap(), expected);
    near(wire["correlation"]["tone"]["tone"].as_f64().unwrap(), 1.0);
    assert_eq!(
        wire["correlation"]["same"],
        json!({ "quality": 0.0, "tone": 0.0, "same": 0.0 })
    );
    let one = MetricFilter::default().metrics(vec!["quality".into()]);
    assert_eq!(
        correlation(&wide(), &one).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_scatter_has_the_records_with_both() {
    let wire = serde_json::to_value(scatter(&wide(), &ScatterRequest::new("tone", "quality")).unwrap()).unwrap();
    assert_eq!(wire["x"], json!([1.0, 2.0, 4.0]));
    assert_eq!(wire["y"], json!([0.2, 0.4, 0.6]));
    assert_eq!(wire["ids"], json!(["a", "b", "c"]));
    assert_eq!((&wire["count"], wire.get("color")), (&json!(3), None));
    let request = ScatterRequest::new("same", "quality").color_by(Some("model".to_owned()));
    let wire = serde_json::to_value(scatter(&wide(), &request).unwrap()).unwrap();
    assert_eq!(wire["color"], json!([3, 10, 3, 3]));
    let request = ScatterRequest::new("same", "quality").color_by(Some("evaluation_name".to_owned()));
    let wire = serde_json::to_value(scatter(&wide(), &request).unwrap()).unwrap();
    assert_eq!(wire["color"], json!(["one", "one", "two", null]));
}

#[test]
fn nothing_is_an_answer_and_extremes_are_numbers() {
    let empty = frame(&json!([]));
    let none = summary(&empty, &MetricFilter::default()).unwrap();
    assert_eq!((none.summary.len(), none.total_records), (0, 0));
    let extreme = frame(&json!([{ "a": f64::MAX, "b": 1 }, { "a": f64::MIN, "b": 2 }, { "a": 0, "b": 3 }]));
    for answer in [
        serde_json::to_value(summary(&extreme, &MetricFilter::default()).unwrap()).unwrap(),
        serde_json::to_value(distribution(&extreme, &DistributionRequest::new("a")).unwrap()).unwrap(),
        serde_json::to_value(correlation(&extreme, &MetricFilter::default()).unwrap()).unwrap(),
    ] {
        assert!(!answer.to_string().contains("null"), "{answer}");
    }
    let many: Vec<Value> = (0..1_500)
        .map(|row| json!({ "word": format!("w{row}"), "score": row }))
        .collect();
    let many = frame(&Value::Array(many));
    let refused = comparison(&many, "word", &MetricFilter::default()).unwrap_err();
    assert!(refused.message().contains("more than 1000 values"), "{refused}");
}
