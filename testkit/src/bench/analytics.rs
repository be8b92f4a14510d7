//! The workload of `query-bench`: rows for every question that the engine answers, over the 90 days before 2026-06-01.

use super::{ANSWERS, ENDINGS, FACTS, OPENINGS, SUBJECTS, pick, unit};

/// Grows whenever the rows change, so that stores which hold older ones are made anew.
pub const ANALYTICS_VERSION: u32 = 2;

/// Rows at scale 1.
const TRACES: f64 = 500_000.0;
const METRICS_PER_TRACE: u64 = 4;
const KPIS: f64 = 200_000.0;
const EVAL_CASES: f64 = 40_000.0;
const METRICS_PER_EVAL_CASE: u64 = 5;
const SIGNAL_CASES: f64 = 12_500.0;
const METRICS_PER_SIGNAL_CASE: u64 = 4;

/// Microseconds of 90 days.
const SPAN: u64 = 90 * 86_400 * 1_000_000;

/// Returns the statements that make `traces`, `metrics`, `kpis`, `eval_cases`, `eval_metrics`, `signal_cases` and
/// `signal_metrics` in an empty database, to be run one by one. The same scale gives the same rows.
#[must_use]
pub fn analytics_schema(scale: f64) -> Vec<String> {
    let count = |rows: f64| ((rows * scale).round() as u64).max(1);
    let mut statements: Vec<String> = TABLES.iter().map(|table| (*table).to_owned()).collect();
    statements.extend([
        traces(count(TRACES)),
        metrics(count(TRACES)),
        kpis(count(KPIS)),
        eval_cases(count(EVAL_CASES)),
        eval_metrics(count(EVAL_CASES)),
        signal_cases(count(SIGNAL_CASES)),
        signal_metrics(count(SIGNAL_CASES)),
    ]);
    let tables = [
        "traces",
        "metrics",
        "kpis",
        "eval_cases",
        "eval_metrics",
        "signal_cases",
        "signal_metrics",
    ];
    statements.extend(tables.map(|table| format!("analyze {table}")));
    statements
}

const TABLES: [&str; 7] = [
    "create table traces(
        dataset_id uuid not null, created_at timestamptz not null, environment text not null, source_name text not null,
        source_component text, source_type text, query text, actual_output text, expected_output text, model_name text,
        latency double precision, has_errors boolean not null, trace_id text, cost_estimate double precision)",
    "create table metrics(
        dataset_id uuid not null, created_at timestamptz not null, metric_name text not null,
        metric_score double precision, metric_category text, metric_type text, explanation text,
        threshold double precision, passed boolean, signals jsonb, evaluation_name text)",
    "create table kpis(
        id bigint not null, created_at timestamptz not null, source_name text not null, source_type text,
        kpi_name text not null, kpi_category text not null, dataset_id uuid, numeric_value double precision,
        source_component text, environment text, segment text, tags jsonb, metadata jsonb)",
    "create table eval_cases(
        dataset_id uuid not null, created_at timestamptz not null, evaluation_name text not null, query text,
        actual_output text, expected_output text, model_name text, latency double precision, evaluation_metadata jsonb)",
    "create table eval_metrics(
        dataset_id uuid not null, created_at timestamptz not null, evaluation_name text not null,
        metric_name text not null, metric_score double precision, metric_type text, metric_category text, parent text,
        weight double precision, threshold double precision, passed boolean)",
    "create table signal_cases(
        dataset_id uuid not null, created_at timestamptz not null, source_name text not null, source_component text,
        source_type text, environment text, conversation jsonb, conversation_stats jsonb, additional_input jsonb)",
    "create table signal_metrics(
        dataset_id uuid not null, created_at timestamptz not null, metric_name text not null, metric_category text,
        signals jsonb)",
];

/// The time of the row `i` of `rows`, which are spread evenly.
fn at(rows: u64) -> String {
    format!(
        "timestamptz '2026-06-01 00:00:00+00' - ({rows} - i) * interval '{} microseconds'",
        SPAN / rows
    )
}

/// One of twelve sources, some of which are asked more often than others.
fn source() -> String {
    let names = [
        "support-assistant",
        "support-assistant",
        "claims-triage",
        "claims-triage",
        "policy-search",
        "policy-search",
        "sales-copilot",
        "billing-agent",
        "onboarding-guide",
        "contract-review",
        "fraud-watch",
        "knowledge-bot",
        "travel-desk",
        "hr-helper",
        "code-reviewer",
        "code-reviewer",
    ];
    pick(2, &names)
}

fn environment() -> String {
    pick(
        1,
        &[
            "production",
            "production",
            "production",
            "staging",
            "staging",
            "development",
            "production",
            "production",
        ],
    )
}

/// `rows` numbers `k` with the number `i` of what they belong to, `each` to one.
fn parts(rows: u64, each: u64) -> String {
    format!(
        "(select k, (k - 1) / {each} + 1 as i from generate_series(1::bigint, {}) as k) as numbers",
        rows * each
    )
}

