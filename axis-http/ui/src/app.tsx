/** The page that the address names, and the keys that work everywhere. */

import type { ComponentType } from 'preact';
import { lazy } from './core/lazy';
import { go, href, type PageName, page } from './core/router';
import Overview from './pages/overview';
import { Sidebar } from './shell';
import { Confirmation } from './ui/dialog';
import { Empty, Toasts } from './ui/feedback';
import { KeyDialog } from './ui/key-dialog';

const PAGES: Record<PageName, ComponentType> = {
  overview: Overview,
  monitoring: lazy(() => import('./pages/monitoring')),
  kpi: lazy(() => import('./pages/kpi')),
  signals: lazy(() => import('./pages/signals')),
  data: lazy(() => import('./pages/data')),
  sql: lazy(() => import('./pages/sql')),
};

export function App() {
  const name = page.value;
  const Shown = name ? PAGES[name] : NotFound;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Sidebar />
      <main id="main" tabIndex={-1}>
        <Shown key={name} />
      </main>
      <Confirmation />
      <KeyDialog />
      <Toasts />
    </>
  );
}

function NotFound() {
  return (
    <div class="page">
      <Empty icon="search" title="There is no such page">
        <a href={href('overview')}>Go to the overview</a>
      </Empty>
    </div>
  );
}

/** `/` leads to the search of the page, or of the rows where a page has none. */
addEventListener('keydown', (event) => {
  const target = event.target as HTMLElement;
  const typing = target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  if (
    event.key !== '/' ||
    typing ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    document.querySelector('dialog[open]')
  )
    return;
  event.preventDefault();
  const search = document.querySelector<HTMLInputElement>('[data-search]');
  if (search) search.focus();
  else go(href('data'));
});
