//! Files and bodies, read and completed.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;

fn csv(text: &str) -> crate::Result<Table> {
    read_csv(text.as_bytes(), Limits::default())
}

fn rows(table: &Table) -> Value {
    serde_json::to_value(table).unwrap()
}

fn upload(text: &str) -> Upload {
    eval::process(csv(text).unwrap()).unwrap()
}

fn posted(value: &Value) -> Posted {
    Posted::read(value.to_string().as_bytes(), Limits::default()).unwrap()
}

#[test]
fn a_column_has_the_type_that_all_its_values_have() {
    let table = csv(
        "\u{feff}id,n,x,ok,code,text,odd,none\n1,7,0.5,true,007,a,1,\n2,,NaN,FALSE,008,\"b,\nc\",x,\n3,-4,2,True,9,NA,2,\n",
    );
    assert_eq!(
        rows(&table.unwrap()),
        json!([
            { "id": 1, "n": 7, "x": 0.5, "ok": true, "code": "007", "text": "a", "odd": "1", "none": null },
            { "id": 2, "n": null, "x": null, "ok": false, "code": "008", "text": "b,\nc", "odd": "x", "none": null },
            { "id": 3, "n": -4, "x": 2.0, "ok": true, "code": "9", "text": "NA", "odd": "2", "none": null },
        ])
    );
    let large = csv("id\n12345678901234567890\n1\n").unwrap();
    assert_eq!(
        rows(&large),
        json!([{ "id": "12345678901234567890" }, { "id": "1" }]),
        "no digit is lost"
    );
    let names = csv("a,a,,a.1\n1,2,3,4\n").unwrap().names();
    assert_eq!(names, ["a", "a.1", "Unnamed: 2", "a.1.1"]);
}

