//! `language-bench`: what the adapters of other languages cost over Rust.
//!
//! A store of 1,000,000 rows and six columns is made, and a program in each language opens it, reads the table into the form of
//! Arrow that is natural there, again and again, and asks for the status of a dataset many times. The programs take turns, so that
//! a busy moment of the machine meets all of them; Rust's part is this program itself, started anew.
//!
//! A program gets the options that the store is opened with as JSON, the rounds and the calls, and prints one line of JSON:
//! `{"query_ms": [..], "status_us": x, "rows": n, "import_ms": x}`, the last one only where something is imported.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use axis_core::arrow::record_batch::RecordBatch;
use axis_core::config::Env;
use axis_core::wire::Opening;
use axis_core::{Engine, Query, SyncOptions};
use clap::Parser;
use serde_json::{Value, json};

/// The dataset, and its table.
const NAME: &str = "rows";
const SQL: &str = "select * from rows";

/// Measures the adapters of other languages against Rust.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rows of the table.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// How often each program is started.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// How often each program reads the table.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How often each program asks for the status.
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    /// A program and what it is called, as `name=command with arguments`; as often as there are languages.
    #[arg(long, value_name = "NAME=COMMAND")]
    program: Vec<String>,
    /// Makes the last line one JSON object.
    #[arg(long)]
    json: bool,
    /// Measures Rust over the store of these options; for this program's own use.
    #[arg(long, value_name = "OPTIONS", hide = true)]
    measure: Option<String>,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(options) = &arguments.measure {
        let measured = runtime.block_on(measure(options, &arguments));
        print(&measured);
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let options = runtime.block_on(make(directory.path(), arguments.rows));

    let own = std::env::current_exe().expect("this program");
    let mut programs = vec![(
        "rust".to_owned(),
        vec![own.display().to_string(), "--measure".to_owned()],
    )];
    for program in &arguments.program {
        let (name, command) = program.split_once('=').expect("`--program` is NAME=COMMAND");
        programs.push((name.to_owned(), command.split_whitespace().map(str::to_owned).collect()));
    }
    let mut answers: Vec<Vec<Value>> = vec![Vec::new(); programs.len()];
    for _ in 0..arguments.turns {
        for ((name, command), answers) in programs.iter().zip(&mut answers) {
            let answer = run(name, command, &options, &arguments);
            assert_eq!(answer["rows"], json!(arguments.rows), "{name} has read another table");
            answers.push(answer);
        }
    }
    report(&arguments, &programs, &answers);
}

/// Makes a table of whole numbers, numbers, instants, booleans, and texts that repeat and that do not.
async fn make(directory: &Path, rows: u64) -> String {
    let source = directory.join("source.sqlite");
    let connection = rusqlite::Connection::open(&source).expect("a source");
    connection
        .execute_batch(&format!(
            "create table rows(id integer primary key, score double, at timestamp, passed boolean, metric text, trace text);
             insert into rows
             with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
             select i, (i * 7919 % 1000) / 1000.0, datetime(1767225600 + i, 'unixepoch'), i % 3 = 0,
                    'metric ' || (i % 40), printf('trace %08d', i * 31) from n"
        ))
        .expect("rows");
    drop(connection);
    let options = json!({
        "store": directory.join("store.duckdb"),
        "config": { "datasets": { NAME: {
            "url": format!("sqlite:{}", source.display()),
            "tables": { NAME: { "query": SQL } },
        } } },
    })
    .to_string();
    let engine = open(&options).await;
    let rows = engine.dataset(NAME).expect("the dataset");
    rows.sync(SyncOptions::default()).await.expect("a sync");
    engine.close().await.expect("the store closes");
    options
}

async fn open(options: &str) -> Engine {
    let options = serde_json::from_str(options).expect("options in JSON");
    let opening = Opening::from_json(options, &Env::default()).expect("options");
    opening.open().await.expect("the store")
}

/// Rust's part.
async fn measure(options: &str, arguments: &Arguments) -> Value {
    let engine = open(options).await;
    let mut query_ms = Vec::new();
    let mut rows = 0;
    for _ in 0..arguments.rounds {
        let begun = Instant::now();
        let batches = engine.query(Query::sql(SQL)).await.expect("a query");
        let batches = batches.collect().await.expect("rows");
        query_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        rows = batches.iter().map(RecordBatch::num_rows).sum();
    }
    let dataset = engine.dataset(NAME).expect("the dataset");
    let begun = Instant::now();
    for _ in 0..arguments.calls {
        std::hint::black_box(dataset.status());
    }
    let status_us = begun.elapsed().as_secs_f64() * 1e6 / arguments.calls as f64;
    engine.close().await.expect("the store closes");
    json!({ "query_ms": query_ms, "status_us": status_us, "rows": rows })
}

fn run(name: &str, command: &[String], options: &str, arguments: &Arguments) -> Value {
    let (program, given) = command.split_first().expect("a command");
    let mut child = Command::new(program);
    child.args(given).arg(options);
    if name == "rust" {
        child.args([
            "--rounds",
            &arguments.rounds.to_string(),
            "--calls",
            &arguments.calls.to_string(),
        ]);
    } else {
        child.args([arguments.rounds.to_string(), arguments.calls.to_string()]);
    }
    let output = child.stderr(Stdio::inherit()).output().expect("the program starts");
    assert!(output.status.success(), "{name} has failed");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("{name} has not answered in JSON: {text}"))
}

fn report(arguments: &Arguments, programs: &[(String, Vec<String>)], answers: &[Vec<Value>]) {
    let figures = |answers: &[Value], member: &str| -> Vec<f64> {
        let all = answers.iter().flat_map(|answer| match &answer[member] {
            Value::Array(list) => list.iter().filter_map(Value::as_f64).collect(),
            one => Vec::from_iter(one.as_f64()),
        });
        all.collect()
    };
    let mut base = None;
    let mut languages = Vec::new();
    for ((name, _), answers) in programs.iter().zip(answers) {
        let query = median(figures(answers, "query_ms"));
        let status = median(figures(answers, "status_us"));
        let import = Some(median(figures(answers, "import_ms"))).filter(|import| import.is_finite());
        let (base_query, base_status) = *base.get_or_insert((query, status));
        let (ratio, over) = (query / base_query, status - base_status);
        say(&format!(
            "{name:8} table {query:8.1} ms  {ratio:5.2} x Rust   status {status:7.2} us  {over:+7.2} us   import {}",
            import.map_or_else(|| "-".to_owned(), |import| format!("{import:.1} ms"))
        ));
        languages.push(
            json!({ "name": name, "query_ms": query, "query_ratio": ratio, "status_us": status,
            "status_over_rust_us": over, "import_ms": import }),
        );
    }
    if arguments.json {
        print(&json!({ "bench": "language-bench", "rows": arguments.rows, "languages": languages }));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(value: &Value) {
    let _ = writeln!(std::io::stdout(), "{value}");
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
