//! What users get wrong, and what breaks around them: the error says what to do, the data of before is served.

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Engine, Error, ErrorKind, FullReason, Strategy, SyncOptions, SyncState};
use axis_testkit::postgres::{PASSWORD, Postgres, TestDatabase, USER, execute, shared};

use super::support::{Project, Shop, config, number, open, sync, until_rows};

/// Opens an engine over one query, and returns what the first sync says.
async fn first_sync(url: &str, query: &str) -> axis_core::Result<i64> {
    let directory = tempfile::tempdir().unwrap();
    let table = TableConfig::new("answer", query);
    let engine = open(config(&directory.path().join("s.duckdb"), url, vec![table])).await;
    let outcome = engine.dataset("shop").unwrap().sync(SyncOptions::default()).await;
    let outcome = match outcome {
        Ok(_) => Ok(number(&engine, "select count(*) from answer").await),
        Err(error) => Err(error),
    };
    engine.close().await.unwrap();
    outcome
}

async fn rejected(url: &str, query: &str) -> Error {
    let error = first_sync(url, query).await.unwrap_err();
    assert!(!error.to_string().contains(PASSWORD), "{error}");
    assert!(error.context().any(|pair| pair == ("dataset", "shop")), "{error}");
    error
}

#[tokio::test]
async fn a_wrong_password() {
    let url = TestDatabase::create("bad").url.replace(PASSWORD, "wrong-words");
    let error = rejected(&url, "select 1 as a").await;
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert!(
        error.message().contains(&format!("credentials of user `{USER}`")),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_host_and_a_closed_port() {
    let error = rejected("postgresql://u:secret@no-such-host.invalid/d", "select 1 as a").await;
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(
        error.to_string().contains("no-such-host.invalid") && error.is_retryable(),
        "{error}"
    );
    let error = rejected("postgresql://u:secret@127.0.0.1:1/d", "select 1 as a").await;
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(error.to_string().contains("port=1"), "{error}");
}

#[tokio::test]
async fn a_missing_database_table_and_column() {
    let database = TestDatabase::create("bad");
    let error = rejected(&shared().url("no_such_database"), "select 1 as a").await;
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert!(error.message().contains("`no_such_database`"), "{error}");
    let error = rejected(&database.url, "select * from no_such_table").await;
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert!(error.to_string().contains("name=no_such_table"), "{error}");
    assert!(error.to_string().contains("table=answer"), "{error}");
    let error = rejected(&database.url, "select no_such_column from pg_class").await;
    assert!(error.to_string().contains("name=no_such_column"), "{error}");
}

#[tokio::test]
async fn sql_that_is_no_single_select() {
    let url = TestDatabase::create("bad").url;
    let error = rejected(&url, "select 1 as a form b c d").await;
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert!(error.message().contains("syntax error at character"), "{error}");
    for (query, word) in [
        ("select 1 as a; select 2 as b", "2 statements"),
        ("delete from x", "`delete`"),
        ("  -- nothing", "empty"),
        ("select 1 as a, 2 as a", "two columns named `a`"),
        ("select $1::int as a", "parameters"),
    ] {
        let error = rejected(&url, query).await;
        assert_eq!(error.kind(), ErrorKind::Config, "{query}: {error}");
        assert!(error.message().contains(word), "{query}: {error}");
    }
    let error = rejected(
        &url,
        "with gone as (delete from pg_class returning 1 as a) select * from gone",
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
}

#[tokio::test]
async fn semicolons_and_comments_around_a_query_are_fine() {
    let url = TestDatabase::create("good").url;
    for query in [
        "select 1 as a;",
        "select 1 as a ; ; \n",
        "select 1 as a -- a comment",
        "select 1 as a /* a ; comment */; -- and another",
        "-- first\nselect ';' as a",
        "with x as (select 1 as a) select * from x;",
        "values (1)",
        "(select 1 as a)",
        "select 'a%b' as \"col %s ; --\"",
    ] {
        assert_eq!(first_sync(&url, query).await, Ok(1), "{query}");
    }
}

#[tokio::test]
async fn a_column_that_the_configuration_names_must_exist() {
    let database = TestDatabase::create("bad");
    let directory = tempfile::tempdir().unwrap();
    let base = || TableConfig::new("answer", "select 1 as a, array[1] as l");
    for (table, wanted) in [
        (
            base().with_incremental_column("updated"),
            "incremental_column `updated` is not a column of the query; it returns `a`, `l`",
        ),
        (base().with_primary_key(["a", "b"]), "primary_key `b` is not a column"),
        (
            base().with_incremental_column("l"),
            "incremental_column `l` has type int4[]",
        ),
    ] {
        let engine = open(config(&directory.path().join("s.duckdb"), &database.url, vec![table])).await;
        let error = engine
            .dataset("shop")
            .unwrap()
            .sync(SyncOptions::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(wanted), "{error}");
        engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_split_dataset_without_its_key() {
    let project = Project::new();
    project.file(
        "eval_db.yaml",
        "eval_db:\n  enabled: true\n  url: ${URL}\n  dataset_query: select 1 as record_id\n  results_query: select 1 as other\n",
    );
    let url = TestDatabase::create("bad").url;
    let engine = project.open(&[("URL", &url)]).await;
    let error = engine
        .dataset("eval")
        .unwrap()
        .sync(SyncOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("no `dataset_id`"), "{error}");
    assert!(error.to_string().contains("table=eval_results"), "{error}");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_unset_variable_breaks_its_dataset_only() {
    let project = Project::new();
    let block = |name: &str, password: &str| {
        format!(
            "{name}:\n  enabled: true\n  url: \"postgresql://axis:{password}@127.0.0.1:${{PG}}/${{DB}}\"\n  query: select 1 as a\n"
        )
    };
    project.file("kpi_db.yaml", &block("kpi_db", "${NOT_SET_ANYWHERE}"));
    project.file("datasets/own.yaml", &block("own", "${PASSWORD}"));
    let (database, port) = (TestDatabase::create("bad"), shared().port().to_string());
    let engine = project
        .open(&[("PG", &port), ("DB", &database.name), ("PASSWORD", PASSWORD)])
        .await;
    let kpi = engine.dataset("kpi").unwrap();
    let error = kpi.sync(SyncOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    for part in ["NOT_SET_ANYWHERE", "config/kpi_db.yaml:3", "url"] {
        assert!(error.message().contains(part), "{part} in {error}");
    }
    let status = kpi.status();
    assert_eq!(status.state, SyncState::Error);
    assert_eq!(status.last_failure.unwrap().code, "AXIS_CONFIG");
    sync(&engine.dataset("own").unwrap(), SyncOptions::default()).await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_misspelt_key_is_a_warning_with_a_suggestion() {
    let project = Project::new();
    project.file("kpi_db.yaml", "kpi_db:\n  enabled: false\n  incremental_colunm: at\n");
    let warnings = project.load(&[]).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].place, "config/kpi_db.yaml:3");
    assert!(
        warnings[0].message.contains("did you mean `incremental_column`?"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_store_that_cannot_be_created_or_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(
        &file,
        "this is no database, but it is long enough to be looked at as if it were one",
    )
    .unwrap();
    for (path, word) in [
        (file.join("below/s.duckdb"), "directory of the store cannot be created"),
        ("/proc/s.duckdb".into(), "cannot be written"),
        (file.clone(), "not a DuckDB database"),
        (directory.path().to_path_buf(), "cannot be opened"),
    ] {
        let error = Engine::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store, "{}: {}", path.display(), error.chain());
        assert!(error.message().contains(word), "{}: {}", path.display(), error.chain());
    }
}

#[tokio::test]
async fn a_store_that_another_engine_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.duckdb");
    let first = Engine::open(&path).await.unwrap();
    let error = Engine::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.message().contains(&std::process::id().to_string()), "{error}");
    first.close().await.unwrap();
    Engine::open(&path).await.unwrap().close().await.unwrap();
    // Dropping the last clone lets go of the store, too.
    drop(Engine::open(&path).await.unwrap());
    Engine::open(&path).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_copy() {
    let server = Postgres::start();
    let url = server.url("postgres");
    execute(&url, "create table rows as select 1000 as n");
    let directory = tempfile::tempdir().unwrap();
    let query = "select generate_series(1, (select n from rows)) as i, repeat('x', 50) as t";
    let engine = open(config(
        &directory.path().join("s.duckdb"),
        &url,
        vec![TableConfig::new("answer", query)],
    ))
    .await;
    let shop = engine.dataset("shop").unwrap();
    sync(&shop, SyncOptions::default()).await;
    execute(&url, "update rows set n = 1000000000");
    let mut events = engine.events();
    let running = shop.start_sync(SyncOptions::default()).unwrap();
    until_rows(&mut events).await;
    server.stop();
    let error = running.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{}", error.chain());
    assert!(error.is_retryable());
    assert_eq!(number(&engine, "select count(*) from answer").await, 1000);
    let error = shop.sync(SyncOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);

    server.restart();
    execute(&url, "update rows set n = 2000");
    assert_eq!(sync(&shop, SyncOptions::default()).await.rows_read, 2000);
    assert_eq!(number(&engine, "select sum(i) from answer").await, 2001 * 1000);
    assert_eq!(shop.status().state, SyncState::Ready);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_row_cap_cuts_exactly_and_says_so() {
    for (cap, rows, truncated) in [
        (5000, 5000, true),
        (2048, 2048, true),
        (9999, 9999, true),
        (10_000, 10_000, false),
    ] {
        let shop = Shop::open_with(
            "cap",
            "create table t as select i as id, 'x' || i as t from generate_series(1, 10000) i",
            vec![TableConfig::new("t", "select * from t").with_incremental_column("id")],
            |config| config.store.max_sync_rows = Some(cap),
        )
        .await;
        let report = shop.sync().await;
        assert_eq!((report.rows_read, report.truncated), (rows, truncated), "{cap}");
        assert_eq!(
            shop.number("select count(*) from t").await,
            i64::try_from(rows).unwrap()
        );
        if truncated {
            let because = FullReason::Truncated;
            assert_eq!(shop.sync().await.strategy, Strategy::Full { because });
        }
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn more_new_rows_than_the_cap_are_refused_whole() {
    let shop = Shop::open_with(
        "cap",
        "create table t as select i as id from generate_series(1, 90) i",
        vec![TableConfig::new("t", "select * from t").with_incremental_column("id")],
        |config| config.store.max_sync_rows = Some(100),
    )
    .await;
    shop.settle().await;
    shop.database
        .execute("insert into t select i from generate_series(91, 300) i");
    let error = shop.try_sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("max_sync_rows = 100"), "{error}");
    assert_eq!(shop.number("select count(*) from t").await, 90);
    let report = sync(&shop.dataset(), SyncOptions::full()).await;
    assert_eq!((report.rows_read, report.truncated), (100, true));
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_password_appears_nowhere() {
    const SENTINEL: &str = "S3ntinel-w0rd";
    let project = Project::new();
    let server = shared().port();
    project.file("duckdb.yaml", "duckdb: {path: data/s.duckdb}\n");
    project.file(
        "eval_db.yaml",
        "eval_db:\n  enabled: true\n  host: 127.0.0.1\n  port: 1\n  database: d\n  username: axis\n  password: \"${SENTINEL}\"\n
  dataset_query: select 1 as id\n  results_query: select 1 as id\n",
    );
    project.file(
        "datasets/own.yaml",
        &format!(
            "wrong:\n  enabled: true\n  url: \"postgresql://axis:${{SENTINEL}}@127.0.0.1:{server}/postgres\"\n  query: select 1 as a
bad_url:\n  enabled: true\n  url: \"postgresql://axis:${{SENTINEL}}@127.0.0.1:port/x\"\n  query: select 1 as a
bad_key:\n  enabled: true\n  url: \"postgresql://axis:${{SENTINEL}}@127.0.0.1/x?sslmode=perhaps\"\n  query: select 1 as a
right:\n  enabled: true\n  url: \"postgresql://axis:{PASSWORD}@127.0.0.1:{server}/postgres\"\n  query: select 1 as a\n  refresh_interval_minutes: x\n"
        ),
    );
    let config = project.load(&[("SENTINEL", SENTINEL)]);
    let mut said = format!("{config:?} {:?} {:?}", config.explain(), config.warnings);
    let engine = open(config).await;
    for dataset in engine.datasets() {
        if let Err(error) = dataset.sync(SyncOptions::default()).await {
            said += &format!(
                "{error} {error:?} {} {}",
                error.chain(),
                serde_json::to_string(&error).unwrap()
            );
        }
        said += &format!("{dataset:?} {}", serde_json::to_string(&dataset.status()).unwrap());
    }
    // The role exists, so that the server really compares passwords.
    let connection =
        Connection::from_url(&format!("postgresql://axis:{SENTINEL}@127.0.0.1:{server}/postgres")).unwrap();
    said += &format!("{connection:?}");
    let own = DatasetConfig::custom("own", connection, vec![TableConfig::new("a", "select 1 as a")]);
    said += &format!("{own:?} {:?}", Config::for_store("x").with_dataset(own.clone()));
    for run in engine.runs(100).await.unwrap() {
        said += &serde_json::to_string(&run).unwrap();
    }
    engine.close().await.unwrap();
    assert!(
        said.contains("AXIS_SOURCE_REJECTED") && said.contains("AXIS_SOURCE_UNAVAILABLE"),
        "{said}"
    );
    assert!(!said.contains(SENTINEL), "{said}");
}
