/** How scores are spread in each group: a few small histograms on one scale. */

import { query, setQuery } from '../../core/router';
import { count, number, percent, plural, title } from '../../lib/format';
import { Select } from '../../ui/controls';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { useAnalytics } from './ask';
import { GROUPS } from './breakdown';
import type { Asked } from './index';
import { domain, shares } from './spread';
import type { ClassGroup, Distribution } from './types';

const METRIC = 'metric_name';
const BY = [{ value: METRIC, label: 'Metric' }, ...GROUPS];
const BINS = 20;
/** More groups than anybody compares. */
const MOST = 12;
/** Values of each group that come over the wire, at even distances in their order: enough for the bars. */
const VALUES = 400;

export function DistributionPanel({ filters, version }: Asked) {
  const by = query.value.get('spread_by') ?? METRIC;
  const params = { ...filters, metric: 'metric_score', group_by: by, max_values: VALUES };
  const { data, error, loading, reload } = useAnalytics<Distribution>('class-distribution', params, version);
  const groups = shown(data?.data ?? []);
  const scale = domain(groups.map((group) => group.stats));
  const bars = groups.map((group) => shares(group.values, scale, BINS));
  const most = Math.max(...bars.flat(), 0);
  const omitted = (data?.data.length ?? 0) - groups.length + (data?.groups_omitted ?? 0);
  return (
    <Panel
      title="Distribution of scores"
      busy={loading}
      actions={
        <Select
          label="Spread by"
          value={by}
          options={BY}
          onChange={(value) => setQuery({ spread_by: value === METRIC ? null : value })}
        />
      }
    >
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton height={220} />}
      {data && groups.length === 0 && <Empty icon="bar-chart-3" title="No scores match" />}
      {groups.length > 0 && (
        <ul class="spreads">
          {groups.map((group, index) => (
            <li key={group.group}>
              <Spread
                name={by === METRIC ? title(group.group ?? 'none') : (group.group ?? 'none')}
                group={group}
                bars={bars[index] ?? []}
                most={most}
                scale={scale}
              />
            </li>
          ))}
        </ul>
      )}
      {omitted > 0 && <p class="dim small">{plural(omitted, 'more group')} with fewer scores not shown.</p>}
    </Panel>
  );
}

/** Those with the most values, in the order in which they came. */
function shown(groups: ClassGroup[]): ClassGroup[] {
  const least = groups.map((group) => group.stats.count).sort((a, b) => b - a)[MOST - 1] ?? 0;
  return groups.filter((group) => group.stats.count >= least).slice(0, MOST);
}

interface SpreadProps {
  name: string;
  group: ClassGroup;
  bars: number[];
  /** The share that makes a full bar. */
  most: number;
  scale: [number, number];
}

function Spread({ name, group, bars, most, scale: [low, high] }: SpreadProps) {
  const { stats } = group;
  const edge = (index: number) => number(low + ((high - low) * index) / bars.length, 2);
  return (
    <figure class="spread">
      <figcaption>
        <b title={name}>{name}</b>
        <span class="dim num" title={plural(stats.count, 'score')}>
          {count(stats.count)}
        </span>
      </figcaption>
      <div
        class="spread-plot"
        role="img"
        aria-label={`${name}: scores from ${number(stats.min)} to ${number(stats.max)}, half of them below ${number(stats.median)}`}
      >
        {bars.map((share, index) => (
          <span
            key={index}
            title={`${edge(index)} to ${edge(index + 1)}: ${percent(share * 100)}`}
            style={{ height: `${most > 0 ? (100 * share) / most : 0}%` }}
          />
        ))}
        <em
          style={{ left: `${(100 * (stats.median - low)) / (high - low)}%` }}
          title={`Median ${number(stats.median)}`}
        />
      </div>
      <div class="histogram-axis num" aria-hidden="true">
        <span>{number(low)}</span>
        <span>{number(high)}</span>
      </div>
      <p class="dim small num" title={`Standard deviation ${number(stats.std)}`}>
        <span>median {number(stats.median, 2)}</span>
        <span>mean {number(stats.mean, 2)}</span>
      </p>
    </figure>
  );
}