fn traces(rows: u64) -> String {
    let serial = "(hashint8extended(i, 20) & 1048575)";
    format!(
        "insert into traces
select md5('trace ' || i)::uuid, {at}, {environment}, {source}, {component}, {kind},
    {opening} || ' ' || {subject} || ' ' || {serial} || ' ' || {ending},
    {answer} || ' ' || {fact} || case when {coin} < 6 then ' Also, ' || {more} else '' end
        || case when {coin} < 2 then ' Finally, ' || {last} else '' end,
    {answer} || ' ' || {fact}, {model}, round((0.2 + ({slow}) ^ 3 * 9)::numeric, 3), {coin} = 0, md5('span ' || i),
    round((({slow}) * 0.02)::numeric, 6)
from generate_series(1::bigint, {rows}) as i",
        at = at(rows),
        environment = environment(),
        source = source(),
        component = pick(3, &["router", "retriever", "responder", "reviewer"]),
        kind = pick(4, &["agent", "agent", "rag", "copilot"]),
        opening = pick(6, &OPENINGS),
        subject = pick(7, &SUBJECTS),
        ending = pick(8, &ENDINGS),
        answer = pick(9, &ANSWERS),
        fact = pick(10, &FACTS),
        more = pick(11, &FACTS),
        last = pick(12, &FACTS),
        model = pick(5, &["gpt-4o-mini", "claude-sonnet", "llama-3.1-70b", "mistral-large"]),
        coin = "(hashint8extended(i, 21) & 7)",
        slow = unit("i", 22),
    )
}

/// Four of eight metrics for each trace: 60 % are scores, 10 % scores without a category, 15 % labels, 15 % analyses.
fn metrics(traces: u64) -> String {
    let chance = unit("k", 33);
    format!(
        "insert into metrics
select md5('trace ' || i)::uuid, at, (array['faithfulness', 'answer_relevancy', 'helpfulness', 'context_precision',
        'toxicity', 'sentiment', 'conversation_analysis', 'intent'])[number + 1],
    case when category = 'SCORE' then score end,
    case when category = 'SCORE' and {none} < 1.0 / 7 then null else category end, 'metric',
    case category
        when 'CLASSIFICATION' then
            (array['positive', 'neutral', 'neutral', 'negative', 'mixed', 'positive', 'neutral', 'unknown'])[1 + label]
        when 'SCORE' then 'Case ' || substr(md5(k::text), 1, 16) || ': ' || (array['every statement is in the sources.',
            'one statement is not in the sources.', 'the answer is polite but misses the question.', 'the answer is right.'])[1 + label % 4]
        when 'ANALYSIS' then (array['The customer asked twice for', 'The answer does not mention', 'Nobody had explained',
            'The agent was asked about'])[1 + label % 4] || ' ' || (array['a refund.', 'the deadline.', 'the fee.', 'a form.'])[1 + label / 2]
    end,
    case when category = 'SCORE' then 0.5 end, case when category = 'SCORE' then score >= 0.5 end,
    case when category = 'ANALYSIS' then jsonb_build_object('topic', (array['billing', 'delivery', 'contract', 'access'])[1 + label % 4],
        'turns', 1 + label, 'severity', (array['low', 'medium', 'high', 'low'])[1 + label / 2]) end,
    'online-monitoring'
from (
    select *, case when number < 5 or number = 7 and {chance} < 0.6 then 'SCORE'
        when number = 5 or number = 7 and {chance} < 0.8 then 'CLASSIFICATION' else 'ANALYSIS' end as category
    from (
        select k, i, {at} + (k - 1) % {METRICS_PER_TRACE} * interval '2 milliseconds' as at,
            ((hashint8extended(i, 34) & 7) + (k - 1) % {METRICS_PER_TRACE}) % 8 as number, hashint8extended(k, 31) & 7 as label,
            round((1 - ({score}) ^ 2)::numeric, 4)::double precision as score
        from {numbers}
    ) as made
) as rows",
        at = at(traces),
        none = unit("k", 35),
        score = unit("k", 30),
        numbers = parts(traces, METRICS_PER_TRACE),
    )
}

fn kpis(rows: u64) -> String {
    format!(
        "insert into kpis
select i, {at}, {source}, {kind}, (array['task_success_rate', 'customer_satisfaction', 'escalation_rate', 'avg_handle_time',
        'cost_per_case', 'cases_handled', 'first_contact_resolution', 'reopen_rate'])[1 + number],
    (array['quality', 'quality', 'quality', 'efficiency', 'efficiency', 'volume', 'quality', 'efficiency'])[1 + number],
    md5('trace ' || i)::uuid, round((100 * ({value}))::numeric, 3), {component}, {environment}, {segment},
    '[\"daily\"]', jsonb_build_object('samples', 20 + number)
from (select i, hashint8extended(i, 40) & 7 as number from generate_series(1::bigint, {rows}) as i) as numbers",
        at = at(rows),
        source = source(),
        kind = pick(4, &["agent", "agent", "rag", "copilot"]),
        value = unit("i", 41),
        component = pick(3, &["router", "retriever", "responder", "reviewer"]),
        environment = environment(),
        segment = pick(42, &["enterprise", "small business"]),
    )
}

