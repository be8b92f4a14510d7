//! `axis doctor` on a good installation, and on bad ones: each check fails here once, in `checkup` of the core, or in its own tests.

use std::net::TcpListener;

use axis_testkit::postgres::{TestDatabase, shared};
use serde_json::Value;

use crate::support::{Project, Run};

/// Of the reader's role.
const PASSWORD: &str = "s3ntinel-pa55word";

const TABLES: &str = "
    create table orders(id bigint primary key, changed timestamptz not null default now(), price numeric(12,2));
    create table lines(id bigint primary key, changed timestamptz not null default now());
    insert into orders select i from generate_series(1, 20) i";

/// A database, and a role of the same name that may only read it.
fn database(prefix: &str) -> (TestDatabase, String) {
    let database = TestDatabase::create(prefix);
    let role = format!("{}_reader", database.name);
    database.execute(TABLES);
    database.execute(&format!(
        "create role {role} login password '{PASSWORD}';
         revoke create on schema public from public;
         grant select on orders, lines to {role};
         grant pg_read_all_stats to {role}"
    ));
    (database, role)
}

/// A dataset that is refreshed as it should be; lines of `more` win.
fn dataset(name: &str, url: &str, query: &str, more: &str) -> String {
    format!(
        "{name}:\n  enabled: true\n  auto_load: true\n  url: {url}\n  query: {query}\n  primary_key: [id]\n  \
         incremental_column: changed\n  refresh_interval_minutes: 5\n  reconcile_interval_minutes: 60\n{more}"
    )
}

fn address(role: &str, password: &str, database: &TestDatabase) -> String {
    format!(
        "postgresql://{role}:{password}@127.0.0.1:{}/{}",
        shared().port(),
        database.name
    )
}

/// Runs the doctor with `--json`; the exit code must fit what it says.
fn doctor(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let mut command = project.command(&[&["doctor", "--json"], arguments].concat());
    let run = Run::from(command.envs(variables.iter().copied()).output().unwrap());
    let document = run.json();
    assert_eq!(run.code, i32::from(document["problems"] != 0), "{document:#}");
    assert!(!run.stdout.contains(PASSWORD) && !run.stderr.contains(PASSWORD));
    document
}

/// The findings of a check, as `severity subject: message`, without those that are fine.
fn found(document: &Value, check: &str) -> Vec<String> {
    let findings = document["checks"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["check"] == check && finding["severity"] != "ok")
        .map(|finding| {
            assert!(finding["remedy"].is_string(), "{finding}");
            let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
            format!("{} {}: {}", text("severity"), text("subject"), text("message"))
        })
        .collect()
}

#[track_caller]
fn assert_found(document: &Value, check: &str, expected: &[&str]) {
    let found = found(document, check);
    assert_eq!(found.len(), expected.len(), "{check}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{check}: {found} lacks {expected}");
    }
}

#[test]
fn a_good_installation_is_found_to_be_one_while_its_server_holds_the_store() {
    let (database, role) = database("doctor_good");
    let project = Project::new();
    // The server of this process has no environment, so the address stands in a file that counts as one.
    let url = address(&role, PASSWORD, &database);
    std::fs::write(project.path().join(".env"), format!("SHOP_URL={url}\n")).unwrap();
    project.config(
        "duckdb.yaml",
        "duckdb:\n  path: data/s.duckdb\n  sync_mode: startup\n  backup: {directory: data/backups}\n",
    );
    project.config(
        "datasets/orders.yaml",
        &dataset("orders", "${SHOP_URL}", "select * from orders", ""),
    );
    let server = project.server();
    crate::support::wait_until("the first sync is done", || {
        (server.get("/ready").status == 200).then_some(())
    });
    let url = format!("http://{}", server.address());
    let document = doctor(&project, &["--url", &url], &[]);
    for check in [
        "config",
        "secrets",
        "access",
        "cors",
        "proxy",
        "source",
        "tls",
        "role",
        "clock",
        "queries",
        "incremental",
        "schedule",
        "backup",
        "health",
        "ready",
    ] {
        assert_found(&document, check, &[]);
        let checks = document["checks"].as_array().unwrap();
        assert!(
            checks.iter().any(|finding| finding["check"] == check),
            "{check} was not looked at"
        );
    }
    let text = project.axis(&["doctor", "--url", &url]);
    assert!(text.stdout.contains("may only read"), "{}", text.stdout);
    assert!(text.stdout.lines().last().unwrap().ends_with(" ok"), "{}", text.stdout);
}

