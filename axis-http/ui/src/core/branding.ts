/** Name, logo and colour of `theme.yaml`. */

import { signal } from '@preact/signals';
import { readable } from '../lib/contrast';
import { send } from './api';
import { currentKey, given } from './key';
import { painted } from './theme';

interface Theme {
  activePalette: Record<string, string | null>;
  branding: { app_name?: string };
}

export const branding = signal<{ name: string; logo: string | null }>({ name: 'AXIS', logo: null });

/** The colour of palettes that nobody has chosen; the style sheet has one of its own for it. */
const UNCHOSEN = '#3d5a80';
/** `--surface` in light and in dark. */
const SURFACES = ['#ffffff', '#161b21'] as const;

/** Asks for it, without a dialog: nobody enters a key for a logo. */
export function startBranding(): void {
  given.subscribe(() => void load());
}

async function load(): Promise<void> {
  const response = await send('/api/config/theme', {}, currentKey()).catch(() => null);
  if (!response?.ok) return;
  const { activePalette: palette, branding: words } = (await response.json()) as Theme;
  branding.value = { name: words.app_name || 'AXIS', logo: ours(palette.logoUrl) };
  paint(palette);
}

/** A picture of another host would be a request that nobody expects, and the page's policy refuses it. */
function ours(address: string | null | undefined): string | null {
  if (!address) return null;
  return new URL(address, location.href).origin === location.origin ? address : null;
}

function paint(palette: Theme['activePalette']): void {
  const light = readable([palette.primary, palette.primaryDark], SURFACES[0]);
  const dark = readable([palette.primaryLight, palette.primarySoft, palette.primaryPale], SURFACES[1]);
  if (!light || !dark || palette.primary?.toLowerCase() === UNCHOSEN) return;
  const { style } = document.documentElement;
  style.setProperty('--accent', `light-dark(${light}, ${dark})`);
  style.setProperty('--accent-strong', 'color-mix(in oklab, var(--accent) 80%, light-dark(black, white))');
  style.setProperty('--accent-soft', 'color-mix(in oklab, var(--accent) 14%, var(--surface))');
  painted.value = painted.peek() + 1;
}
