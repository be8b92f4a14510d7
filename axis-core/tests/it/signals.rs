//! Cases of human signals: made in the commit of their rows, equal to them whatever happened, and told the truth about.

mod killed;

use std::path::Path;

use axis_core::signals::Bring;
use axis_core::{Engine, ErrorKind, PageRequest, SortDirection, SyncMode, SyncOptions, SyncState};
use axis_testkit::postgres::TestDatabase;
use fastrand::Rng;
use serde_json::{Value, json};

use super::support::{Project, ask, number, scaled, sync};

const TABLES: &str = "
create table c (id text primary key, at_ timestamptz not null default now(), source text, conversation jsonb, input text);
create table m (id text, metric text, category text, at_ timestamptz not null default now(), signals text, primary key (id, metric));
";

/// The configuration; `source` is what the query calls the source of a case.
fn yaml(url: &str, source: &str, more: &str) -> String {
    let url = Value::from(url);
    format!(
        "human_signals_db:
  enabled: true
  url: {url}
  dataset_query: select id as dataset_id, at_ as timestamp, source as {source}, conversation, input as additional_input from c
  results_query: select id as dataset_id, at_ as timestamp, metric as metric_name, category as metric_category, signals from m
  incremental_column: timestamp
  dataset_primary_key: dataset_id
  results_primary_key: [dataset_id, metric_name]
{more}"
    )
}

struct Scene {
    database: TestDatabase,
    project: Project,
}

impl Scene {
    fn new(rows: &str) -> Self {
        let database = TestDatabase::create("signals");
        database.execute(TABLES);
        database.execute(rows);
        let project = Project::new();
        project.file("duckdb.yaml", "duckdb:\n  path: s.duckdb\n");
        project.file("human_signals_db.yaml", &yaml(&database.url, "source_name", ""));
        Self { database, project }
    }

    async fn open(&self) -> Engine {
        self.project.open(&[]).await
    }
}

