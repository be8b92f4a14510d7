/** Light, dark, or as the system is. Remembered, because it is no secret. */

import { effect, signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const NAME = 'axis-theme';

function stored(): Theme {
  const value = localStorage.getItem(NAME);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export const theme = signal<Theme>(stored());
/** Grows when colours change, so that canvases are drawn anew. */
export const painted = signal(0);

const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => (painted.value = painted.peek() + 1));

effect(() => {
  const chosen = theme.value;
  if (chosen === 'auto') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(NAME);
  } else {
    document.documentElement.dataset.theme = chosen;
    localStorage.setItem(NAME, chosen);
  }
  painted.value = painted.peek() + 1;
});

export function isDark(): boolean {
  return theme.value === 'auto' ? system.matches : theme.value === 'dark';
}

const probe = document.createElement('span');
probe.hidden = true;

/** The value of a colour token, as a canvas understands it. */
export function color(token: string): string {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = token.startsWith('--') ? `var(${token})` : token;
  return getComputedStyle(probe).color;
}
