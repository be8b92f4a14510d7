/** The API key. It lives in this variable and nowhere else: a reload forgets it. */

import { signal } from '@preact/signals';

let key: string | null = null;

/** Whether a key is known, for the button that forgets it. */
export const hasKey = signal(false);
/** Whether the reader is being asked, and whether what was tried last was wrong. */
export const asking = signal<{ wrong: boolean } | null>(null);

/** Grows with each key that is given: what was refused before is asked again. */
export const given = signal(0);

/** The reader has closed the dialog, and is not asked again until they want to be. */
let declined = false;
let waiting: { promise: Promise<boolean>; resolve: (given: boolean) => void } | null = null;

export function currentKey(): string | null {
  return key;
}

/** Asks the reader once, however many requests need the answer; false when the dialog was closed without one. */
export function askForKey(refused: string | null): Promise<boolean> {
  // Another request has got a key meanwhile.
  if (refused !== key && key !== null) return Promise.resolve(true);
  if (declined) return Promise.resolve(false);
  if (!waiting) {
    let resolve: (given: boolean) => void = () => {};
    const promise = new Promise<boolean>((done) => (resolve = done));
    waiting = { promise, resolve };
  }
  asking.value = { wrong: refused !== null };
  return waiting.promise;
}

/** Takes over a key that the server knows, or gives up. */
export function answer(entered: string | null): void {
  declined = entered === null;
  if (entered !== null) {
    key = entered;
    hasKey.value = true;
    given.value += 1;
  }
  asking.value = null;
  waiting?.resolve(entered !== null);
  waiting = null;
}

/** Asks although the reader has closed the dialog before: now they want to. */
export function askAgain(): void {
  declined = false;
  void askForKey(key);
}

/** Waits until a key is given. */
export function nextKey(): Promise<void> {
  const before = given.peek();
  return new Promise((resolve) => {
    const stop = given.subscribe((now) => {
      if (now === before) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

export function forgetKey(): void {
  key = null;
  hasKey.value = false;
}
