/** Questions about cases of human signals, as SQL. What is asked for is bound; names of the configuration are quoted. */

export interface Sql {
  sql: string;
  params: unknown[];
}

export interface Chosen {
  /** Field of the source, or `metric.signal`, and the value it equals. */
  equal: Record<string, string>;
  search: string;
}

/** The columns of the relation that cases are stored in; everything else is a signal. */
const STORED = new Set([
  'Case_ID',
  'source_name',
  'source_component',
  'source_type',
  'environment',
  'Slack_URL',
  'Agent_Name',
  'Business',
  'Full_Conversation',
  'Message_Count',
  'Timestamp',
]);

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function path(metric: string, signal: string): string {
  const part = (name: string) => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return literal(`$.${part(metric)}.${part(signal)}`);
}

/** The value of a signal as text. */
export function signal(metric: string, name: string): string {
  return `json_extract_string(signals, ${path(metric, name)})`;
}

/** A column of the table: one that is stored, `metric__signal`, or a signal that any metric has. */
export function column(key: string, metrics: readonly string[]): string {
  if (STORED.has(key)) return identifier(key);
  const metric = metrics.find((one) => key.startsWith(`${one}__`));
  if (metric) return signal(metric, key.slice(metric.length + 2));
  if (metrics.length === 0) return 'null';
  return `coalesce(${metrics.map((one) => signal(one, key)).join(', ')})`;
}

/** The cases that are looked at, as the CTE `c`. */
export function cases(relation: string, { equal, search }: Chosen): Sql {
  const params: unknown[] = [];
  const bind = (value: unknown) => `$${params.push(value)}`;
  const terms = Object.entries(equal).map(([field, value]) => {
    const dot = field.indexOf('.');
    const left = dot < 0 ? identifier(field) : signal(field.slice(0, dot), field.slice(dot + 1));
    return `${left} = ${bind(value)}`;
  });
  if (search) {
    const text = bind(search);
    const within = ['Case_ID', 'Business', 'Agent_Name', 'Full_Conversation'].map(
      (name) => `contains(lower(${identifier(name)}), lower(${text}))`,
    );
    terms.push(`(${within.join(' or ')})`);
  }
  const where = terms.length > 0 ? ` where ${terms.join(' and ')}` : '';
  return { sql: `with c as (select * from ${identifier(relation)}${where}) `, params };
}

export interface Tile {
  metric?: string;
  signal?: string;
  aggregate?: string;
  aggregation?: string;
  format?: string;
  label: string;
  icon?: string;
  highlight?: boolean;
}

const AGGREGATIONS: Record<string, string> = {
  median: 'median',
  mean: 'avg',
  avg: 'avg',
  average: 'avg',
  sum: 'sum',
  min: 'min',
  max: 'max',
};

function tile({ metric, signal: name, aggregate, aggregation }: Tile): string {
  if (aggregate === 'total_cases') return 'count(*)::double';
  if (aggregate === 'avg_message_count') return 'avg("Message_Count")';
  if (!metric || !name) return 'null::double';
  const value = signal(metric, name);
  const how = AGGREGATIONS[aggregation ?? ''];
  if (how) return `${how}(try_cast(${value} as double))`;
  return `100 * avg(case lower(${value}) when 'true' then 1.0 when '1' then 1.0 when 'false' then 0.0 when '0' then 0.0 end)`;
}

/** One row with the value of each tile as `t0`, `t1`, and so on, and `total`. */
export function tiles(of: Sql, strip: readonly Tile[]): Sql {
  const list = ['count(*) as total', ...strip.map((one, index) => `${tile(one)} as t${index}`)];
  return { sql: `${of.sql}select ${list.join(', ')} from c`, params: of.params };
}

export interface Chart {
  metric: string;
  signal: string;
  type: string;
  title: string;
}

const MOST_VALUES = 12;

/** Rows of `chart`, `label` and `n`: how often each chart's values occur, the most frequent first. */
export function charts(of: Sql, wanted: readonly Chart[], isList: (chart: Chart) => boolean): Sql {
  const parts = wanted.map((chart, index) => {
    const value = isList(chart)
      ? `unnest(from_json(json_extract(signals, ${path(chart.metric, chart.signal)}), '["VARCHAR"]'))`
      : signal(chart.metric, chart.signal);
    return `(select ${index} as chart, label, count(*) as n from (select ${value} as label from c) where label is not null and label <> '' group by label order by n desc, label limit ${MOST_VALUES})`;
  });
  return {
    sql: `${of.sql}select * from (${parts.join(' union all ')}) order by chart, n desc, label`,
    params: of.params,
  };
}

export interface Page {
  columns: readonly string[];
  metrics: readonly string[];
  sort: string;
  descending: boolean;
  page: number;
  size: number;
}

/** One page of the table. */
export function rows(of: Sql, { columns, metrics, sort, descending, page, size }: Page): Sql {
  const list = [...new Set(['Case_ID', ...columns])].map((key) => `${column(key, metrics)} as ${identifier(key)}`);
  const order = `${column(sort, metrics)} ${descending ? 'desc' : 'asc'} nulls last, "Case_ID"`;
  return {
    sql: `${of.sql}select ${list.join(', ')} from c order by ${order} limit ${size} offset ${(page - 1) * size}`,
    params: of.params,
  };
}

/** Everything about one case. */
export function one(relation: string, id: string): Sql {
  return { sql: `select * from ${identifier(relation)} where "Case_ID" = $1 limit 1`, params: [id] };
}
