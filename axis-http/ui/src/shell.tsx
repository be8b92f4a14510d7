/** What surrounds every page: the way to the others, whether events arrive, colours and key. */

import { useState } from 'preact/hooks';
import { branding } from './core/branding';
import { connection } from './core/events';
import { forgetKey, hasKey } from './core/key';
import { href, type PageName, page } from './core/router';
import { type Theme, theme } from './core/theme';
import { Icon, type IconName } from './ui/icons';

const LINKS: readonly [PageName, string, IconName][] = [
  ['overview', 'Overview', 'dashboard'],
  ['monitoring', 'Monitoring', 'activity'],
  ['kpi', 'KPI', 'target'],
  ['signals', 'Human signals', 'users'],
  ['data', 'Data', 'table'],
  ['sql', 'SQL', 'terminal'],
];

const THEMES: Record<Theme, { icon: IconName; label: string; next: Theme }> = {
  auto: { icon: 'monitor', label: 'Colours as the system has them', next: 'light' },
  light: { icon: 'sun', label: 'Light colours', next: 'dark' },
  dark: { icon: 'moon', label: 'Dark colours', next: 'auto' },
};

const CONNECTIONS = {
  connecting: ['Connecting', 'Waiting for the server’s events'],
  live: ['Live', 'What changes is shown at once'],
  lost: ['Reconnecting', 'The server does not send events; trying again'],
} as const;

export function Sidebar() {
  const current = page.value;
  const [word, meaning] = CONNECTIONS[connection.value];
  const colours = THEMES[theme.value];
  return (
    <header class="sidebar">
      <a class="brand" href={href('overview')}>
        <Mark />
        <span>{branding.value.name}</span>
      </a>
      <nav class="nav" aria-label="Pages">
        {LINKS.map(([name, label, icon]) => (
          <a key={name} href={href(name)} aria-current={name === current ? 'page' : undefined}>
            <Icon name={icon} size={18} />
            <span>{label}</span>
            <span class="short" aria-hidden="true">
              {label.split(' ').at(-1)}
            </span>
          </a>
        ))}
      </nav>
      <div class="sidebar-foot">
        <span class={`connection ${connection.value}`} title={meaning} role="status">
          <span class="dot" aria-hidden="true" />
          <span>{word}</span>
        </span>
        {hasKey.value && (
          <button
            type="button"
            class="icon-button"
            title="Forget the API key"
            aria-label="Forget the API key"
            onClick={forget}
          >
            <Icon name="key" />
          </button>
        )}
        <button
          type="button"
          class="icon-button"
          title={colours.label}
          aria-label={`${colours.label}; change`}
          onClick={() => (theme.value = colours.next)}
        >
          <Icon name={colours.icon} />
        </button>
      </div>
    </header>
  );
}

/** The configured logo, or ours where there is none or it cannot be loaded. */
function Mark() {
  const { logo } = branding.value;
  const [broken, setBroken] = useState(false);
  if (!logo || broken) return <span class="brand-mark" aria-hidden="true" />;
  return <img class="brand-logo" src={logo} alt="" onError={() => setBroken(true)} />;
}

function forget(): void {
  forgetKey();
  // What the key has let us see goes with it.
  location.reload();
}
