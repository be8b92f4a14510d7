//! Tests of the demonstration's file.

use rusqlite::Connection;

use super::*;

const NOW: i64 = 1_750_000_000_123_456;

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn table(connection: &Connection, name: &str) -> i64 {
    count(connection, &format!("select count(*) from {name}"))
}

#[test]
fn the_file_holds_what_is_promised() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("demo.db");
    let source = DemoSource::create(&path, 1_500, NOW).unwrap();
    assert_eq!(source.path(), path);
    let connection = Connection::open(&path).unwrap();
    let mode: String = connection
        .query_row("pragma journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    assert_eq!(table(&connection, "traces"), 1_500);
    assert!((6_000..=9_000).contains(&table(&connection, "metrics")));
    assert_eq!(table(&connection, "kpis"), 60 * 4 * 2 * 6);
    assert_eq!(
        table(&connection, "signal_metrics"),
        4 * table(&connection, "signal_cases")
    );
    assert_eq!(table(&connection, "eval_metrics"), 4 * table(&connection, "eval_cases"));
    for (results, records) in [
        ("metrics", "traces"),
        ("signal_metrics", "signal_cases"),
        ("eval_metrics", "eval_cases"),
    ] {
        let orphans =
            format!("select count(*) from {results} where dataset_id not in (select dataset_id from {records})");
        assert_eq!(count(&connection, &orphans), 0, "{results}");
    }
    assert_eq!(
        count(&connection, "select count(distinct metric_category) from metrics"),
        3
    );
    assert_eq!(
        count(&connection, "select count(distinct date(created_at)) from traces"),
        15
    );
    assert!(
        count(
            &connection,
            "select count(*) from metrics where metric_category = 'SCORE' and metric_score is null"
        ) > 0
    );
    for name in [
        "traces",
        "metrics",
        "kpis",
        "signal_cases",
        "signal_metrics",
        "eval_cases",
        "eval_metrics",
    ] {
        let late = format!("select count(*) from {name} where created_at > '2025-06-15 15:06:40.123456'");
        assert_eq!(count(&connection, &late), 0, "{name}");
        let indexed = format!("select count(*) from pragma_index_list('{name}') where name = '{name}_created_at'");
        assert_eq!(count(&connection, &indexed), 1, "{name}");
    }
    for (name, column) in [
        ("metrics", "signals"),
        ("signal_metrics", "signals"),
        ("kpis", "tags"),
        ("kpis", "metadata"),
    ] {
        let bad = format!("select count(*) from {name} where not json_valid({column})");
        assert_eq!(count(&connection, &bad), 0, "{name}.{column}");
    }
}

#[test]
fn the_same_arguments_give_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let sum = |name: &str| {
        let path = dir.path().join(name);
        DemoSource::create(&path, 50, NOW).unwrap();
        let sql =
            "select group_concat(dataset_id || created_at || metric_name || coalesce(metric_score, '')) from metrics";
        Connection::open(&path)
            .unwrap()
            .query_row(sql, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(sum("a.db"), sum("b.db"));
}

#[test]
fn rows_are_appended_now() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("demo.db");
    DemoSource::create(&path, 10, NOW).unwrap();
    let source = DemoSource::at(&path);
    let later = NOW + 60_000_000;
    let added = source.append(3, later).unwrap();
    assert_eq!(added.traces, 3);
    assert!((12..=18).contains(&added.metrics));
    // Also twice in the same microsecond.
    source.append(3, later).unwrap();
    let connection = Connection::open(&path).unwrap();
    let stamped = "select count(*) from traces where created_at = '2025-06-15 15:07:40.123456'";
    assert_eq!(count(&connection, stamped), 6);
    assert_eq!(table(&connection, "traces"), 16);
}

#[test]
fn an_existing_demonstration_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("demo.db");
    DemoSource::create(&path, 10, NOW).unwrap();
    DemoSource::create(&path, 20, NOW).unwrap_err();
    assert_eq!(table(&Connection::open(&path).unwrap(), "traces"), 10);
}

#[test]
fn the_queries_of_the_configuration_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a \"quoted\" demo.db");
    DemoSource::create(&path, 10, NOW).unwrap();
    let connection = Connection::open(&path).unwrap();
    let files = config_yaml(&path);
    assert_eq!(files.len(), 5);
    let mut queries = 0;
    for (name, text) in &files {
        assert!(
            text.starts_with(&format!("{}:\n", name.trim_end_matches(".yaml"))),
            "{name}"
        );
        if *name == "duckdb.yaml" {
            continue;
        }
        assert!(
            text.contains(r#"url: "sqlite:"#) && text.contains(r#"a \"quoted\" demo.db""#),
            "{name}"
        );
        for block in text.split("query: |\n").skip(1) {
            let query: Vec<&str> = block.lines().take_while(|line| line.starts_with("    ")).collect();
            connection.prepare(&query.join("\n")).unwrap();
            queries += 1;
        }
    }
    assert_eq!(queries, 7);
}
