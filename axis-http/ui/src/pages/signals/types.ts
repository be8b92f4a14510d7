/** How human signals are shown, as the server configures it. */

import type { Chart, Tile } from '../../lib/signals-sql';

export interface Filter {
  type: 'source' | 'metric';
  field?: string;
  metric?: string;
  signal?: string;
  label: string;
  options?: string[];
}

export interface Display {
  kpi_strip: Tile[];
  chart_sections: { title: string; layout?: string; charts: Chart[] }[];
  filters: Filter[];
  table_columns: { key: string; label: string; sortable?: boolean }[];
  color_maps: Record<string, Record<string, string>>;
}

export interface Schema {
  metric_schema: {
    metrics: Record<string, { category: string; signals: string[]; signal_types: Record<string, string> }>;
  };
  display_config: Partial<Display>;
}

/** What is configured by hand may lack what is not needed. */
export function complete(display: Partial<Display>): Display {
  const sections = (display.chart_sections ?? []).map((section) => ({ ...section, charts: section.charts ?? [] }));
  return {
    kpi_strip: display.kpi_strip ?? [],
    chart_sections: sections,
    filters: (display.filters ?? []).filter((filter) => parameter(filter) !== ''),
    table_columns: display.table_columns ?? [],
    color_maps: display.color_maps ?? {},
  };
}

/** The name of a filter in the address. */
export function parameter(filter: Filter): string {
  return filter.type === 'source' ? (filter.field ?? '') : `${filter.metric}.${filter.signal}`;
}
