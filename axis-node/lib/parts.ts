/** What is read part by part, for as long as somebody reads. */

import { Call } from "./gate";

/** What is read part by part. No generator: its `return` would wait for a `next` that waits for DuckDB. */
export class Parts<S, T> implements AsyncIterableIterator<T> {
  readonly #open: (call: Call) => Promise<S>;
  readonly #read: (stream: S, call: Call) => Promise<T | null | undefined>;
  readonly #signal: AbortSignal | undefined;
  readonly #close: ((stream: S) => void) | undefined;
  #call: Call | undefined;
  #stream: Promise<S> | undefined;
  #done = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    open: (call: Call) => Promise<S>,
    read: (stream: S, call: Call) => Promise<T | null | undefined>,
    signal: AbortSignal | undefined,
    close?: (stream: S) => void,
  ) {
    this.#open = open;
    this.#read = read;
    this.#signal = signal;
    this.#close = close;
  }

  /** Parts come in their order, also to those who do not wait for one before they ask for the next. */
  next(): Promise<IteratorResult<T, undefined>> {
    const next = this.#last.then(() => this.#step());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #step(): Promise<IteratorResult<T, undefined>> {
    if (this.#done) return { done: true, value: undefined };
    try {
      this.#call ??= new Call(this.#signal);
      this.#stream ??= this.#open(this.#call);
      const part = await this.#read(await this.#stream, this.#call);
      if (part != null && !this.#done) return { done: false, value: part };
      this.#end();
      return { done: true, value: undefined };
    } catch (error) {
      // Whoever has left the loop does not want to hear that the query was cancelled.
      if (this.#done) return { done: true, value: undefined };
      this.#end();
      throw this.#call?.error(error) ?? error;
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#done = true;
    this.#call?.end();
    this.#call?.cancel.cancel();
    this.#stream?.then(
      (stream) => this.#close?.(stream),
      () => undefined,
    );
  }
}
