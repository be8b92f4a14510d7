/** Labels that classifiers gave: how they are spread, and how that changes. */

import { useMemo } from 'preact/hooks';
import { query, setQuery } from '../../core/router';
import { count, day, minute, percent, plural, time, title } from '../../lib/format';
import { nth } from '../../lib/colors';
import { BarList, Columns } from '../../ui/bars';
import { Tabs } from '../../ui/controls';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { useAnalytics } from './ask';
import { granularity } from './filter';
import type { Asked } from './index';
import type { Classes, ClassTrends } from './types';

const OTHER = '--text-3';

export function Classification({ filters, version }: Asked) {
  const { data, error, loading, reload } = useAnalytics<Classes>('classification-breakdown', filters, version);
  const chosen = data?.metrics.find((metric) => metric.metric_name === query.value.get('class')) ?? data?.metrics[0];
  const bars = chosen?.categories.map((category, index) => ({
    label: category.value,
    value: category.count,
    text: `${percent(category.percentage)} · ${count(category.count)}`,
    color: nth(index),
  }));
  return (
    <Panel title="Classification" lead={chosen && plural(chosen.total_count, 'label')} busy={loading}>
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton lines={4} />}
      {data && !chosen && <Empty icon="columns" title="No classifications match" />}
      {data && chosen && bars && (
        <>
          <Tabs
            label="Classifier"
            value={chosen.metric_name}
            tabs={data.metrics.map((metric) => [metric.metric_name, title(metric.metric_name)] as const)}
            controls="classification"
            onChange={(value) => setQuery({ class: value }, 'replace')}
          />
          <div id="classification" role="tabpanel" class="grid-2 inner">
            <BarList
              bars={
                chosen.other_count > 0 ? [...bars, { label: 'other', value: chosen.other_count, color: OTHER }] : bars
              }
            />
            <Course
              metric={chosen.metric_name}
              order={chosen.categories.map((one) => one.value)}
              filters={filters}
              version={version}
            />
          </div>
        </>
      )}
    </Panel>
  );
}

function Course({ metric, order, filters, version }: Asked & { metric: string; order: string[] }) {
  const params = { ...filters, metric_name: metric, granularity: granularity() };
  const { data } = useAnalytics<ClassTrends>('classification-trends', params, version);
  const columns = useMemo(() => {
    const label = granularity() === 'hourly' ? minute : day;
    return data?.data.map((point) => ({
      label: label(time(point.timestamp)),
      parts: [
        ...order.map((value, index) => ({ label: value, value: point.categories[value] ?? 0, color: nth(index) })),
        ...(point.other_count > 0 ? [{ label: 'other', value: point.other_count, color: OTHER }] : []),
      ],
    }));
  }, [data, order.join()]);
  if (!columns) return <Skeleton height={160} />;
  return <Columns columns={columns} label={`Shares of the labels of ${title(metric)} over time`} share />;
}
