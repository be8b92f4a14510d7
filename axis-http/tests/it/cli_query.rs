//! `axis query`.

use arrow::array::AsArray as _;
use arrow::datatypes::Int32Type;
use arrow::ipc::reader::StreamReader;
use arrow::record_batch::RecordBatch;
use serde_json::json;

use crate::support::{Project, Running};

#[test]
fn rows_come_in_four_formats() {
    let project = Project::new();
    let sql = "select 1::integer as a, 'x, \"y\"' as b, [1, 2] as c union all select null, null, null order by 1";

    let table = project.axis(&["query", sql]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    assert!(table.stdout.contains("| a | b "), "{}", table.stdout);

    let rows = json!([{ "a": 1, "b": "x, \"y\"", "c": [1, 2] }, { "a": null, "b": null, "c": null }]);
    assert_eq!(project.axis(&["query", sql, "--format", "json"]).json(), rows);
    assert_eq!(project.json(&["query", sql]), rows);

    let csv = project.axis(&["query", sql, "--format", "csv"]);
    assert_eq!(csv.stdout, "a,b,c\n1,\"x, \"\"y\"\"\",\"[1,2]\"\n,,\n");

    let arrow = project.axis(&["query", sql, "--format", "arrow"]);
    let batches: Vec<_> = StreamReader::try_new(arrow.bytes.as_slice(), None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(batches[0].column(0).as_primitive::<Int32Type>().value(0), 1);
}

#[test]
fn instants_and_values_without_end_are_shown_in_every_format() {
    let project = Project::new();
    let sql = "select timestamptz '2026-01-31 12:30:00+02' as t, 'infinity'::date as d, 'nan'::double as n,
                      12345678901234567.89::decimal(19,2) as m, 1 as a, 2 as a";
    let table = project.axis(&["query", sql]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    let shown = "| 2026-01-31T10:30:00Z | infinity | NaN | 12345678901234567.89 | 1 | 2 |";
    assert!(table.stdout.contains(shown), "{}", table.stdout);
    let csv = project.axis(&["query", sql, "--format", "csv"]);
    assert_eq!(
        csv.stdout,
        "t,d,n,m,a,a\n2026-01-31T10:30:00Z,infinity,NaN,12345678901234567.89,1,2\n"
    );
    let rows = json!([{
        "t": "2026-01-31T10:30:00Z", "d": "infinity", "n": null, "m": "12345678901234567.89", "a": 1, "a_1": 2
    }]);
    assert_eq!(project.json(&["query", sql]), rows);
}

#[test]
fn an_empty_answer_is_one_in_every_format() {
    let project = Project::new();
    let sql = "select 1 as a where false";
    assert_eq!(project.json(&["query", sql]), json!([]));
    assert_eq!(project.axis(&["query", sql, "--format", "csv"]).stdout, "a\n");
    assert!(project.axis(&["query", sql]).stdout.contains("| a |"));
    let arrow = project.axis(&["query", sql, "--format", "arrow"]);
    let mut reader = StreamReader::try_new(arrow.bytes.as_slice(), None).unwrap();
    assert_eq!(reader.schema().field(0).name(), "a");
    assert!(reader.next().is_none());
}

#[test]
fn the_number_of_rows_is_limited_where_asked() {
    let project = Project::new();
    let rows = project.json(&["query", "select range as n from range(5000)", "--max-rows", "2500"]);
    assert_eq!(rows.as_array().unwrap().len(), 2_500);
    let table = project.axis(&["query", "select range as n from range(1500)"]);
    assert_eq!(table.stdout.lines().count(), 1_004);
    assert!(table.stderr.contains("more than 1000 rows"), "{}", table.stderr);
}

#[test]
fn mistakes_and_limits_have_their_codes() {
    let project = Project::new();
    for (arguments, code, text) in [
        (
            &["query", "delete from x"][..],
            1,
            "only SELECT is allowed [AXIS_QUERY]",
        ),
        (&["query", "select * from nothing_here"], 1, "[AXIS_QUERY]"),
        (
            &[
                "query",
                "select count(*) from range(100000000000) a",
                "--timeout",
                "0.2",
            ],
            1,
            "[AXIS_TIMEOUT]",
        ),
        (&["query", "select 1", "--timeout", "0"], 2, "[AXIS_INVALID_ARGUMENT]"),
        (&["query", "select 1", "--json", "--format", "csv"], 2, "contradict"),
        (&["query"], 2, "Usage"),
    ] {
        let run = project.axis(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
        assert!(
            !run.stdout.contains("error") || arguments.contains(&"--json"),
            "{}",
            run.stdout
        );
    }
    let run = project.axis(&["query", "selec 1", "--json"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.json()["error"]["code"], "AXIS_QUERY");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let project = Project::new();
    for format in ["json", "csv"] {
        let sql = "select range as n, repeat('x', 100) as text from range(5000000)";
        let mut run = Running::start(project.command(&["query", sql, "--format", format]));
        assert!(!run.read_a_line().is_empty());
        let (code, _, stderr) = run.end();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{format}");
    }
}
