/** Follows what the server tells, and goes on where it stopped after a break. */

import { signal } from '@preact/signals';
import { EventParser } from '../lib/sse';
import { pause, request } from './api';
import { ApiError, isAbort } from './error';
import { nextKey } from './key';
import type { SyncEvent } from './types';

/** Whether events arrive. */
export const connection = signal<'connecting' | 'live' | 'lost'>('connecting');

/** Without a sign of life for so long the connection is dead; the server sends one every 15 s. */
const SILENCE = 40_000;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;

/** Calls `take` for each event until `stop` says so. */
export async function follow(take: (event: SyncEvent) => void, stop: AbortSignal): Promise<void> {
  let last: string | null = null;
  let wait = FIRST_PAUSE;
  while (!stop.aborted) {
    const began = Date.now();
    try {
      await read(last, stop, (id, event) => {
        last = id ?? last;
        take(event);
      });
    } catch (error) {
      if (stop.aborted) return;
      connection.value = 'lost';
      if (error instanceof ApiError && error.status === 401) await nextKey();
      else if (!isAbort(error)) console.debug('events', error);
    }
    connection.value = 'lost';
    wait = Date.now() - began > LONGEST_PAUSE ? FIRST_PAUSE : Math.min(wait * 2, LONGEST_PAUSE);
    await pause(wait, stop).catch(() => {});
  }
}

async function read(
  last: string | null,
  stop: AbortSignal,
  take: (id: string | null, event: SyncEvent) => void,
): Promise<void> {
  const silent = new AbortController();
  const end = () => silent.abort();
  stop.addEventListener('abort', end);
  let alarm = setTimeout(end, SILENCE);
  try {
    const response = await request('/api/store/events', {
      headers: { Accept: 'text/event-stream', ...(last === null ? {} : { 'Last-Event-ID': last }) },
      signal: silent.signal,
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) return;
    connection.value = 'live';
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(alarm);
      alarm = setTimeout(end, SILENCE);
      for (const { id, data } of parser.push(value)) take(id, JSON.parse(data) as SyncEvent);
    }
  } finally {
    clearTimeout(alarm);
    stop.removeEventListener('abort', end);
  }
}