fn eval_cases(rows: u64) -> String {
    format!(
        "insert into eval_cases
select md5('case ' || i)::uuid, {at}, {run}, {opening} || ' ' || {subject} || ' ' || i || ' ' || {ending},
    {answer} || ' ' || {fact}, {answer} || ' ' || {more}, {model}, round((0.2 + ({slow}) ^ 3 * 9)::numeric, 3),
    '{{\"suite\": \"regression\"}}'
from generate_series(1::bigint, {rows}) as i",
        at = at(rows),
        run = runs(),
        opening = pick(6, &OPENINGS),
        subject = pick(7, &SUBJECTS),
        ending = pick(8, &ENDINGS),
        answer = pick(9, &ANSWERS),
        fact = pick(10, &FACTS),
        more = pick(11, &FACTS),
        model = pick(5, &["gpt-4o-mini", "claude-sonnet", "llama-3.1-70b", "mistral-large"]),
        slow = unit("i", 22),
    )
}

fn eval_metrics(cases: u64) -> String {
    format!(
        "insert into eval_metrics
select md5('case ' || i)::uuid, {at}, {run},
    (array['overall', 'correctness', 'completeness', 'tone', 'safety'])[1 + (k - 1) % {METRICS_PER_EVAL_CASE}],
    score, case when (k - 1) % {METRICS_PER_EVAL_CASE} = 0 then 'metric' else 'component' end, 'SCORE',
    case when (k - 1) % {METRICS_PER_EVAL_CASE} > 0 then 'overall' end, 0.25, 0.5, score >= 0.5
from (select k, i, round((1 - ({score}) ^ 2)::numeric, 4)::double precision as score from {numbers}) as numbers",
        at = at(cases),
        run = runs(),
        score = unit("k", 30),
        numbers = parts(cases, METRICS_PER_EVAL_CASE),
    )
}

fn runs() -> String {
    pick(50, &["baseline", "new-prompt", "larger-model", "with-tools"])
}

fn signal_cases(rows: u64) -> String {
    format!(
        "insert into signal_cases
select md5('signal ' || i)::uuid, {at}, {source}, {component}, {kind}, {environment},
    jsonb_build_object('messages', jsonb_build_array(
        jsonb_build_object('role', 'user', 'content', 'New agent case: ' || {company} || chr(10) || {opening} || ' ' || {subject} || ' ' || i || '?'),
        jsonb_build_object('role', 'assistant', 'content', {answer} || ' ' || {fact}))),
    '{{\"turn_count\": 2, \"user_message_count\": 1, \"ai_message_count\": 1}}',
    jsonb_build_object('message_url', 'https://chat.example.com/archives/C01/p' || i, 'sender', {sender})
from generate_series(1::bigint, {rows}) as i",
        at = at(rows),
        source = source(),
        component = pick(3, &["router", "retriever", "responder", "reviewer"]),
        kind = pick(4, &["agent", "agent", "rag", "copilot"]),
        environment = environment(),
        company = pick(60, &["Nordlicht AG", "Blue Harbor Ltd", "Acme GmbH", "Solaris SA"]),
        opening = pick(6, &OPENINGS),
        subject = pick(7, &SUBJECTS),
        answer = pick(9, &ANSWERS),
        fact = pick(10, &FACTS),
        sender = pick(61, &["Ada", "Grace", "Edsger", "Barbara"]),
    )
}

fn signal_metrics(cases: u64) -> String {
    format!(
        "insert into signal_metrics
select md5('signal ' || i)::uuid, {at},
    (array['outcome', 'escalation', 'root_cause', 'compliance'])[1 + number],
    (array['classification', 'classification', 'analysis', 'classification'])[1 + number],
    case number
        when 0 then jsonb_build_object('reviewer', 'Ada', 'is_resolved', label < 5, 'quality_score', label / 8.0,
            'resolution', (array['resolved', 'partly resolved', 'unresolved', 'abandoned'])[1 + label % 4])
        when 1 then jsonb_build_object('reviewer', 'Ada', 'is_escalated', label > 5, 'wait_minutes', label * 5)
        when 2 then jsonb_build_object('reviewer', 'Ada', 'primary_cause', (array['missing knowledge', 'wrong tool', 'unclear request',
            'none'])[1 + label % 4], 'categories', jsonb_build_array('billing', 'delivery'))
        else jsonb_build_object('reviewer', 'Ada', 'is_compliant', label > 0, 'findings_count', label % 3)
    end
from (
    select k, i, (k - 1) % {METRICS_PER_SIGNAL_CASE} as number, (hashint8extended(k, 62) & 7)::int as label from {numbers}
) as numbers",
        at = at(cases),
        numbers = parts(cases, METRICS_PER_SIGNAL_CASE),
    )
}
