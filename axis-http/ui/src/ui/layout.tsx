/** Pages, panels, figures, times. */

import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { branding } from '../core/branding';
import { now } from '../core/clock';
import { ago, moment, time } from '../lib/format';
import { Icon, type IconName } from './icons';

interface PageProps {
  title: string;
  lead?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Page({ title, lead, actions, children }: PageProps) {
  const { name } = branding.value;
  useEffect(() => {
    document.title = `${title} · ${name}`;
  }, [title, name]);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  title?: ComponentChildren;
  lead?: ComponentChildren;
  actions?: ComponentChildren;
  class?: string;
  busy?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, lead, actions, class: className = '', busy, children }: PanelProps) {
  return (
    <section class={`panel ${className}`} aria-busy={busy}>
      {(title || actions) && (
        <header class="panel-head">
          <div>
            {title && <h2>{title}</h2>}
            {lead && <p class="dim">{lead}</p>}
          </div>
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

interface StatProps {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: 'good' | 'warn' | 'bad' | undefined;
  icon?: IconName;
  title?: string;
}

/** One figure with its name. */
export function Stat({ label, value, note, tone, icon, title }: StatProps) {
  return (
    <div class={`stat ${tone ?? ''}`} title={title}>
      <p class="stat-label">
        {icon && <Icon name={icon} size={14} />}
        <span title={label}>{label}</span>
      </p>
      <p class="stat-value">{value}</p>
      {note !== undefined && <p class="stat-note">{note}</p>}
    </div>
  );
}

/** How long ago; the full time is the title. */
export function Ago({ at }: { at: string | Date | null | undefined }) {
  const date = at instanceof Date ? at : time(at);
  if (!date) return <span class="dim">never</span>;
  return (
    <time dateTime={date.toISOString()} title={moment(date)}>
      {ago(date, now.value)}
    </time>
  );
}
