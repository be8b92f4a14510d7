/** The one error class. */

import { inCamelCase } from "./names";

/** What the caller should do next; the same codes in every language. */
export type AxisErrorCode =
  | "AXIS_CONFIG"
  | "AXIS_INVALID_ARGUMENT"
  | "AXIS_NOT_FOUND"
  | "AXIS_NOT_SYNCED"
  | "AXIS_BUSY"
  | "AXIS_LOCKED"
  | "AXIS_CLOSED"
  | "AXIS_CANCELLED"
  | "AXIS_TIMEOUT"
  | "AXIS_SOURCE_UNAVAILABLE"
  | "AXIS_SOURCE_REJECTED"
  | "AXIS_SCHEMA_MISMATCH"
  | "AXIS_QUERY"
  | "AXIS_STORE"
  | "AXIS_INTERNAL";

/** An error as it is written down in every language. */
export interface AxisErrorJson {
  code: AxisErrorCode;
  /** The number of the code, which C uses. */
  number: number;
  message: string;
  operation: string;
  retryable: boolean;
  context: Record<string, string>;
}

/**
 * What AXIS throws and rejects with: what happened, during which operation, and to which of your things.
 *
 * `structuredClone`, and so `postMessage`, makes a plain `Error` of every error and drops what is on it: send {@link toJSON}, and
 * make it an error again with {@link from}.
 */
export class AxisError extends Error {
  /** What to do next. */
  readonly code: AxisErrorCode;
  /** Whether the same call, unchanged, may succeed later. */
  readonly retryable: boolean;
  /** The operation that failed, such as `sync.read`; empty when there is none to name. */
  readonly operation: string;
  /** Facts about it, such as `dataset` or `table`. */
  readonly context: Readonly<Record<string, string>>;
  readonly #number: number;

  /** Makes an error; what is not said of it is that of `AXIS_INTERNAL`. */
  constructor(error?: Partial<AxisErrorJson> | null, options?: ErrorOptions) {
    super(error?.message ?? "", options);
    this.code = error?.code ?? "AXIS_INTERNAL";
    this.retryable = error?.retryable ?? false;
    this.operation = error?.operation ?? "";
    this.context = Object.freeze({ ...error?.context });
    this.#number = error?.number ?? 900;
  }

  /** Makes the error that {@link toJSON} has told, such as one from another thread. */
  static from(json: AxisErrorJson, options?: ErrorOptions): AxisError {
    if (typeof json?.code !== "string") throw invalid("the error has no `code`; allowed is what `toJSON` returns");
    return new AxisError(json, options);
  }

  /** Returns the form that is the same in every language. */
  toJSON(): AxisErrorJson {
    const { code, message, operation, retryable, context } = this;
    return { code, number: this.#number, message, operation, retryable, context: { ...context } };
  }
}

// On the prototype, as JavaScript's own error classes have it.
Object.defineProperty(AxisError.prototype, "name", { value: "AxisError", configurable: true, writable: true });

/** Makes an `AxisError` of what the addon threw or rejected with; the stack is that of whoever awaits it. */
export function upgrade(error: unknown, cause?: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const wire = (error as { wire?: unknown }).wire;
  if (typeof wire === "string") {
    const told = JSON.parse(wire) as AxisErrorJson;
    if (told.code === "AXIS_INVALID_ARGUMENT") told.message = inCamelCase(told.message);
    return new AxisError(told, cause === undefined ? undefined : { cause });
  }
  return error;
}

/** Makes the error for an argument that the addon cannot be given. */
export function invalid(message: string): AxisError {
  return made("AXIS_INVALID_ARGUMENT", 101, message);
}

/** Makes the error for a call that was aborted. */
export function aborted(reason: unknown): AxisError {
  return made("AXIS_CANCELLED", 204, "the call was aborted", { cause: reason });
}

/** Makes an error of this side. @internal */
export function made(code: AxisErrorCode, number: number, message: string, options?: ErrorOptions): AxisError {
  return new AxisError({ code, number, message, operation: "", retryable: false, context: {} }, options);
}
