/** What stands where nothing is yet, where nothing is, and where something went wrong. */

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { ApiError, isAbort } from '../core/error';
import { askAgain } from '../core/key';
import { explain } from '../lib/words';
import { Button } from './controls';
import { Icon, type IconName } from './icons';

export function Skeleton({ lines = 3, height }: { lines?: number; height?: number }) {
  if (height) return <div class="skeleton" style={{ height: `${height}px` }} aria-hidden="true" />;
  return (
    <div class="stack" aria-hidden="true">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="skeleton line" style={{ width: `${92 - ((index * 23) % 45)}%` }} />
      ))}
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div class="page" role="status" aria-label="Loading">
      <div class="grid-4">
        {[0, 1, 2, 3].map((key) => (
          <Skeleton key={key} height={84} />
        ))}
      </div>
      <Skeleton height={280} />
    </div>
  );
}

/** Nothing, and what to do about it. */
export function Empty({
  icon = 'circle-dashed',
  title,
  children,
}: {
  icon?: IconName;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} size={28} />
      <p class="empty-title">{title}</p>
      {children && <div class="empty-hint">{children}</div>}
    </div>
  );
}

/** An error in plain words, with its code and the server's own sentence. */
export function Problem({ error, retry }: { error: ApiError; retry?: () => void }) {
  const { title, hint } = explain(error.code, error.status);
  return (
    <div class="problem" role="alert">
      <Icon name="alert-triangle" size={20} />
      <div class="problem-body">
        <p class="problem-title">{title}</p>
        <p>{error.message}</p>
        <p class="dim">
          {hint}
          {error.retryAfter !== null && ` It may be asked again in ${error.retryAfter} s.`}
        </p>
        <p class="problem-foot">
          {(error.code || error.status > 0) && <code>{error.code ?? `HTTP ${error.status}`}</code>}
          {retry && (
            <Button small onClick={error.status === 401 ? askAgain : retry}>
              {error.status === 401 ? 'Enter a key' : 'Try again'}
            </Button>
          )}
        </p>
      </div>
    </div>
  );
}

interface Toast {
  id: number;
  kind: 'good' | 'bad';
  text: string;
  code?: string | null;
}

const toasts = signal<Toast[]>([]);
let counter = 0;
/** How long a note stays, in milliseconds; errors stay until they are closed. */
const STAY = 6000;

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Says briefly how something went. */
export function note(text: string): void {
  const id = ++counter;
  toasts.value = [...toasts.value.slice(-2), { id, kind: 'good', text }];
  setTimeout(() => dismiss(id), STAY);
}

/** Says what went wrong with something that the reader has started. */
export function complain(error: unknown): void {
  if (isAbort(error)) return;
  const known = error instanceof ApiError ? error : null;
  const title = known ? explain(known.code, known.status).title : 'Something went wrong';
  const text = `${title}: ${known?.message ?? String(error)}`;
  toasts.value = [...toasts.value.slice(-2), { id: ++counter, kind: 'bad', text, code: known?.code ?? null }];
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, kind, text, code }) => (
        <div key={id} class={`toast ${kind}`}>
          <Icon name={kind === 'good' ? 'check-circle' : 'alert-triangle'} />
          <span>
            {text} {code && <code>{code}</code>}
          </span>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => dismiss(id)}>
            <Icon name="x" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
