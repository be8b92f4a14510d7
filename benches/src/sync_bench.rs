//! `sync-bench`: what a sync costs beside what PostgreSQL needs to send the bytes, in one run, alternating.
//!
//! Each round measures, one after the other: a client that runs `COPY` of both queries and discards the bytes; a full sync
//! into a new store, from opening it to closing it, checkpoint included; a verification of the store against the source;
//! refreshes of a running engine that find nothing new; and refreshes that find 1,000 changed rows. The medians over the
//! rounds are printed.

mod machine;

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Engine, Strategy, SyncOptions, VerifyOptions};
use axis_testkit::bench::{bench_schema, touch};
use axis_testkit::postgres::{self, Postgres};
use clap::{Parser, ValueEnum};
use futures::StreamExt as _;
use machine::{cpu_seconds, peak_rss_mb, reset_peak_rss};

/// Measures full syncs, refreshes without news and refreshes of 1,000 changed rows against a discarding COPY client.
#[derive(Debug, Parser)]
struct Arguments {
    /// Size of the workload: 1 is 500,000 wide and 2,000,000 narrow rows.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Rounds; medians are reported.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Refreshes of each kind in each round.
    #[arg(long, default_value_t = 5)]
    refreshes: usize,
    /// A running server's database to use instead of a throw-away one; the tables `bench_traces` and `bench_metrics` are created in it.
    #[arg(long)]
    url: Option<String>,
    /// Uses the tables as they are in the database of `--url`.
    #[arg(long, requires = "url")]
    keep: bool,
    /// Bytes that the store may take, as `memory_limit`; the default is the library's.
    #[arg(long)]
    memory_limit: Option<u64>,
    /// Threads of DuckDB; the default is the library's.
    #[arg(long)]
    threads: Option<usize>,
    /// Connections that read at once.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Which tables are synced.
    #[arg(long, value_enum, default_value_t = Tables::Both)]
    tables: Tables,
    /// What large tables may be cut by, for sessions that would be idle otherwise: their blocks, or a column.
    #[arg(long, value_enum, default_value_t = Ranges::None)]
    ranges: Ranges,
    /// Directory of the store; a temporary one by default.
    #[arg(long)]
    directory: Option<std::path::PathBuf>,
    /// Makes the last line one JSON object.
    #[arg(long)]
    json: bool,
}

/// The tables of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tables {
    Both,
    Traces,
    Metrics,
}

impl Tables {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Both => &["bench_traces", "bench_metrics"],
            Self::Traces => &["bench_traces"],
            Self::Metrics => &["bench_metrics"],
        }
    }
}

/// What tables may be cut by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ranges {
    None,
    Blocks,
    CreatedAt,
}

/// What one round measured.
#[derive(Debug, Default)]
struct Round {
    copy_s: f64,
    full_s: f64,
    verify_s: f64,
    cpu_s: f64,
    rss_mb: f64,
    file_mb: f64,
    rows: u64,
    noop_ms: Vec<f64>,
    delta_ms: Vec<f64>,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (server, url) = match &arguments.url {
        Some(url) => (None, url.clone()),
        None => {
            let server = Postgres::start();
            let database = server.create_database("bench");
            let url = database.url.clone();
            (Some(server), url)
        }
    };
    if !arguments.keep {
        say(&format!("creating the workload at scale {}", arguments.scale));
        for statement in bench_schema(arguments.scale) {
            postgres::execute(&url, &statement);
        }
    }
    let mut rounds = Vec::new();
    for number in 1..=arguments.rounds {
        let round = runtime.block_on(measure(&arguments, &url));
        say(&format!(
            "round {number}: copy {:.2} s, full {:.2} s (cpu {:.2} s, peak {:.0} MB, file {:.0} MB), verify {:.2} s, no-op {:.1} ms, 1,000 rows {:.1} ms",
            round.copy_s,
            round.full_s,
            round.cpu_s,
            round.rss_mb,
            round.file_mb,
            round.verify_s,
            median(round.noop_ms.clone()),
            median(round.delta_ms.clone()),
        ));
        rounds.push(round);
    }
    report(&rounds, arguments.scale, arguments.json);
    drop(server);
}

