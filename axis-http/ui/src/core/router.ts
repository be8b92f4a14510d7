/** Which page is open, and the parameters in its address. */

import { computed, signal } from '@preact/signals';
import { type Changes, changed } from '../lib/url';

export const PAGES = ['overview', 'monitoring', 'kpi', 'signals', 'data', 'sql'] as const;
export type PageName = (typeof PAGES)[number];

const BASE = location.pathname.replace(/\/ui(?:\/.*)?$/, '/ui/');
const here = signal(location.href);

export const page = computed<PageName | null>(() => {
  const name = new URL(here.value).pathname.slice(BASE.length).replace(/\/$/, '');
  return name === '' ? 'overview' : (PAGES.find((one) => one === name) ?? null);
});

export const query = computed(() => new URL(here.value).searchParams);

export function href(to: PageName, params: Changes = {}): string {
  const search = changed(new URLSearchParams(), params).toString();
  return `${BASE}${to === 'overview' ? '' : to}${search ? `?${search}` : ''}`;
}

export function go(address: string): void {
  history.pushState(null, '', address);
  here.value = location.href;
  window.scrollTo(0, 0);
}

/** Changes parameters of the page that is open. Typing replaces the entry of the history, choosing adds one. */
export function setQuery(changes: Changes, how: 'push' | 'replace' = 'push'): void {
  const search = changed(query.peek(), changes).toString();
  const address = `${location.pathname}${search ? `?${search}` : ''}`;
  if (address === location.pathname + location.search) return;
  if (how === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  here.value = location.href;
}

addEventListener('popstate', () => (here.value = location.href));

/** Follows links between pages without loading anew. */
addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
  if (link.origin !== location.origin || !`${link.pathname}/`.startsWith(BASE) || link.hash) return;
  event.preventDefault();
  go(link.href);
});
