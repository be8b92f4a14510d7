#!/bin/sh
# Fills the PostgreSQL of the compose profile at its first start: made-up traces, and a role that may only read them.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "$POSTGRES_DB" \
    --set reader="$DB_USER" --set password="$DB_PASSWORD" --set database="$POSTGRES_DB" <<'SQL'
create table traces (
  dataset_id text primary key,
  created_at timestamptz not null default now(),
  environment text, source_name text, source_component text, source_type text,
  query text, actual_output text, expected_output text, model_name text,
  latency double precision, has_errors boolean
);
create table metrics (
  dataset_id text not null references traces,
  created_at timestamptz not null default now(),
  metric_name text not null, metric_score double precision, metric_category text, metric_type text,
  explanation text, passed boolean,
  primary key (dataset_id, metric_name)
);
create index on traces (created_at);
create index on metrics (created_at);

insert into traces
select 'trace-' || i, now() - (1000 - i) * interval '10 minutes', 'production',
  (array['support', 'search', 'claims'])[1 + i % 3], 'agent', 'chat',
  'question ' || i, 'answer ' || i, null, (array['large', 'small'])[1 + i % 2],
  0.4 + (i * 37 % 100) / 40.0, i % 29 = 0
from generate_series(1, 1000) i;
insert into metrics
select dataset_id, created_at, name, score, 'SCORE', 'metric', null, score >= 0.5
from traces, lateral (values
  ('answer_relevancy', 0.6 + (hashtext(dataset_id) & 255) / 700.0),
  ('faithfulness', 0.4 + (hashtext(dataset_id) >> 8 & 255) / 500.0)) as scores(name, score);

create role :"reader" login password :'password';
revoke create on schema public from public;
revoke temporary on database :"database" from public;
grant select on traces, metrics to :"reader";
-- So that refreshes know which transactions are still open, and read no further back than they must.
grant pg_read_all_stats to :"reader";
SQL
