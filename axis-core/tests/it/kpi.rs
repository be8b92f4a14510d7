//! Key performance indicators, against values that were computed by hand.

use axis_core::analytics::kpi::{self, KpiCard, KpiCategories, KpiRequest};
use axis_core::{Dataset, Engine, ErrorKind, SyncOptions};
use axis_testkit::postgres::TestDatabase;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::support::{Project, sync};

/// Two agents, three KPIs. `rate` is a score and `cases` a count; agent `b` has its own display settings.
const ROWS: &str = "
    create table kpis(created_at text, source_name text, source_type text, environment text, segment text,
                      kpi_name text, kpi_category text, numeric_value text);
    insert into kpis values
        ('2026-01-01T08:00:00Z',      'a', 'bot',  'prod', 'x', 'rate',  'quality', '10'),
        ('2026-01-01 22:00:00',       'a', 'bot',  'test', 'y', 'rate',  'quality', '20'),
        ('2026-01-01 12:00:00',       'b', 'tool', 'prod', 'x', 'rate',  'quality', '40'),
        ('2026-01-02T22:30:00-05:00', 'a', 'bot',  'prod', 'x', 'rate',  'quality', '30'),
        ('2026-01-20 00:00:00',       'a', 'bot',  'prod', 'x', 'rate',  'quality', '50'),
        ('2026-01-20 18:00:00',       'b', 'tool', 'prod', 'x', 'rate',  'quality', '70'),
        ('2026-01-01 08:00:00',       'a', 'bot',  'prod', 'x', 'cases', 'volume',  '3'),
        ('2026-01-01 09:00:00',       'a', 'bot',  'prod', 'y', 'cases', 'volume',  '4'),
        ('2026-01-01 10:00:00',       'b', 'tool', 'prod', 'x', 'cases', 'volume',  '5'),
        ('2026-01-05 10:00:00',       'b', 'tool', 'prod', 'x', 'cases', 'other',   '9'),
        ('2026-01-05 10:00:00',       'b', 'tool', 'prod', 'x', 'p95_time', 'other', '1.5'),
        -- None of these counts: no time, no number, no KPI.
        ('soon',                      'a', 'bot',  'prod', 'x', 'rate',  'quality', '1000'),
        (null,                        'a', 'bot',  'prod', 'x', 'rate',  'quality', '1000'),
        ('2026-01-20 01:00:00',       'c', 'bot',  'prod', 'z', 'rate',  'quality', 'n/a'),
        ('2026-01-20 01:00:00',       'a', 'bot',  'prod', 'x', 'rate',  'quality', 'nan'),
        ('2026-01-20 01:00:00',       'a', 'bot',  'prod', 'x', 'rate',  'quality', null),
        ('2026-01-20 01:00:00',       'a', 'bot',  'prod', 'x', null,    'quality', '1000'),
        -- On a line, but on no card: it has no category.
        ('2026-01-20 01:00:00',       'a', 'bot',  'prod', null, 'stray', null,     '7');";

