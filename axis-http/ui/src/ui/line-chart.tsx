/** Lines over time or over numbers, with limits and marked points. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { color, painted } from '../core/theme';
import { paint } from '../lib/colors';
import { day, minute, number } from '../lib/format';

export interface Line {
  label: string;
  values: (number | null)[];
  /** A colour token, or a colour. */
  color: string;
  dashed?: boolean;
  thin?: boolean;
}

export interface Limit {
  label: string;
  value: number;
  color: string;
}

export interface Mark {
  x: number;
  y: number;
  text: string;
}

/** Times are those of the reader, days those of UTC. */
export type Scale = 'time' | 'days' | 'number';

interface Props {
  /** Says what is seen, for those who do not see it. */
  label: string;
  /** Ascending; seconds when it is a time. */
  x: number[];
  lines: Line[];
  limits?: Limit[];
  marks?: Mark[];
  scale?: Scale;
  height?: number;
  format?: (value: number) => string;
}

const MARK_RADIUS = 5;

export function LineChart({
  label,
  x,
  lines,
  limits = [],
  marks = [],
  scale = 'time',
  height = 240,
  format = number,
}: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const colours = painted.value;
  const shown = useMemo(() => lines.filter((line) => !hidden.has(line.label)), [lines, hidden]);
  useEffect(() => {
    const element = host.current;
    if (!element || x.length === 0) return;
    const data = [x, ...shown.map((line) => line.values)] as uPlot.AlignedData;
    const chart = new uPlot(
      options(element.clientWidth, height, shown, limits, marks, scale, format, setAt),
      data,
      element,
    );
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [x, shown, limits, marks, height, colours]);
  const index = at ?? x.length - 1;
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  return (
    <figure class="chart">
      <div ref={host} class="chart-host" style={{ minHeight: `${height}px` }} role="img" aria-label={label} />
      <figcaption class="legend">
        <span class="legend-at num">{x[index] === undefined ? '' : describe(x[index], scale)}</span>
        {lines.map((line) => (
          <button
            key={line.label}
            type="button"
            class={`legend-item ${hidden.has(line.label) ? 'off' : ''}`}
            aria-pressed={!hidden.has(line.label)}
            onClick={() => toggle(line.label)}
          >
            <i
              class={`swatch ${line.dashed ? 'dashed' : ''}`}
              style={{ '--swatch': paint(line.color) }}
              aria-hidden="true"
            />
            {line.label}
            <b class="num">
              {line.values[index] === null || line.values[index] === undefined ? '–' : format(line.values[index])}
            </b>
          </button>
        ))}
        {limits.map((limit) => (
          <span key={limit.label} class="legend-item">
            <i class="swatch dashed" style={{ '--swatch': paint(limit.color) }} aria-hidden="true" />
            {limit.label} <b class="num">{format(limit.value)}</b>
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function describe(x: number, scale: Scale): string {
  if (scale === 'number') return number(x);
  return (scale === 'days' ? day : minute)(new Date(x * 1000));
}

function options(
  width: number,
  height: number,
  lines: Line[],
  limits: Limit[],
  marks: Mark[],
  scale: Scale,
  format: (value: number) => string,
  hover: (index: number | null) => void,
): uPlot.Options {
  const axis = {
    stroke: color('--text-3'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    padding: [12, 28, 0, 0],
    ...(scale === 'days' ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') } : {}),
    scales: { x: { time: scale !== 'number' }, y: { range: (_, low, high) => range(low, high, limits) } },
    axes: [
      { ...axis, grid: { show: false }, space: 64 },
      { ...axis, size: (_, values) => room(values), values: (_, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: color(line.color),
        width: line.thin ? 1 : 2,
        ...(line.dashed ? { dash: [5, 4] } : {}),
        spanGaps: true,
        points: { show: line.values.length < 3 },
      })),
    ],
    hooks: {
      setCursor: [(chart) => hover(chart.cursor.idx ?? null)],
      draw: [(chart) => drawLimits(chart, limits), (chart) => drawMarks(chart, marks)],
    },
  };
}

/** As wide as the longest of the values beside the chart, in pixels. */
function room(values: string[] | null): number {
  return 20 + 6.4 * Math.max(3, ...(values ?? []).map((value) => value?.length ?? 0));
}

/** A little air around what is drawn; limits are in sight when they are near. */
function range(low: number | null, high: number | null, limits: Limit[]): [number, number] {
  let [from, to] = [low ?? 0, high ?? 1];
  const span = to - from || Math.abs(to) || 1;
  for (const { value } of limits) {
    if (value > from - 2 * span && value < to + 2 * span) [from, to] = [Math.min(from, value), Math.max(to, value)];
  }
  const air = (to - from || Math.abs(to) || 1) * 0.08;
  return [from >= 0 && from - air < 0 ? 0 : from - air, to + air];
}

function drawLimits(chart: uPlot, limits: Limit[]): void {
  const { ctx, bbox } = chart;
  for (const limit of limits) {
    const y = Math.round(chart.valToPos(limit.value, 'y', true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.save();
    ctx.strokeStyle = color(limit.color);
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

function drawMarks(chart: uPlot, marks: Mark[]): void {
  const { ctx } = chart;
  for (const mark of marks) {
    ctx.save();
    ctx.strokeStyle = color('--bad');
    ctx.fillStyle = color('--surface');
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.arc(
      chart.valToPos(mark.x, 'x', true),
      chart.valToPos(mark.y, 'y', true),
      MARK_RADIUS * devicePixelRatio,
      0,
      2 * Math.PI,
    );
    ctx.fill();
    ctx.stroke();
    ctx.restore();
  }
}