/// Everything that is stored of the cases, as text.
async fn stored(engine: &Engine) -> (Vec<Value>, Vec<Value>) {
    (
        ask(engine, r#"select * from human_signals_cases order by "Case_ID""#).await,
        ask(engine, "select description from _axis.derived").await,
    )
}

async fn raw(engine: &Engine) -> Vec<Value> {
    ask(
        engine,
        "select columns(*)::varchar from human_signals_raw order by dataset_id, metric_name",
    )
    .await
}

async fn sync_with(engine: &Engine, options: SyncOptions) -> axis_core::SyncReport {
    sync(engine.signals().unwrap().dataset(), options).await
}

const TWO: &str = r#"
insert into c values
 ('b', '2026-01-02 10:00:00.5Z', 'claims', '{"messages": [{"role": "user", "content": "New claims case: Acme"}]}', '{"sender": "Ann"}'),
 ('a', '2026-01-01 10:00:00Z', null, null, 'nothing');
insert into m values
 ('b', 'outcome', 'Classification', '2026-01-02 10:00:00.5Z', '{"by": "Ann", "is_ok": true, "why": "late"}'),
 ('b', 'cause', null, '2026-01-02 11:00:00Z', '{''by'': None, ''kind'': ''x''}'),
 ('a', 'outcome', 'classification', '2026-01-01 10:00:00Z', '{"by": "Ben", "is_ok": null, "why": [1, "é"]}'),
 ('a', 'broken', 'classification', '2026-01-01 10:00:00Z', 'no object');
"#;

#[tokio::test]
async fn cases_follow_their_rows() {
    let scene = Scene::new(TWO);
    let engine = scene.open().await;
    let signals = engine.signals().unwrap();
    assert!(signals.cases(1, 50).await.unwrap().is_none());
    assert!(signals.schema().await.unwrap().is_none());
    assert!(signals.metadata().await.unwrap().is_none());
    assert_eq!(signals.page(PageRequest::default()).await.unwrap().total, 0);

    let report = sync_with(&engine, SyncOptions::default()).await;
    assert_eq!((report.changed, report.generation), (true, 1));
    let answer = signals.cases(1, 50).await.unwrap().unwrap();
    assert_eq!((answer.row_count, answer.format.as_str()), (2, "hitl_feedback"));
    let a = json!({
        "Case_ID": "a", "source_name": null, "Slack_URL": null, "Agent_Name": null, "Business": "Unknown",
        "Full_Conversation": [], "Message_Count": 0, "Timestamp": "2026-01-01 10:00:00+00:00", "additional_input": null,
        "by": "Ben", "cause__kind": null, "outcome__is_ok": null, "outcome__why": r#"[1, "\u00e9"]"#,
    });
    let b = json!({
        "Case_ID": "b", "source_name": "claims", "Slack_URL": null, "Agent_Name": "Ann", "Business": "Acme",
        "Full_Conversation": [{ "role": "user", "content": "New claims case: Acme" }], "Message_Count": 0,
        "Timestamp": "2026-01-02 10:00:00.500000+00:00", "additional_input": r#"{"sender": "Ann"}"#,
        "by": "Ann", "cause__kind": "x", "outcome__is_ok": true, "outcome__why": "late",
    });
    assert_eq!(json!(answer.data), json!([a, b]));
    assert_eq!(
        json!(answer.columns),
        json!(a.as_object().unwrap().keys().collect::<Vec<_>>())
    );
    assert_eq!(answer.metric_schema.metrics["outcome"].signals, ["is_ok", "why"]);
    assert_eq!(signals.cases(2, 1).await.unwrap().unwrap().data[0]["Case_ID"], "b");

    // No news, no write.
    let before = stored(&engine).await;
    let again = sync_with(&engine, SyncOptions::default()).await;
    assert_eq!((again.changed, again.generation), (false, 1));
    assert_eq!(stored(&engine).await, before);

    // A case loses its last row, and is no case any more.
    scene.database.execute("delete from m where id = 'a'; insert into c (id, source) values ('c', 'x'); insert into m (id, metric, signals) values ('c', 'outcome', '{}')");
    let report = sync_with(&engine, SyncOptions::default().mode(SyncMode::Reconcile)).await;
    assert_eq!((report.strategy.as_str(), report.generation), ("incremental", 2));
    let answer = signals.cases(1, 50).await.unwrap().unwrap();
    let ids: Vec<&Value> = answer.data.iter().map(|case| &case["Case_ID"]).collect();
    assert_eq!(ids, ["b", "c"]);
    let derived = signals.dataset().status().derived.unwrap();
    assert_eq!((derived.rows, derived.added, derived.error), (2, 0, None));

    // A restart keeps everything.
    let before = stored(&engine).await;
    engine.close().await.unwrap();
    let engine = scene.open().await;
    assert_eq!(stored(&engine).await, before);
    assert_eq!(engine.signals().unwrap().dataset().status().derived.unwrap().rows, 2);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn cases_are_paged_sorted_and_filtered() {
    let scene = Scene::new(
        r#"
        insert into c (id, at_, source) select 'c' || i, '2026-01-01Z'::timestamptz + i * interval '1 hour', 's' || i % 3 from generate_series(10, 29) i;
        insert into m (id, metric, at_, signals) select id, 'm/1', at_, format('{"n": %s, "t": "x%s"}', 100 - substr(id, 2)::int * 5, id) from c;
        insert into m (id, metric, at_, signals) select id, 'n', at_, format('{"only": %s}', substr(id, 2)) from c where source = 's1';
        "#,
    );
    let engine = scene.open().await;
    let signals = engine.signals().unwrap();
    sync_with(&engine, SyncOptions::default()).await;
    let page = async |adjust: &dyn Fn(&mut PageRequest)| {
        let mut request = PageRequest::default();
        request.page_size = 3;
        adjust(&mut request);
        let page = engine.signals().unwrap().page(request).await.unwrap();
        let ids: Vec<String> = page
            .rows
            .iter()
            .map(|row| row["Case_ID"].as_str().unwrap_or_default().to_owned())
            .collect();
        (ids.join(" "), page.total)
    };
    let sorted = |name: &'static str, direction| {
        move |request: &mut PageRequest| {
            request.sort_by = Some(name.to_owned());
            request.direction = direction;
        }
    };
    let expect = |ids: &str, total| (ids.to_owned(), total);
    assert_eq!(page(&|_| {}).await, expect("c29 c28 c27", 20));
    assert_eq!(
        page(&sorted("case_id", SortDirection::Ascending)).await,
        expect("c10 c11 c12", 20)
    );
    // Numbers are compared as such, and what is missing comes last.
    assert_eq!(
        page(&sorted("m/1__n", SortDirection::Ascending)).await,
        expect("c29 c28 c27", 20)
    );
    assert_eq!(
        page(&sorted("m/1__n", SortDirection::Descending)).await,
        expect("c10 c11 c12", 20)
    );
    assert_eq!(
        page(&sorted("n__only", SortDirection::Descending)).await,
        expect("c28 c25 c22", 20)
    );
    let filtered = page(&|request| {
        request.filters.equal = vec![
            ("source_name".to_owned(), "s1".to_owned()),
            ("metric_name".to_owned(), "x".to_owned()),
        ];
        request.filters.time_start = Some("2026-01-02T00:00:00Z".to_owned());
        request.page = 2;
    });
    assert_eq!(filtered.await, expect("", 2));
    let mut request = PageRequest::default();
    request.columns = vec!["m/1__t".to_owned(), "nothing".to_owned()];
    request.sort_by = Some("Business".to_owned());
    let page = signals.page(request).await.unwrap();
    assert_eq!(json!(page.rows[0]), json!({ "m/1__t": "xc10", "Business": "Unknown" }));

    for (page, size) in [(0, 50), (1, 0), (1, 501)] {
        let error = signals.cases(page, size).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let metadata = signals.metadata().await.unwrap().unwrap();
    assert_eq!(metadata.row_count, 20);
    assert_eq!(metadata.filter_values["source_name"], ["s0", "s1", "s2"]);
    assert_eq!(metadata.time_range.unwrap().min, "2026-01-01 10:00:00+00:00");
    let types: Vec<(&str, &str)> = metadata
        .columns
        .iter()
        .map(|c| (c.column_name.as_str(), c.column_type.as_str()))
        .collect();
    assert!(
        types.contains(&("Message_Count", "BIGINT")) && types.contains(&("n__only", "JSON")),
        "{types:?}"
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn rows_that_make_no_cases_are_stored_and_say_why() {
    let scene = Scene::new(TWO);
    let engine = scene.open().await;
    sync_with(&engine, SyncOptions::default()).await;
    engine.close().await.unwrap();

    scene
        .project
        .file("human_signals_db.yaml", &yaml(&scene.database.url, "origin", ""));
    let engine = scene.open().await;
    let report = sync_with(&engine, SyncOptions::default()).await;
    assert!(report.changed);
    assert_eq!(
        number(
            &engine,
            "select count(*) from human_signals_raw where origin = 'claims'"
        )
        .await,
        2
    );
    // Nothing of before is served as if it were current.
    assert_eq!(number(&engine, "select count(*) from human_signals_cases").await, 0);
    let signals = engine.signals().unwrap();
    let status = signals.dataset().status();
    let derived = status.derived.unwrap();
    assert_eq!((status.state, derived.rows), (SyncState::Ready, 0));
    let error = derived.error.unwrap();
    assert!(error.ends_with("and source_name is missing"), "{error}");
    assert_eq!(signals.cases(1, 50).await.unwrap().unwrap().row_count, 0);
    let error = signals
        .import(Bring::First, super::support::DEADLINE)
        .await
        .unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotSynced && error.message().contains("source_name"),
        "{error}"
    );
    // It is decided by the columns alone: nothing is tried again until they change.
    assert!(!sync_with(&engine, SyncOptions::default()).await.changed);
    engine.close().await.unwrap();

    scene
        .project
        .file("human_signals_db.yaml", &yaml(&scene.database.url, "source_name", ""));
    let engine = scene.open().await;
    let signals = engine.signals().unwrap();
    let imported = signals.import(Bring::Always, super::support::DEADLINE).await.unwrap();
    assert_eq!((imported.row_count, imported.source.as_deref()), (2, Some("duckdb")));
    assert_eq!(signals.dataset().status().derived.unwrap().error, None);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_is_shown_follows_the_configuration_without_a_sync() {
    let scene = Scene::new(TWO);
    let engine = scene.open().await;
    sync_with(&engine, SyncOptions::default()).await;
    engine.close().await.unwrap();
    let more = "  visible_metrics: [cause]\n  visible_kpis: [total_cases]\n  row_limit: 1\n";
    scene
        .project
        .file("human_signals_db.yaml", &yaml(&scene.database.url, "source_name", more));
    scene.project.file(
        "signals_metrics.yaml",
        "signals_metrics:\n  filters: []\n  color_maps:\n",
    );
    let engine = scene.open().await;
    let signals = engine.signals().unwrap();
    let answer = signals.import(Bring::First, super::support::DEADLINE).await.unwrap();
    assert!(answer.columns.contains(&"cause__kind".to_owned()) && !answer.columns.contains(&"outcome__why".to_owned()));
    assert_eq!(answer.display_config["kpi_strip"].as_array().unwrap().len(), 1);
    assert_eq!((answer.data.len(), answer.row_count), (1, 2));
    assert!(json!(answer)["truncated"].as_bool().unwrap());
    let schema = signals.schema().await.unwrap().unwrap();
    assert_eq!(
        (&schema.display_config["filters"], schema.display_warnings.len()),
        (&json!([]), 0)
    );
    assert_eq!(schema.metric_schema.metrics.keys().collect::<Vec<_>>(), ["cause"]);
    engine.close().await.unwrap();
}

/// Refreshes make only the cases that they touch; the result is that of making all of them.
#[tokio::test]
async fn refreshed_cases_equal_rebuilt_ones() {
    let scene = Scene::new("");
    let change = |rng: &mut Rng| {
        let id = format!("c{}", rng.u32(0..40));
        let metric = ["a", "b", "c"][rng.usize(0..3)];
        let signals = match rng.u32(0..5) {
            0 => "no object".to_owned(),
            1 => format!("{{''by'': ''p{}'', ''x'': {}}}", rng.u32(0..4), rng.u32(0..9)),
            2 => format!(r#"{{"by": null, "k{}": "v{}"}}"#, rng.u32(0..3), rng.u32(0..5)),
            _ => format!(
                r#"{{"by": "q", "x": "t{}", "deep": {{"n": [{}]}}}}"#,
                rng.u32(0..3),
                rng.u32(0..9)
            ),
        };
        match rng.u32(0..8) {
            0 => format!("delete from m where id = '{id}' and metric = '{metric}';"),
            1 => format!("delete from c where id = '{id}';"),
            2 | 3 => format!(
                "insert into c (id, source) values ('{id}', 's{0}') on conflict (id) do update set source = 't{0}', at_ = now();",
                rng.u32(0..3)
            ),
            _ => format!(
                "insert into m (id, metric, signals) values ('{id}', '{metric}', '{signals}') on conflict (id, metric) do update set signals = excluded.signals, at_ = now();"
            ),
        }
    };
    let mut rng = Rng::with_seed(7);
    let engine = scene.open().await;
    let mut refreshed = 0;
    for round in 0..scaled(25, 10) {
        let changes: String = (0..rng.u32(1..12)).map(|_| change(&mut rng)).collect();
        scene.database.execute(&changes);
        let report = sync_with(&engine, SyncOptions::default().mode(SyncMode::Reconcile)).await;
        refreshed += usize::from(report.strategy.as_str() == "incremental" && report.changed);
        let (rows, cases) = (raw(&engine).await, stored(&engine).await);
        sync_with(&engine, SyncOptions::full()).await;
        assert_eq!(rows, raw(&engine).await, "round {round}: {changes}");
        assert_eq!(cases, stored(&engine).await, "round {round}: {changes}");
    }
    assert!(refreshed > 10, "{refreshed} refreshes are not worth the name");
    engine.close().await.unwrap();
}

/// The cases are what the rows say; returns how many there are.
async fn assert_derived(engine: &Engine, store: &Path) -> i64 {
    let wrong = number(
        engine,
        r#"select count(*) from human_signals_raw r left join human_signals_cases c on c."Case_ID" = r.dataset_id
           where json_extract_string(c.signals, '/' || r.metric_name || '/v') is distinct from json_extract_string(r.signals, '/v')"#,
    )
    .await;
    let cases = number(engine, "select count(*) from human_signals_cases").await;
    let metrics = number(
        engine,
        "select coalesce(sum(len(json_keys(signals))), 0)::bigint from human_signals_cases",
    )
    .await;
    let rows = number(engine, "select count(*) from human_signals_raw").await;
    assert_eq!((wrong, metrics), (0, rows), "{}", store.display());
    assert_eq!(
        cases,
        number(engine, "select count(distinct dataset_id) from human_signals_raw").await
    );
    let derived = engine.signals().unwrap().dataset().status().derived;
    assert_eq!(derived.map(|derived| derived.rows.cast_signed()), Some(cases));
    cases
}
