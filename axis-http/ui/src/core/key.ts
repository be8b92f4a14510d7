/** The API key. It lives in this variable and nowhere else: a reload forgets it. */

import { signal } from '@preact/signals';

let key: string | null = null;

/** Whether a key is known, for the button that forgets it. */
export const hasKey = signal(false);
/** Whether the reader is being asked, and whether what was tried last was wrong. */
export const asking = signal<{ wrong: boolean } | null>(null);

let waiting: { promise: Promise<boolean>; resolve: (given: boolean) => void } | null = null;

export function currentKey(): string | null {
  return key;
}

/** Asks the reader once, however many requests need the answer; false when the dialog was closed without one. */
export function askForKey(refused: string | null): Promise<boolean> {
  // Another request has got a key meanwhile.
  if (refused !== key && key !== null) return Promise.resolve(true);
  if (!waiting) {
    let resolve: (given: boolean) => void = () => {};
    const promise = new Promise<boolean>((done) => (resolve = done));
    waiting = { promise, resolve };
  }
  asking.value = { wrong: refused !== null };
  return waiting.promise;
}

/** Takes over a key that the server knows, or gives up. */
export function answer(given: string | null): void {
  if (given !== null) {
    key = given;
    hasKey.value = true;
  }
  asking.value = null;
  waiting?.resolve(given !== null);
  waiting = null;
}

export function forgetKey(): void {
  key = null;
  hasKey.value = false;
}
