/** What the KPI routes answer. */

export interface KpiCard {
  kpi_name: string;
  display_name: string;
  current_value: number | null;
  card_display_value: string;
  trend_direction: 'up' | 'down' | 'flat';
  polarity: 'higher_better' | 'lower_better';
  sparkline: { date: string; value: number }[];
  unit: string;
  record_count: number;
}

export interface KpiAnswer {
  categories: { category: string; display_name: string; icon: string | null; kpis: KpiCard[] }[];
  date_range: { min_date: string | null; max_date: string | null };
}

export interface KpiTrends {
  data: {
    date: string;
    kpi_name: string;
    value: number;
    avg_7d: number | null;
    avg_30d: number | null;
    count: number;
  }[];
  kpi_names: string[];
}

export interface Composition {
  title: string;
  kpis: { kpi_name: string; label?: string; color?: string }[];
  show_remainder?: boolean;
  remainder_label?: string;
  remainder_color?: string;
}

export interface KpiFilters {
  source_names: string[];
  environments: string[];
  kpi_categories: string[];
  kpi_names: string[];
  source_types: string[];
  segments: string[];
  composition_charts: Composition[];
}
