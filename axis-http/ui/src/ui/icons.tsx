/** The few icons that are used, and those that the configuration may name. */

import {
  Activity,
  AlertTriangle,
  ArrowDown,
  ArrowUp,
  BarChart3,
  Bot,
  ChevronLeft,
  ChevronRight,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleSlash,
  Clock,
  Columns3,
  Database,
  DollarSign,
  Download,
  Gauge,
  Hash,
  History,
  KeyRound,
  LayoutDashboard,
  LineChart,
  MessageSquare,
  Minus,
  Monitor,
  Moon,
  Percent,
  Play,
  RefreshCw,
  RotateCcw,
  Search,
  ShieldCheck,
  Square,
  Sun,
  Table2,
  Target,
  Terminal,
  TrendingDown,
  TrendingUp,
  Users,
  X,
  Zap,
} from 'lucide-preact';
import type { ComponentType } from 'preact';

const ICONS = {
  activity: Activity,
  'alert-triangle': AlertTriangle,
  'arrow-down': ArrowDown,
  'arrow-up': ArrowUp,
  'bar-chart-3': BarChart3,
  bot: Bot,
  'check-circle': CircleCheck,
  'chevron-left': ChevronLeft,
  'chevron-right': ChevronRight,
  'circle-alert': CircleAlert,
  'circle-dashed': CircleDashed,
  'circle-slash': CircleSlash,
  clock: Clock,
  columns: Columns3,
  database: Database,
  'dollar-sign': DollarSign,
  download: Download,
  gauge: Gauge,
  hash: Hash,
  history: History,
  key: KeyRound,
  dashboard: LayoutDashboard,
  'line-chart': LineChart,
  'message-square': MessageSquare,
  minus: Minus,
  monitor: Monitor,
  moon: Moon,
  percent: Percent,
  play: Play,
  refresh: RefreshCw,
  'rotate-ccw': RotateCcw,
  search: Search,
  'shield-check': ShieldCheck,
  square: Square,
  sun: Sun,
  table: Table2,
  target: Target,
  terminal: Terminal,
  'trending-down': TrendingDown,
  'trending-up': TrendingUp,
  users: Users,
  x: X,
  zap: Zap,
} as const;

export type IconName = keyof typeof ICONS;

/** Draws an icon beside words that say the same, so that it is hidden from readers of the screen. */
export function Icon({ name, size = 16, class: className }: { name: IconName; size?: number; class?: string }) {
  const Drawn = ICONS[name] as ComponentType<{
    size: number;
    class?: string;
    'aria-hidden': 'true';
    'stroke-width': number;
  }>;
  return <Drawn size={size} class={`icon ${className ?? ''}`} aria-hidden="true" stroke-width={2} />;
}

/** An icon by the name in the configuration, `BarChart3` or `bar-chart-3`; another when it is not known. */
export function configured(name: string | null | undefined, otherwise: IconName = 'activity'): IconName {
  const kebab = (name ?? '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([a-zA-Z])(\d)/g, '$1-$2')
    .toLowerCase();
  return kebab in ICONS ? (kebab as IconName) : otherwise;
}
