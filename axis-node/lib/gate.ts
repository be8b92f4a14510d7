/** The one way into the addon: `AbortSignal`, errors, and what a progress callback throws. */

import type { NativeCancel } from "../native";
import { aborted, AxisError, invalid, upgrade } from "./errors";
import { answer, object } from "./json";
import { native } from "./native";
import type { SyncEvent } from "./reports";

/** Options of everything that takes a while. */
export interface CallOptions {
  /** Cancels the call: it rejects with `AXIS_CANCELLED`, whose `cause` is the reason of the signal. */
  signal?: AbortSignal | null | undefined;
}

/** Parts the signal from the other options; null stands for none. */
export function split<T extends CallOptions>(
  options: T | null | undefined,
  what: string,
): { signal: AbortSignal | undefined; rest: Omit<T, "signal"> } {
  const { signal, ...rest } = object(options, what) as T;
  if (signal != null && !(signal instanceof AbortSignal)) throw invalid(`\`signal\` of ${what} is no AbortSignal`);
  return { signal: signal ?? undefined, rest };
}

/** Takes the signal of a call that has no other options. */
export function signalOf(options: CallOptions | null | undefined): AbortSignal | undefined {
  const { signal, rest } = split(options, "the call options");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`\`${unknown}\` is no member of the call options; there is signal`);
  return signal;
}

/** Something that a signal cancels. */
export class Call {
  readonly cancel: NativeCancel = new native.NativeCancel();
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.cancel.cancel();

  constructor(signal?: AbortSignal) {
    if (signal?.aborted) throw aborted(signal.reason);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Stops listening to the signal. */
  end(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  /** Returns what to throw for what the addon rejected with. */
  error(error: unknown): unknown {
    const failure = upgrade(error);
    const cancelled = failure instanceof AxisError && failure.code === "AXIS_CANCELLED";
    return cancelled && this.#signal?.aborted ? upgrade(error, this.#signal.reason) : failure;
  }
}

/** Runs a call of the addon that takes a while. */
export async function call<T>(signal: AbortSignal | undefined, work: (cancel: NativeCancel) => Promise<T>): Promise<T> {
  const running = new Call(signal);
  try {
    return await work(running.cancel);
  } catch (error) {
    throw running.error(error);
  } finally {
    running.end();
  }
}

/** Runs a call of the addon that answers at once. */
export function now<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw upgrade(error);
  }
}

/** Gets the events of a sync. What it throws, or a promise that it returns rejects with, cancels the sync. */
export type OnProgress = (event: SyncEvent) => unknown;

/** Runs work that tells its progress; rejects with what the callback throws. */
export async function watched<E>(
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: ((event: E) => unknown) | null | undefined },
  work: (cancel: NativeCancel, listener?: (text: string) => void) => Promise<string>,
): Promise<string> {
  if (onProgress == null) return call(signal, work);
  if (typeof onProgress !== "function") throw invalid("`onProgress` is no function");
  let failure: { error: unknown } | undefined;
  const outcome = call(signal, (cancel) => {
    const fail = (error: unknown): void => {
      failure ??= { error };
      cancel.cancel();
    };
    const listener = (text: string): void => {
      if (failure !== undefined) return;
      try {
        const returned = onProgress(answer<E>(text));
        if (returned instanceof Promise) returned.catch(fail);
      } catch (error) {
        fail(error);
      }
    };
    return work(cancel, listener);
  });
  try {
    return await outcome;
  } finally {
    // Whatever became of the work: somebody's own mistake is what they need to hear of.
    if (failure !== undefined) throw failure.error;
  }
}