const SETTINGS: &str = "
  kpi_overrides:
    cases: {unit: count, display_name: Cases Handled}
    rate: {unit: percent, polarity: lower_better}
  display_per_source:
    b:
      card_display_value: avg_7d
      trend_lines: [daily]
      kpi_overrides: {rate: {card_display_value: avg_30d, unit: seconds}}
  categories:
    volume: {display_name: How Much, icon: Layers}
    empty: {}
    quality:
  composition_charts:
    - {title: Both, kpis: [rate, {kpi_name: cases, label: Cases, color: \"#fff\"}], show_remainder: true}
";

struct Kpis {
    project: Project,
    engine: Engine,
}

impl Kpis {
    async fn open(rows: &str, settings: &str) -> Self {
        let project = Project::new();
        let source = project.path().join("source.db");
        Connection::open(&source).unwrap().execute_batch(rows).unwrap();
        project.file("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
        let block = format!("kpi_db:\n  enabled: true\n  url: sqlite:source.db\n  query: select * from kpis{settings}");
        project.file("kpi_db.yaml", &block);
        let engine = project.open(&[]).await;
        Self { project, engine }
    }

    async fn synced(settings: &str) -> Self {
        let kpis = Self::open(ROWS, settings).await;
        sync(&kpis.dataset(), SyncOptions::default()).await;
        kpis
    }

    fn dataset(&self) -> Dataset {
        self.engine.dataset("kpi").unwrap()
    }

    async fn categories(&self, request: &KpiRequest) -> KpiCategories {
        kpi::categories(&self.dataset(), request).await.unwrap()
    }

    /// The points of one KPI, as `[date, value, avg_7d, avg_30d, count]`.
    async fn line(&self, name: &str, request: &KpiRequest) -> Vec<Value> {
        let trends = kpi::trends(&self.dataset(), request).await.unwrap();
        let points = trends.data.iter().filter(|point| point.kpi_name == name);
        points
            .map(|point| json!([point.date, point.value, point.avg_7d, point.avg_30d, point.count]))
            .collect()
    }
}

fn request(adjust: impl FnOnce(&mut KpiRequest)) -> KpiRequest {
    let mut request = KpiRequest::default();
    adjust(&mut request);
    request
}

fn of(source: &str) -> KpiRequest {
    request(|request| request.source_name = Some(source.to_owned()))
}

fn card<'c>(categories: &'c KpiCategories, category: &str, kpi: &str) -> &'c KpiCard {
    let panel = categories.categories.iter().find(|panel| panel.category == category);
    let cards = &panel.unwrap_or_else(|| panic!("a panel {category}")).kpis;
    cards
        .iter()
        .find(|card| card.kpi_name == kpi)
        .unwrap_or_else(|| panic!("a card {kpi}"))
}

const THIRD: f64 = (27.5 + 30.0 + 60.0) / 3.0;

#[tokio::test]
async fn a_line_has_utc_days_and_averages_over_the_calendar() {
    let kpis = Kpis::synced(SETTINGS).await;
    let all = KpiRequest::default();
    // Sources weigh the same: (mean of 10 and 20, and 40) / 2. The second day is the third in UTC. Two of three days lie
    // more than a week before the last.
    let expected = json!([
        ["2026-01-01", 27.5, 27.5, 27.5, 3],
        ["2026-01-03", 30.0, 28.75, 28.75, 1],
        ["2026-01-20", 60.0, 60.0, THIRD, 2]
    ]);
    assert_eq!(json!(kpis.line("rate", &all).await), expected);
    // Counts add up, over segments and over sources; all categories of one day are one point.
    let expected = json!([["2026-01-01", 12.0, 12.0, 12.0, 3], ["2026-01-05", 9.0, 10.5, 10.5, 1]]);
    assert_eq!(json!(kpis.line("cases", &all).await), expected);
    assert_eq!(
        json!(kpis.line("stray", &all).await),
        json!([["2026-01-20", 7.0, 7.0, 7.0, 1]])
    );

    let of_a = json!([
        ["2026-01-01", 15.0, 15.0, 15.0, 2],
        ["2026-01-03", 30.0, 22.5, 22.5, 1],
        ["2026-01-20", 50.0, 50.0, 95.0 / 3.0, 1]
    ]);
    assert_eq!(json!(kpis.line("rate", &of("a")).await), of_a);
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_time_filter_chooses_days_and_changes_no_average() {
    let kpis = Kpis::synced(SETTINGS).await;
    for start in [
        "2026-01-10",
        "2026-01-10 00:00:00",
        "2026-01-10T00:00:00Z",
        "2026-01-20T02:00:00+02:00",
    ] {
        let late = request(|request| request.time_start = Some(start.to_owned()));
        assert_eq!(
            json!(kpis.line("rate", &late).await),
            json!([["2026-01-20", 60.0, 60.0, THIRD, 2]]),
            "{start}"
        );
    }
    // Both bounds are inclusive, and a date is its midnight: of the last day only its first row is left.
    let until = request(|request| request.time_end = Some("2026-01-20".to_owned()));
    assert_eq!(
        kpis.line("rate", &until).await[2],
        json!(["2026-01-20", 50.0, 60.0, THIRD, 1])
    );
    let before = request(|request| request.time_end = Some("2026-01-19 23:59:59.999999".to_owned()));
    assert_eq!(kpis.line("rate", &before).await.len(), 2);
    let between = request(|request| {
        request.time_start = Some("2026-01-01 09:00:00".to_owned());
        request.time_end = Some("2026-01-01 12:00:00".to_owned());
    });
    // Of agent `a` nothing is left on that day, so the value is `b`'s.
    assert_eq!(
        json!(kpis.line("rate", &between).await),
        json!([["2026-01-01", 40.0, 27.5, 27.5, 1]])
    );
    let inverted = request(|request| {
        request.time_start = Some("2026-02-01".to_owned());
        request.time_end = Some("2026-01-01".to_owned());
    });
    assert_eq!(kpis.categories(&inverted).await, KpiCategories::default());
    for (start, end) in [(Some("yesterday"), None), (None, Some("2026-13-01"))] {
        let wrong = request(|request| {
            request.time_start = start.map(str::to_owned);
            request.time_end = end.map(str::to_owned);
        });
        let error = kpi::trends(&kpis.dataset(), &wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn cards_stand_in_panels_in_the_configured_order() {
    let kpis = Kpis::synced(SETTINGS).await;
    let all = kpis.categories(&KpiRequest::default()).await;
    let panels: Vec<_> = all
        .categories
        .iter()
        .map(|panel| json!([panel.category, panel.display_name, panel.icon]))
        .collect();
    let expected = json!([
        ["volume", "How Much", "Layers"],
        ["quality", "Quality", "BarChart3"],
        ["other", "Other", "BarChart3"]
    ]);
    assert_eq!(json!(panels), expected);
    assert_eq!(
        json!(all.date_range),
        json!({ "min_date": "2026-01-01", "max_date": "2026-01-20" })
    );
    assert_eq!(
        json!(card(&all, "quality", "rate")),
        json!({
            "kpi_name": "rate", "display_name": "Rate", "current_value": 60.0, "card_display_value": "latest",
            "trend_direction": "up", "polarity": "lower_better", "unit": "percent", "record_count": 6,
            "sparkline": [
                { "date": "2026-01-01", "value": 27.5 },
                { "date": "2026-01-03", "value": 30.0 },
                { "date": "2026-01-20", "value": 60.0 },
            ],
        })
    );
    // One KPI in two categories has a card in each.
    let volume = card(&all, "volume", "cases");
    assert_eq!(
        (volume.current_value, &*volume.display_name, &*volume.unit),
        (12.0, "Cases Handled", "count")
    );
    assert_eq!((volume.trend_direction.as_str(), volume.record_count), ("flat", 3));
    assert_eq!(card(&all, "other", "cases").current_value, 9.0);
    assert_eq!(card(&all, "other", "p95_time").display_name, "P95 Time");

    let of_b = kpis.categories(&of("b")).await;
    let rate = card(&of_b, "quality", "rate");
    assert_eq!(
        (rate.current_value, &*rate.card_display_value, &*rate.unit),
        (55.0, "avg_30d", "seconds")
    );
    assert_eq!(card(&of_b, "volume", "cases").card_display_value, "avg_7d");
    let lines = kpi::trends(&kpis.dataset(), &of("b")).await.unwrap().trend_lines;
    assert_eq!(lines, ["daily"]);
    let lines = kpi::trends(&kpis.dataset(), &KpiRequest::default())
        .await
        .unwrap()
        .trend_lines;
    assert_eq!(lines, ["daily", "avg_7d", "avg_30d"]);
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn filters_are_combined_and_what_matches_nothing_is_empty() {
    let kpis = Kpis::synced(SETTINGS).await;
    let rate = |adjust: fn(&mut KpiRequest)| {
        let request = request(adjust);
        let kpis = &kpis;
        async move { kpis.line("rate", &request).await }
    };
    let first = rate(|request| request.environment = Some("test".to_owned())).await;
    assert_eq!(json!(first), json!([["2026-01-01", 20.0, 20.0, 20.0, 1]]));
    let tool = rate(|request| request.source_type = Some("tool".to_owned())).await;
    assert_eq!(tool.len(), 2);
    let y = rate(|request| request.segment = Some("y".to_owned())).await;
    assert_eq!(y.len(), 1);
    assert!(
        rate(|request| request.kpi_category = Some("volume".to_owned()))
            .await
            .is_empty()
    );
    assert!(
        rate(|request| request.kpi_names = vec!["cases".to_owned()])
            .await
            .is_empty()
    );
    let nobody = of("nobody");
    let trends = kpi::trends(&kpis.dataset(), &nobody).await.unwrap();
    assert_eq!(json!(trends), json!({ "data": [], "kpi_names": [], "trend_lines": [] }));
    assert_eq!(kpis.categories(&nobody).await, KpiCategories::default());
    let quality = kpis
        .categories(&request(|request| request.kpi_category = Some("quality".to_owned())))
        .await;
    assert_eq!(quality.categories.len(), 1);
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn only_visible_kpis_are_shown_unless_they_are_named() {
    let kpis =
        Kpis::synced("\n  visible_kpis: [rate, cases]\n  visible_kpis_per_source: {b: [p95_time, cases]}\n").await;
    let names = |request: KpiRequest| {
        let dataset = kpis.dataset();
        async move { kpi::trends(&dataset, &request).await.unwrap().kpi_names }
    };
    assert_eq!(names(of("a")).await, ["cases", "rate"]);
    assert_eq!(names(of("b")).await, ["cases", "p95_time"]);
    // Without a source each one shows what it shows by itself.
    assert_eq!(names(KpiRequest::default()).await, ["cases", "p95_time", "rate"]);
    assert_eq!(
        json!(kpis.line("rate", &KpiRequest::default()).await)[0],
        json!(["2026-01-01", 15.0, 15.0, 15.0, 2])
    );
    assert_eq!(
        names(request(|request| request.kpi_names = vec!["stray".to_owned()])).await,
        ["stray"]
    );
    // Cards follow the order of the list.
    let of_b = kpis.categories(&of("b")).await;
    let other = of_b.categories.iter().find(|panel| panel.category == "other").unwrap();
    let order: Vec<&str> = other.kpis.iter().map(|card| card.kpi_name.as_str()).collect();
    assert_eq!(order, ["p95_time", "cases"]);

    let filters = kpi::filters(&kpis.dataset()).await.unwrap();
    assert_eq!(filters.kpi_names, ["cases", "p95_time", "rate"]);
    assert_eq!(
        json!(filters.kpi_order),
        json!({ "_default": ["rate", "cases"], "b": ["p95_time", "cases"] })
    );
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn filter_values_are_distinct_and_ascending() {
    let kpis = Kpis::synced(SETTINGS).await;
    let filters = kpi::filters(&kpis.dataset()).await.unwrap();
    assert_eq!(
        json!(filters),
        json!({
            // Agent `c` has no number, but rows.
            "source_names": ["a", "b", "c"], "environments": ["prod", "test"],
            "kpi_categories": ["other", "quality", "volume"], "kpi_names": ["cases", "p95_time", "rate", "stray"],
            "source_types": ["bot", "tool"], "segments": ["x", "y", "z"], "kpi_order": {},
            "composition_charts": [{
                "title": "Both",
                "kpis": [
                    { "kpi_name": "rate", "label": "rate", "color": "#6B7280" },
                    { "kpi_name": "cases", "label": "Cases", "color": "#fff" },
                ],
                "show_remainder": true, "remainder_label": "Other", "remainder_color": "#6B7280",
            }],
        })
    );
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn answers_follow_each_sync_and_are_empty_before_the_first() {
    let kpis = Kpis::open(ROWS, SETTINGS).await;
    let dataset = kpis.dataset();
    assert_eq!(kpis.categories(&KpiRequest::default()).await, KpiCategories::default());
    let trends = kpi::trends(&dataset, &KpiRequest::default()).await.unwrap();
    assert_eq!(trends.trend_lines, ["daily", "avg_7d", "avg_30d"]);
    assert!(kpi::filters(&dataset).await.unwrap().composition_charts.is_empty());

    sync(&dataset, SyncOptions::default()).await;
    // Many ask at once; one loads.
    let of_a = of("a");
    let asked = (0..16).map(|_| kpis.categories(&of_a));
    let answers = futures::future::join_all(asked).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == answers[0] && !answer.categories.is_empty())
    );

    let source = Connection::open(kpis.project.path().join("source.db")).unwrap();
    source
        .execute_batch("delete from kpis where kpi_name = 'rate'; update kpis set numeric_value = 1")
        .unwrap();
    sync(&dataset, SyncOptions::default()).await;
    assert!(kpis.line("rate", &KpiRequest::default()).await.is_empty());
    assert_eq!(
        kpis.line("cases", &KpiRequest::default()).await[0],
        json!(["2026-01-01", 3.0, 3.0, 3.0, 3])
    );
    source.execute_batch("delete from kpis").unwrap();
    sync(&dataset, SyncOptions::default()).await;
    let empty = kpi::trends(&dataset, &KpiRequest::default()).await.unwrap();
    assert_eq!(json!(empty), json!({ "data": [], "kpi_names": [], "trend_lines": [] }));
    kpis.engine.close().await.unwrap();
}

#[tokio::test]
async fn missing_columns_are_named_by_the_sync_and_by_every_answer() {
    let kpis = Kpis::open(
        "create table kpis as select 1 as kpi_name, '2026-01-01' as recorded_at, 2 as numeric_value",
        "\n",
    )
    .await;
    let report = sync(&kpis.dataset(), SyncOptions::default()).await;
    assert_eq!(report.tables[0].missing_columns, ["kpi_category", "created_at"]);
    let error = kpi::categories(&kpis.dataset(), &KpiRequest::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.message(),
        "the KPIs lack the columns `kpi_category`, `created_at`; add what is missing to `kpi_db.query`, or give it that name under `kpi_db.columns`"
    );
    assert!(kpi::trends(&kpis.dataset(), &KpiRequest::default()).await.is_err());
    assert!(kpi::filters(&kpis.dataset()).await.is_err());
    let error = kpi::filters(&kpis.engine.dataset("eval").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    kpis.engine.close().await.unwrap();
}

/// The types of a PostgreSQL source; filter columns that are no texts, and some that are missing.
#[tokio::test]
async fn the_types_of_a_server_are_understood() {
    let database = TestDatabase::create("kpi");
    database.execute(
        "create table k(at timestamptz, n numeric(20,4), kpi_name text, kpi_category integer, source_name integer);
         insert into k values
            ('2026-03-01 23:30:00-05', 1.5, 'k', 7, 1), ('2026-03-02 00:30:00+02', 2.5, 'k', 7, 1),
            ('infinity', 100, 'k', 7, 1), ('-infinity', 100, 'k', 7, 1), ('2026-03-02', 'nan', 'k', 7, 2)",
    );
    let project = Project::new();
    project.file("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    let url = Value::from(database.url.as_str());
    let query = "select at as created_at, n as numeric_value, kpi_name, kpi_category, source_name from k";
    project.file(
        "kpi_db.yaml",
        &format!("kpi_db:\n  enabled: true\n  url: {url}\n  query: {query}\n  types: {{numeric_value: double}}\n"),
    );
    let engine = project.open(&[]).await;
    let dataset = engine.dataset("kpi").unwrap();
    let report = sync(&dataset, SyncOptions::default()).await;
    assert!(report.tables[0].missing_columns.is_empty());
    let trends = kpi::trends(&dataset, &of("1")).await.unwrap();
    let days: Vec<_> = trends
        .data
        .iter()
        .map(|point| (point.date.as_str(), point.value))
        .collect();
    assert_eq!(days, [("2026-03-01", 2.5), ("2026-03-02", 1.5)]);
    let filters = kpi::filters(&dataset).await.unwrap();
    assert_eq!(
        (filters.source_names, filters.kpi_categories),
        (vec!["1".to_owned(), "2".to_owned()], vec!["7".to_owned()])
    );
    assert!(filters.segments.is_empty());
    // A filter on a column that is not there matches nothing.
    let filtered = request(|request| request.segment = Some("x".to_owned()));
    assert!(kpi::trends(&dataset, &filtered).await.unwrap().data.is_empty());
    engine.close().await.unwrap();
}