#[test]
fn what_is_wrong_at_the_source_is_named_with_its_remedy() {
    let (database, role) = database("doctor_bad");
    database.execute(&format!(
        "create role {role}_2 login password '{PASSWORD}'; grant insert on lines to {role}_2"
    ));
    database.execute(&format!(
        "grant create on schema public to {role}_2; grant select on orders to {role}_2"
    ));
    let project = Project::new();
    let plain = |role: &str| address(role, PASSWORD, &database);
    project.config(
        "datasets/a.yaml",
        &dataset("a", &database.url, "select * from orders", ""),
    );
    project.config(
        "datasets/b.yaml",
        &dataset("b", &plain(&format!("{role}_2")), "select nothing from orders", ""),
    );
    project.config(
        "datasets/c.yaml",
        &dataset("c", &plain(&role), "select * from orders", "").replace(": changed", ": price_at"),
    );
    project.config(
        "datasets/d.yaml",
        &dataset("d", &plain(&role), "select * from lines", ""),
    );
    let nowhere = "postgresql://u:${WORD}@192.0.2.1/d?connect_timeout=1";
    project.config(
        "datasets/e.yaml",
        &dataset("e", nowhere, "select 1 as id, now() as changed", ""),
    );
    let document = doctor(&project, &[], &[("WORD", "x")]);
    assert_found(
        &document,
        "role",
        &[
            "problem a: `axis` is a superuser",
            "may change public.lines",
            "warning b: ",
            "warning b: ",
        ],
    );
    assert_found(&document, "source", &["problem e: "]);
    assert_found(
        &document,
        "tls",
        &["problem e: rows and the password of 192.0.2.1 travel unencrypted"],
    );
    let queries = ["problem b.b: ", "problem c.c: "];
    assert_found(&document, "queries", &queries);
    let message = &found(&document, "queries")[1];
    assert!(
        message.contains("price_at") && message.contains("incremental_column"),
        "{message}"
    );
    let literal = [
        "`a.password` is written out in config/datasets/a.yaml:4",
        "`b.",
        "`c.",
        "`d.",
    ];
    assert_found(&document, "secrets", &literal);
}

#[test]
fn what_is_wrong_around_the_server_is_named_with_its_remedy() {
    let (project, _source) = Project::demo(20);
    project.config(
        "server.yaml",
        "server:\n  host: 0.0.0.0\n  origins: ['http://ui.example', 'http://localhost:3500']\n  colour: blue\n",
    );
    project.config("eval_db.yaml", "eval_db:\n  enabled: perhaps\n");
    project.config("kpi_db.yaml", "kpi_db:\n  enabled: true\n  url: sqlite:source.db\n");
    let variables = [("AXIS_LOG", "warn,axis_core=debug"), ("DEBUG", "true")];
    let document = doctor(&project, &["--url", "https://[::1]:1"], &variables);
    assert_found(&document, "access", &["problem -: other machines reach 0.0.0.0"]);
    assert_found(
        &document,
        "cors",
        &[
            "problem -: pages of http://ui.example",
            "warning -: pages of http://localhost:3500",
        ],
    );
    assert_found(&document, "proxy", &["warning -: no proxy is named"]);
    let config = [
        "warning -: config/server.yaml:4",
        "problem eval: ",
        "problem kpi: it is enabled and has no query",
    ];
    assert_found(&document, "config", &config);
    assert_eq!(found(&document, "debug")[..2].len(), 2);
    assert!(found(&document, "debug")[0].contains("DEBUG is set"));
    assert!(found(&document, "debug")[1].contains("AXIS_LOG"));
    let schedule = found(&document, "schedule");
    assert!(schedule[0].contains("`sync_mode` is manual"), "{schedule:?}");
    assert!(schedule[1].contains("the schedule is off"), "{schedule:?}");
    assert!(
        found(&document, "incremental")
            .iter()
            .all(|found| found.contains("deleted in the source stay"))
    );
    assert_found(
        &document,
        "health",
        &["problem -: https://[::1]:1: nothing listens there"],
    );
}

