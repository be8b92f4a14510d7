/** The charts, in the sections of the configuration. */

import { useResource } from '../../core/resource';
import { select } from '../../core/sql';
import { nth } from '../../lib/colors';
import { count } from '../../lib/format';
import { type Chart, charts as sqlOf, type Sql } from '../../lib/signals-sql';
import { type Bar, BarList, Stacked } from '../../ui/bars';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import type { Display, Schema } from './types';

interface Props {
  of: Sql;
  version: number;
  display: Display;
  metrics: Schema['metric_schema']['metrics'];
}

export function Charts({ of, version, display, metrics }: Props) {
  const wanted = display.chart_sections.flatMap((section) => section.charts);
  const asked = sqlOf(of, wanted, (chart) => metrics[chart.metric]?.signal_types[chart.signal] === 'array');
  const key = wanted.length > 0 ? JSON.stringify(asked) : null;
  const { data, error, reload } = useResource(key, (signal) => select(asked, { signal }), version);
  if (error) return <Problem error={error} retry={reload} />;
  let first = 0;
  return (
    <>
      {display.chart_sections.map((section) => {
        const from = first;
        first += section.charts.length;
        return (
          <section key={section.title} class="chart-section" aria-label={section.title}>
            <h2>{section.title}</h2>
            <div class={section.layout?.startsWith('grid') ? 'grid-2' : 'stack'}>
              {section.charts.map((chart, index) => (
                <Panel key={chart.title} title={chart.title}>
                  {data ? (
                    <Drawn chart={chart} bars={bars(data.rows, from + index, chart, display.color_maps)} />
                  ) : (
                    <Skeleton lines={4} />
                  )}
                </Panel>
              ))}
            </div>
          </section>
        );
      })}
    </>
  );
}

function Drawn({ chart, bars }: { chart: Chart; bars: Bar[] }) {
  if (bars.length === 0) return <Empty icon="bar-chart-3" title="No values among these cases" />;
  switch (chart.type) {
    case 'stacked_bar':
    case 'donut':
    case 'pie':
      return <Stacked parts={bars} label={chart.title} />;
    case 'text_list':
      return (
        <ol class="text-list">
          {bars.map((bar) => (
            <li key={bar.label}>
              <span>{bar.label}</span>
              <b class="num dim">{count(bar.value)}</b>
            </li>
          ))}
        </ol>
      );
    default:
      return <BarList bars={bars} />;
  }
}

function bars(rows: Record<string, unknown>[], index: number, chart: Chart, colours: Display['color_maps']): Bar[] {
  const map = colours[`${chart.metric}__${chart.signal}`] ?? {};
  const single = chart.type === 'ranked_list';
  return rows
    .filter((row) => row.chart === index)
    .map((row, place) => {
      const label = String(row.label);
      return { label, value: Number(row.n), color: single ? '--c1' : (map[label] ?? nth(place)) };
    });
}
