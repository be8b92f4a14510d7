/** Bars: lying in a list, standing in a histogram, stacked into one, stacked over time. */

import { paint } from '../lib/colors';
import { count, percent } from '../lib/format';

export interface Bar {
  label: string;
  value: number;
  /** What stands behind it; the value with its thousands unless it is given. */
  text?: string;
  color?: string;
  title?: string;
}

/** A list of names with bars, the longest being full. */
export function BarList({ bars, most }: { bars: Bar[]; most?: number }) {
  const full = most ?? Math.max(...bars.map((bar) => bar.value), 0);
  return (
    <ul class="bar-list">
      {bars.map((bar) => (
        <li key={bar.label} title={bar.title}>
          <span class="bar-label">{bar.label}</span>
          <span class="bar-track" aria-hidden="true">
            <span
              class="bar-fill"
              style={{
                width: `${full > 0 ? Math.max(0.5, (100 * bar.value) / full) : 0}%`,
                background: paint(bar.color ?? '--c1'),
              }}
            />
          </span>
          <span class="bar-value num">{bar.text ?? count(bar.value)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Parts of a whole in one bar, and what they are called. */
export function Stacked({ parts, label }: { parts: Bar[]; label: string }) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  const share = (value: number) => (whole > 0 ? (100 * value) / whole : 0);
  return (
    <div class="stacked">
      <div
        class="stacked-bar"
        role="img"
        aria-label={`${label}: ${parts.map((part) => `${part.label} ${percent(share(part.value))}`).join(', ')}`}
      >
        {parts.map((part) => (
          <span
            key={part.label}
            title={`${part.label}: ${part.text ?? count(part.value)}`}
            style={{ width: `${share(part.value)}%`, background: paint(part.color ?? '--c1') }}
          />
        ))}
      </div>
      <ul class="legend">
        {parts.map((part) => (
          <li key={part.label} class="legend-item">
            <i class="swatch" style={{ '--swatch': paint(part.color ?? '--c1') }} aria-hidden="true" />
            {part.label} <b class="num">{part.text ?? percent(share(part.value))}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface HistogramProps {
  label: string;
  counts: number[];
  edges: number[];
  marks: { label: string; value: number }[];
  format: (value: number) => string;
}

/** How often values fall between edges, with lines where the marks are. */
export function Histogram({ label, counts, edges, marks, format }: HistogramProps) {
  const most = Math.max(...counts, 1);
  const low = edges[0] ?? 0;
  const high = edges.at(-1) ?? 1;
  const at = (value: number) => `${(100 * (value - low)) / (high - low || 1)}%`;
  return (
    <figure class="histogram" role="img" aria-label={label}>
      <div class="histogram-plot">
        {counts.map((value, index) => (
          <span
            key={edges[index]}
            title={`${format(edges[index] ?? 0)} to ${format(edges[index + 1] ?? 0)}: ${count(value)}`}
            style={{ height: `${(100 * value) / most}%` }}
          />
        ))}
        {marks.map((mark) => (
          <em key={mark.label} style={{ left: at(mark.value) }}>
            <span>
              {mark.label} {format(mark.value)}
            </span>
          </em>
        ))}
      </div>
      <div class="histogram-axis num" aria-hidden="true">
        <span>{format(low)}</span>
        <span>{format((low + high) / 2)}</span>
        <span>{format(high)}</span>
      </div>
    </figure>
  );
}

export interface Column {
  label: string;
  parts: Bar[];
}

/** Columns of parts, one for each time. */
export function Columns({ columns, label, share }: { columns: Column[]; label: string; share?: boolean }) {
  const whole = (column: Column) => column.parts.reduce((sum, part) => sum + part.value, 0);
  const most = Math.max(...columns.map(whole), 1);
  return (
    <figure class="columns" role="img" aria-label={label}>
      <div class="columns-plot">
        {columns.map((column) => {
          const full = share ? whole(column) || 1 : most;
          return (
            <div
              key={column.label}
              class="column"
              title={`${column.label}\n${column.parts.map((part) => `${part.label}: ${count(part.value)}`).join('\n')}`}
            >
              {column.parts.map((part) => (
                <span
                  key={part.label}
                  style={{ height: `${(100 * part.value) / full}%`, background: paint(part.color ?? '--c1') }}
                />
              ))}
            </div>
          );
        })}
      </div>
      <div class="histogram-axis num" aria-hidden="true">
        <span>{columns[0]?.label}</span>
        <span>{columns.at(-1)?.label}</span>
      </div>
    </figure>
  );
}

/** A small line that says where something is going. */
export function Spark({ values, label, color = '--accent' }: { values: number[]; label: string; color?: string }) {
  if (values.length < 2) return <div class="spark" />;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map(
    (value, index) => [(100 * index) / (values.length - 1), 26 - (24 * (value - low)) / span] as const,
  );
  const line = points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ');
  return (
    <svg
      class="spark"
      viewBox="0 0 100 28"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
      style={{ '--spark': paint(color) }}
    >
      <polygon points={`0,28 ${line} 100,28`} />
      <polyline points={line} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