#[test]
fn a_schedule_that_reads_everything_or_nothing_is_named() {
    let (project, _source) = Project::demo(20);
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: startup\n");
    let lines = "  query: select * from kpis\n";
    project.config(
        "kpi_db.yaml",
        &format!("kpi_db:\n  enabled: true\n  url: sqlite:source.db\n{lines}"),
    );
    let document = doctor(&project, &[], &[("PORT", &free_port().to_string())]);
    assert_found(&document, "schedule", &["warning kpi: nothing refreshes it"]);
    assert_found(&document, "backup", &["warning -: no backups are made"]);
    let incremental = found(&document, "incremental");
    assert!(
        incremental
            .iter()
            .any(|found| found.contains("every refresh reads every row")),
        "{incremental:?}"
    );
    assert_found(&document, "queries", &[]);
    // Without an address that was asked for, a server that does not run is no problem.
    assert_found(
        &document,
        "health",
        &["warning -: nothing listens at http://127.0.0.1:"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_in_memory_is_a_problem() {
    let (project, _source) = Project::demo(20);
    let document = doctor(&project, &["--store", "/dev/shm/axis-doctor/s.duckdb"], &[]);
    assert!(
        found(&document, "store")[0].contains("/dev/shm is in memory"),
        "{document:#}"
    );
    assert!(!std::path::Path::new("/dev/shm/axis-doctor").exists());
}

#[test]
fn a_server_that_is_not_ready_or_not_axis_is_a_problem() {
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    let yaml = dataset("t", "sqlite:nothing.db", "select 1 as id, 2 as changed", "");
    project.config("datasets/t.yaml", &yaml);
    let server = project.server();
    let document = doctor(&project, &["--url", &format!("http://{}", server.address())], &[]);
    assert_found(&document, "health", &[]);
    assert_found(&document, "ready", &["problem -: not ready: not there yet: t"]);

    // What the container image asks: the server lives, whatever it lacks.
    project.config("kpi_db.yaml", "kpi_db:\n  enabled: true\n  url: sqlite:nothing.db\n");
    let own = format!("http://{}", server.address());
    let alive = doctor(&project, &["--only", "health", "--url", &own], &[]);
    assert_eq!(
        (alive["ok"].as_bool(), alive["checks"].as_array().unwrap().len()),
        (Some(true), 1)
    );
    drop(server);
    let port = free_port().to_string();
    let gone = doctor(&project, &["--only", "health"], &[("PORT", &port), ("HOST", "0.0.0.0")]);
    assert_found(
        &gone,
        "health",
        &[&format!("problem -: http://127.0.0.1:{port}: nothing listens there")],
    );

    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let hanging_up = std::thread::spawn(move || {
        // Each of the three questions gets a connection, and none an answer.
        silent
            .incoming()
            .take(3)
            .for_each(|connection| drop(connection.unwrap()));
    });
    let document = doctor(&project, &["--url", &url], &[]);
    assert_found(&document, "health", &["it does not speak HTTP"]);
    hanging_up.join().unwrap();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn without_a_configuration_that_is_what_the_doctor_says() {
    let project = Project::new();
    let document = doctor(&project, &["--custom-dir", "nowhere"], &[]);
    assert_found(&document, "config", &["problem -: the custom directory"]);
    let document = doctor(&project, &[], &[("PORT", &free_port().to_string())]);
    assert_found(
        &document,
        "config",
        &["no configuration file is found", "no dataset is enabled"],
    );
    project.config("duckdb.yaml", "duckdb:\n  threads: many\n");
    let document = doctor(&project, &["--only", "health,ready"], &[]);
    assert_found(
        &document,
        "config",
        &["problem -: config/duckdb.yaml:2: `duckdb.threads`"],
    );
}