async fn measure(arguments: &Arguments, url: &str) -> Round {
    let mut round = Round {
        copy_s: discard(url, arguments.tables).await,
        ..Round::default()
    };
    let temporary = tempfile::tempdir().expect("a directory");
    let directory = arguments.directory.as_deref().unwrap_or(temporary.path());
    let store = directory.join("bench.duckdb");
    for name in ["bench.duckdb", "bench.duckdb.wal"] {
        // Of the round before, when the directory is given.
        let _ = std::fs::remove_file(directory.join(name));
    }
    reset_peak_rss();
    let (cpu, started) = (cpu_seconds(), Instant::now());
    let engine = open(arguments, &store, url).await;
    let report = engine
        .dataset("bench")
        .expect("it is configured")
        .sync(SyncOptions::default())
        .await
        .expect("a full sync");
    engine.close().await.expect("the store closes");
    round.full_s = started.elapsed().as_secs_f64();
    round.cpu_s = cpu_seconds() - cpu;
    round.rss_mb = peak_rss_mb();
    round.rows = report.rows_read;
    round.file_mb = megabytes(&store);

    let engine = open(arguments, &store, url).await;
    let dataset = engine.dataset("bench").expect("it is configured");
    let started = Instant::now();
    let verified = dataset.verify(VerifyOptions::default()).await.expect("a verification");
    round.verify_s = started.elapsed().as_secs_f64();
    assert!(verified.equal, "the store equals the source: {verified:?}");
    // The first refresh of a new process reads the file's statistics; a running engine has them.
    dataset.sync(SyncOptions::default()).await.expect("a refresh");
    for _ in 0..arguments.refreshes {
        let started = Instant::now();
        let report = dataset.sync(SyncOptions::default()).await.expect("a refresh");
        round.noop_ms.push(started.elapsed().as_secs_f64() * 1e3);
        assert!(
            report.strategy == Strategy::Incremental && !report.changed,
            "a refresh without news: {report:?}"
        );
    }
    for _ in 0..arguments.refreshes {
        let (url, statement) = (url.to_owned(), touch(1_000));
        tokio::task::spawn_blocking(move || postgres::execute(&url, &statement))
            .await
            .expect("rows are added");
        let started = Instant::now();
        let report = dataset.sync(SyncOptions::default()).await.expect("a refresh");
        round.delta_ms.push(started.elapsed().as_secs_f64() * 1e3);
        assert!(
            report.strategy == Strategy::Incremental && report.changed && report.rows_read >= 200,
            "{report:?}"
        );
    }
    engine.close().await.expect("the store closes");
    round
}

async fn open(arguments: &Arguments, store: &Path, url: &str) -> Engine {
    let table = |name: &&str| {
        let table = match arguments.ranges {
            Ranges::None => TableConfig::new(*name, format!("select * from {name}")),
            Ranges::Blocks => TableConfig::of_relation(*name, &[*name]),
            Ranges::CreatedAt => {
                TableConfig::new(*name, format!("select * from {name}")).with_partition_column("created_at")
            }
        };
        table.with_incremental_column("created_at")
    };
    let tables = arguments.tables.names().iter().map(table).collect();
    let connection = Connection::from_url(url).expect("a valid URL");
    let mut config = Config::for_store(store).with_dataset(DatasetConfig::custom("bench", connection, tables));
    config.store.memory_limit = arguments.memory_limit.or(config.store.memory_limit);
    config.store.threads = arguments.threads.or(config.store.threads);
    config.store.sync_workers = arguments.workers;
    Engine::builder(config).open().await.expect("the store opens")
}

/// Copies the tables, one after the other, and looks at nothing: what the server and the wire cost.
async fn discard(url: &str, tables: Tables) -> f64 {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("a connection");
    let connection = tokio::spawn(connection);
    let started = Instant::now();
    let mut bytes = 0;
    for name in tables.names() {
        let copy = client
            .copy_out(&format!("copy (select * from {name}) to stdout (format binary)"))
            .await
            .expect("a copy");
        let mut copy = std::pin::pin!(copy);
        while let Some(part) = copy.next().await {
            bytes += part.expect("bytes").len();
        }
    }
    assert!(bytes > 0, "the workload has rows");
    let elapsed = started.elapsed().as_secs_f64();
    drop(client);
    let _ = connection.await;
    elapsed
}

fn report(rounds: &[Round], scale: f64, json: bool) {
    let over = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let all = |value: fn(&Round) -> &Vec<f64>| median(rounds.iter().flat_map(|round| value(round).clone()).collect());
    let ratio = median(rounds.iter().map(|round| round.full_s / round.copy_s).collect());
    let rows = rounds.first().map_or(0, |round| round.rows);
    let full_s = over(|round| round.full_s);
    #[allow(clippy::cast_precision_loss)] // Far below 2^53 rows.
    let rows_per_s = (rows as f64 / full_s).round();
    let peak = rounds.iter().map(|round| round.rss_mb).fold(0.0, f64::max);
    let figures = serde_json::json!({
        "scale": scale,
        "rounds": rounds.len(),
        "rows": rows,
        "copy_limit_s": over(|round| round.copy_s),
        "full_s": full_s,
        "ratio": ratio,
        "verify_s": over(|round| round.verify_s),
        "verify_ratio": median(rounds.iter().map(|round| round.verify_s / round.full_s).collect()),
        "rows_per_s": rows_per_s,
        "client_cpu_s": over(|round| round.cpu_s),
        "peak_rss_mb": peak,
        "noop_ms": all(|round| &round.noop_ms),
        "delta_ms": all(|round| &round.delta_ms),
        "file_mb": over(|round| round.file_mb),
    });
    if json {
        say_line(&figures.to_string());
    } else {
        for (name, value) in figures.as_object().expect("an object") {
            say_line(&format!("{name:>14}  {value}"));
        }
    }
}

#[allow(clippy::cast_precision_loss)] // Far below 2^53 bytes.
fn megabytes(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1e6)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn say_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
