/** What the analytics of KPIs answer. */

/** Cards by category. */
export interface KpiCategories {
  /** The configured categories that have data in the order of the file, then the others by name. */
  categories: KpiPanel[];
  /** First and last day of the rows behind the cards; none without rows. */
  dateRange: KpiDateRange | null;
}

/** First and last day, as `YYYY-MM-DD`. */
export interface KpiDateRange {
  /** First. */
  minDate: string;
  /** Last. */
  maxDate: string;
}

/** The cards of one category. */
export interface KpiPanel {
  /** The category in the data. Rows without one are on no card. */
  category: string;
  /** Its title. */
  displayName: string;
  /** The name of its icon. */
  icon: string;
  /** Its cards: first the visible KPIs in the configured order, then the others by name. */
  kpis: KpiCard[];
}

/** One KPI within its category. */
export interface KpiCard {
  /** The KPI. */
  kpiName: string;
  /** Its title. */
  displayName: string;
  /** What `card_display_value` names, on the last day within the range. */
  currentValue: number;
  /** `latest`, `avg_7d` or `avg_30d`. */
  cardDisplayValue: string;
  /** `up` or `down` when the average of 7 days is more than 5 % above or below that of 30 days, else `flat`. */
  trendDirection: string;
  /** `higher_better` or `lower_better`; the direction is as it is for both. */
  polarity: string;
  /** The last 30 days that have rows, ascending. */
  sparkline: KpiPoint[];
  /** `percent`, `seconds`, `count` or `score`. */
  unit: string;
  /** Rows behind the card. */
  recordCount: number;
}

/** The value of a day. */
export interface KpiPoint {
  /** The day, as `YYYY-MM-DD`. */
  date: string;
  /** Its value. */
  value: number;
}

/** Lines over days. */
export interface KpiTrends {
  /** The points, by KPI, then by day. */
  data: KpiTrendPoint[];
  /** The KPIs that have points, ascending. */
  kpiNames: string[];
  /** Which of `daily`, `avg_7d` and `avg_30d` any of them wants drawn, in that order. */
  trendLines: string[];
}

/** One day of one KPI. */
export interface KpiTrendPoint {
  /** The day, as `YYYY-MM-DD`. */
  date: string;
  /** The KPI. */
  kpiName: string;
  /** The day's value. */
  value: number;
  /** Mean of the observed values of the last 7 calendar days. */
  avg_7d: number;
  /** Of the last 30. */
  avg_30d: number;
  /** Rows behind the value. */
  count: number;
}

/** Distinct values, ascending, and what is configured. */
export interface KpiFilters {
  /** Sources. */
  sourceNames: string[];
  /** Environments. */
  environments: string[];
  /** Categories. */
  kpiCategories: string[];
  /** KPIs that are visible for any source. */
  kpiNames: string[];
  /** Types of sources. */
  sourceTypes: string[];
  /** Segments. */
  segments: string[];
  /** The order of KPIs by source; `_default` is for those that have none of their own. */
  kpiOrder: Record<string, string[]>;
  /** Charts of several KPIs, in the order of the file. */
  compositionCharts: KpiChart[];
}

/** A chart that several KPIs make up. */
export interface KpiChart {
  /** Title. */
  title: string;
  /** Its parts. */
  kpis: KpiChartItem[];
  /** Whether what is missing to 100 is a part, too. */
  showRemainder: boolean;
  /** The name of that part. */
  remainderLabel: string;
  /** Its colour. */
  remainderColor: string;
}

/** One part of a chart. */
export interface KpiChartItem {
  /** The KPI. */
  kpiName: string;
  /** Its name in the chart. */
  label: string;
  /** Its colour. */
  color: string;
}