#[test]
fn a_wrong_file_is_refused_with_the_line() {
    let refused = |bytes: &[u8]| {
        let error = read_csv(bytes, Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.message().to_owned()
    };
    assert_eq!(refused(b"\xef\xbb\xbf \n"), "the file is empty");
    assert_eq!(refused(b"a,b\n"), "the file has a header and no rows");
    assert_eq!(refused(b"a,b\n1,2\n1,2,3\n"), "line 3 has 3 fields, the header has 2");
    assert_eq!(
        refused(b"a,b\n\"x\ny\",2\n1\n"),
        "line 4 has 1 fields, the header has 2"
    );
    assert_eq!(refused(b"a\nb\nc\xff\n"), "line 3 is not UTF-8; save the file as UTF-8");
    let limits = [
        (Limits::default().bytes(3), "3 bytes"),
        (Limits::default().columns(1), "1 columns"),
        (Limits::default().cells(3), "3 fields"),
    ];
    for (limits, words) in limits {
        let error = read_csv(b"a,b\n1,2\n3,4\n", limits).unwrap_err();
        assert_eq!(error.operation(), OVER_LIMIT);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn as_many_columns_of_one_name_are_no_work() {
    // Were each of them numbered from the beginning, it would take half an hour.
    let columns = 100_000;
    let line = vec!["a"; columns].join(",");
    let file = format!("{line}\n{line}\n");
    let error = csv(&file).unwrap_err();
    assert_eq!(error.operation(), OVER_LIMIT);
    let table = read_csv(file.as_bytes(), Limits::default().columns(columns)).unwrap();
    assert_eq!(table.columns()[columns - 1].name, format!("a.{}", columns - 1));
}

#[test]
fn each_row_of_a_tree_is_completed_by_itself() {
    let upload = upload(
        "dataset_id,metric_name,metric_score,metric_type,parent,weight,data_metadata,retrieved_content\n\
         ,Quality,0.9,metric,,,,\"['a', 'b']\"\n\
         d2,Tone,0.5,component,Quality,0.4,{\"k\": 1},\n\
         d2,Topic,billing,,None,,,no list\n",
    );
    assert_eq!((upload.format.as_str(), upload.row_count), ("tree_format", 3));
    assert_eq!(upload.message, "3 rows; metrics at the root: Quality, Topic");
    assert_eq!(upload.warnings.len(), 2, "{:?}", upload.warnings);
    let rows = rows(&upload.data);
    assert_eq!(rows[0]["dataset_id"], "test_case_1");
    assert_eq!(rows[1]["dataset_id"], "d2");
    assert_eq!(
        (&rows[0]["data_metadata"], &rows[1]["data_metadata"]),
        (&json!("{}"), &json!("{\"k\": 1}"))
    );
    assert_eq!(
        (&rows[1]["metric_type"], &rows[2]["metric_type"]),
        (&json!("component"), &json!("metric"))
    );
    assert_eq!(
        (&rows[1]["weight"], &rows[1]["parent"], &rows[2]["parent"]),
        (&json!(0.4), &json!("Quality"), &Value::Null)
    );
    assert_eq!(rows[0]["retrieved_content"], json!(["a", "b"]));
    assert_eq!(
        (&rows[1]["retrieved_content"], &rows[2]["retrieved_content"]),
        (&json!([]), &json!("no list"))
    );
    assert_eq!(
        (&rows[0]["metric_score"], &rows[2]["metric_score"]),
        (&json!(0.9), &Value::Null)
    );
    assert_eq!(
        (&rows[0]["query"], &rows[0]["evaluation_name"]),
        (&json!(""), &json!("Experiment 1"))
    );
}

#[test]
fn every_format_is_processed() {
    let flat = upload("metric_name,metric_score,weight,experiment_name\nA,1,0.3,one\n");
    assert_eq!(flat.format, "tree_format");
    let row = &rows(&flat.data)[0];
    assert_eq!(
        (&row["metric_type"], &row["parent"], &row["weight"]),
        (&json!("metric"), &Value::Null, &json!(0.3))
    );
    assert_eq!(row["evaluation_name"], "one");

    let judged = upload("judgment,critique\n1,\n0,bad\n");
    assert_eq!(judged.format, "simple_judgment");
    assert_eq!(
        rows(&judged.data),
        json!([{ "judgment": 1, "critique": "" }, { "judgment": 0, "critique": "bad" }])
    );

    let fresh = upload("dataset_id,experiment_name,query,actual_output\nd1,one,q,a\n");
    assert_eq!(fresh.format, "fresh_annotation");
    assert_eq!(rows(&fresh.data)[0]["evaluation_metadata"], "{}");

    let run = upload("run_id,dataset_id,passed\nr1,d1,True\nr1,d2,fail\n");
    assert_eq!(run.format, "eval_runner");
    let rows_of_run = rows(&run.data);
    assert_eq!(
        (&rows_of_run[0]["metric_score"], &rows_of_run[1]["metric_score"]),
        (&json!(1.0), &json!(0.0))
    );
    assert_eq!(
        (&rows_of_run[0]["metric_name"], &rows_of_run[1]["evaluation_name"]),
        (&json!("passed"), &json!("r1"))
    );
    assert_eq!(rows_of_run[1]["passed"], false);

    let scored = upload("run_id,dataset_id,passed,metric_name,metric_score\nr1,d1,1,Tone,0.7\nr1,d1,0,Topic,billing\n");
    assert_eq!(scored.format, "eval_runner");
    assert_eq!(
        (
            &rows(&scored.data)[0]["metric_score"],
            &rows(&scored.data)[1]["metric_score"]
        ),
        (&json!(0.7), &Value::Null)
    );

    // Aliases count where the names as they are say nothing.
    let aliased = upload("ID,Metric,Score\nd1,Tone,0.7\n");
    assert_eq!(
        (aliased.format.as_str(), rows(&aliased.data)[0]["dataset_id"].clone()),
        ("tree_format", json!("d1"))
    );
    let error = eval::process(csv("a,b\n1,2\n").unwrap()).unwrap_err();
    assert!(error.message().contains("the format is unknown"), "{error}");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn traces_get_the_names_of_a_sync_and_numbers() {
    let now = DateTime::parse_from_rfc3339("2026-01-31T12:30:00Z").unwrap().to_utc();
    let process = |text: &str| monitoring::process(csv(text).unwrap(), &BTreeMap::new(), now);
    let upload =
        process("Record-ID,model,Response Time,quality_score,Prompt\n1,gpt,fast,0.5,hi\n2,gpt,1.5,,\n").unwrap();
    assert_eq!(upload.format, "monitoring");
    assert_eq!(upload.metric_columns.as_deref().unwrap(), ["quality_score"]);
    assert_eq!(upload.warnings, ["`latency` is no number in 1 row, and null there"]);
    assert_eq!(
        rows(&upload.data)[1],
        json!({ "dataset_id": 2, "model_name": "gpt", "latency": 1.5, "quality_score": null, "query": null,
                "timestamp": "2026-01-31T12:30:00.000000+00:00" })
    );
    let long = process("id,time,metric_name,metric_score,x_score\n1,yesterday,A,0.5,1\n").unwrap();
    assert_eq!(long.metric_columns.as_deref().unwrap(), ["metric_score"]);
    assert_eq!(rows(&long.data)[0]["timestamp"], "yesterday");
    // A canonical name of the file wins over its alias.
    let both = process("id,dataset_id\n1,2\n").unwrap();
    assert_eq!(both.columns, ["id", "dataset_id", "timestamp"]);
    let error = process("name\nx\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let named = BTreeMap::from([("key".to_owned(), "dataset_id".to_owned())]);
    let custom = monitoring::process(csv("key\nx\n").unwrap(), &named, now).unwrap();
    assert_eq!(custom.columns[0], "dataset_id");
}

#[test]
fn trees_become_wide_and_lose_nothing() {
    let tree = json!([
        { "dataset_id": "b", "query": null, "metric_name": "latency", "metric_score": 2.5, "metric_type": "metric" },
        { "dataset_id": "a", "query": "q", "metric_name": "Tone", "metric_score": 0.1, "metric_type": "component" },
        { "dataset_id": "a", "query": "q", "metric_name": "Tone", "metric_score": 0.9, "metric_type": "component" },
        { "dataset_id": "a", "query": "q", "metric_name": "latency", "metric_score": 0.5, "metric_type": "metric" },
    ]);
    let wide = widen(&posted(&tree).table, None, Limits::default()).unwrap();
    assert_eq!(wide.columns, ["dataset_id", "query", "Tone", "latency"]);
    assert_eq!(
        rows(&wide.data),
        json!([
            { "dataset_id": "a", "query": "q", "Tone": 0.1, "latency": 0.5 },
            { "dataset_id": "b", "query": null, "Tone": null, "latency": 2.5 },
        ])
    );
    let prepared = prepare(posted(&tree).table, "tree_format", None, Limits::default()).unwrap();
    assert_eq!(prepared.metric_columns, ["Tone", "latency"]);
    assert_eq!(
        (prepared.mapping.metrics, prepared.mapping.components),
        (vec!["latency".to_owned()], vec!["Tone".to_owned()])
    );
    let components = prepare(posted(&tree).table, "tree_format", Some("component"), Limits::default()).unwrap();
    assert_eq!(
        (components.data.rows(), components.metric_columns),
        (1, vec!["Tone".to_owned()])
    );
    let as_is = prepare(
        posted(&json!([{ "dataset_id": 1, "judgment": 1, "note": "x" }])).table,
        "simple_judgment",
        None,
        Limits::default(),
    );
    assert_eq!(as_is.unwrap().metric_columns, ["judgment"]);

    let times = json!([
        { "dataset_id": 10, "query": "q", "metric_name": "Latency", "metric_score": 3 },
        { "dataset_id": 9, "query": "q", "metric_name": "PERFORMANCE", "metric_score": 0.3 },
        { "dataset_id": 9, "query": "q", "metric_name": "Tone", "metric_score": 1 },
    ]);
    let wide = widen(&posted(&times).table, None, Limits::default()).unwrap();
    assert_eq!(
        (wide.columns.len(), wide.dropped.clone()),
        (3, vec!["Latency".to_owned(), "PERFORMANCE".to_owned()])
    );
    assert_eq!(
        rows(&wide.data)[0]["dataset_id"],
        9,
        "numbers are in the order of numbers"
    );
    for wrong in [
        json!([{ "metric_name": "a" }]),
        json!([{ "metric_name": "a", "metric_score": 1, "dataset_id": 1 }]),
    ] {
        assert_eq!(
            widen(&posted(&wrong).table, None, Limits::default())
                .unwrap_err()
                .kind(),
            ErrorKind::InvalidArgument
        );
    }
}

#[test]
fn few_rows_do_not_become_any_number_of_cells() {
    let row = |n: usize| json!({ "dataset_id": n, "query": "q", "metric_name": format!("m{n}"), "metric_score": 1 });
    let tree = posted(&(0..10).map(row).collect()).table;
    // Ten records of two columns and ten metrics.
    assert!(widen(&tree, None, Limits::default().cells(120)).is_ok());
    let limits = Limits::default().cells(119);
    let refused = [
        widen(&tree, None, limits).map(drop),
        prepare(tree, "tree_format", None, limits).map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::InvalidArgument, OVER_LIMIT)
        );
    }
}

#[test]
fn both_layouts_of_a_body_are_read() {
    let bare = posted(&json!([{ "a": 1 }, { "b": [1, { "c": null }], "a": 18446744073709551615_u64 }]));
    assert_eq!(
        rows(&bare.table),
        json!([{ "a": 1, "b": null }, { "a": 18446744073709551615_u64 as f64, "b": [1, { "c": null }] }])
    );
    let object = posted(&json!({ "data": [{ "a": true }], "metrics": ["x", "y"], "more": [1] }));
    assert_eq!(
        (object.table.rows(), object.metrics.unwrap()),
        (1, vec!["x".to_owned(), "y".to_owned()])
    );
    for empty in ["", " ", "null", "[]", "{}", r#"{"data": null, "metrics": null}"#] {
        assert_eq!(
            Posted::read(empty.as_bytes(), Limits::default()).unwrap(),
            Posted::default(),
            "{empty}"
        );
    }
    assert_eq!(
        rows(&posted(&json!([{}, { "a": 1 }])).table),
        json!([{ "a": null }, { "a": 1 }])
    );
    let twice = Posted::read(br#"[{"a": 1, "a": 2}]"#, Limits::default()).unwrap();
    assert_eq!(rows(&twice.table), json!([{ "a": 2 }]));
}

#[test]
fn what_does_not_fit_is_named_and_what_is_too_much_refused() {
    let problems = |text: &str| {
        let refused = Posted::read(text.as_bytes(), Limits::default()).unwrap_err();
        let problems = refused.unwrap();
        problems
            .into_iter()
            .map(|problem| (problem.kind, problem.place))
            .collect::<Vec<_>>()
    };
    let key = |name: &str| Step::Key(name.to_owned());
    assert_eq!(problems("3"), [("list_type", vec![])]);
    assert_eq!(
        problems("[1, {}, [2]]"),
        [("dict_type", vec![Step::Index(0)]), ("dict_type", vec![Step::Index(2)])]
    );
    assert_eq!(problems(r#"{"data": {"a": 1}}"#), [("list_type", vec![key("data")])]);
    assert_eq!(
        problems(r#"{"metrics": [1], "data": ["x"]}"#),
        [
            ("list_type", vec![key("metrics")]),
            ("dict_type", vec![key("data"), Step::Index(0)])
        ]
    );
    assert_eq!(problems("[{\"a\": }]"), [("json_invalid", vec![Step::Index(7)])]);
    assert_eq!(problems("[1,1,1,1,1,1,1,1,1,1,1,1]").len(), 10);
    assert_eq!(problems(&"[".repeat(100_000))[0].0, "json_invalid");
    let too_much = |text: &str, limits: Limits| Posted::read(text.as_bytes(), limits).unwrap_err().unwrap_err();
    for error in [
        too_much("[{}]", Limits::default().bytes(3)),
        too_much(r#"[{"a": 1, "b": 2}]"#, Limits::default().columns(1)),
        too_much(r#"[{"a": 1}, {}, {}]"#, Limits::default().cells(2)),
    ] {
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::InvalidArgument, OVER_LIMIT)
        );
    }
}
