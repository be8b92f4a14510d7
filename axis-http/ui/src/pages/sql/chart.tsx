/** A chart that suits an answer: lines when its first column is a time or a number, bars when it is a text. */

import { useMemo } from 'preact/hooks';
import type { Result } from '../../core/sql';
import { nth } from '../../lib/colors';
import { number } from '../../lib/format';
import { BarList } from '../../ui/bars';
import { Empty } from '../../ui/feedback';
import { LineChart } from '../../ui/line-chart';
import { drawable } from './drawable';

const MOST_BARS = 40;

export function QuickChart({ result }: { result: Result }) {
  const chart = useMemo(() => drawable(result), [result]);
  if (!chart) {
    return (
      <Empty icon="line-chart" title="Nothing to draw">
        A chart needs a column of numbers, and a first column of times, numbers or names.
      </Empty>
    );
  }
  if (chart.kind === 'bars') {
    return (
      <div class="pad">
        <BarList
          bars={chart.labels.slice(0, MOST_BARS).map((label, index) => ({
            label,
            value: Math.max(0, chart.values[index] ?? 0),
            text: number(chart.values[index]),
          }))}
        />
        {chart.labels.length > MOST_BARS && <p class="dim small">The first {MOST_BARS} are drawn.</p>}
      </div>
    );
  }
  return (
    <div class="pad">
      <LineChart
        label="Chart of the answer"
        x={chart.x}
        scale={chart.time ? 'time' : 'number'}
        lines={chart.lines.map((line, index) => ({ ...line, color: nth(index) }))}
        height={300}
      />
    </div>
  );
}
