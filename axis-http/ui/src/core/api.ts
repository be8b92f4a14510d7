/** One way to ask the server: with the key, with errors that have a code, and patient when it says when to come back. */

import { ApiError, isAbort } from './error';
import { askForKey, currentKey } from './key';

/** Where the API is: beside these pages, also below a path that a proxy has put before them. */
const ROOT = location.pathname.replace(/\/ui(?:\/.*)?$/, '');
/** Longer than this nobody waits without being told, in seconds. */
const PATIENCE = 5;
const RETRIES = 2;

export type Params = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  method?: 'GET' | 'POST' | 'DELETE';
  params?: Params;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

function address(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `${ROOT}${path}${text ? `?${text}` : ''}`;
}

/** Sends one request with a key, whatever comes of it. */
export async function send(path: string, options: Options, key: string | null): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  if (key !== null) headers.Authorization = `Bearer ${key}`;
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    return await fetch(address(path, options.params), {
      method: options.method ?? 'GET',
      headers,
      signal: options.signal ?? null,
      credentials: 'omit',
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError('no connection to the server', 0, 'AXIS_UNREACHABLE');
  }
}

/** Returns an answer that is none of the errors. Asks the reader for a key where one is needed. */
export async function request(path: string, options: Options = {}): Promise<Response> {
  for (let attempt = 0; ;) {
    const key = currentKey();
    const response = await send(path, options, key);
    if (response.ok) return response;
    const error = await failure(response);
    if (error.status === 401 && (await askForKey(key))) continue;
    const again = error.retryAfter !== null && error.retryAfter <= PATIENCE && attempt < RETRIES;
    if (!again || (options.method ?? 'GET') !== 'GET') throw error;
    attempt += 1;
    await pause((error.retryAfter ?? 0) * 1000, options.signal);
  }
}

/** Asks and reads JSON. */
export async function api<T>(path: string, options: Options = {}): Promise<T> {
  const response = await request(path, options);
  return (await response.json()) as T;
}

/** Reads the error that an answer is. */
export async function failure(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const body: unknown = await response.json().catch(() => null);
  const { detail, code } = (body ?? {}) as { detail?: unknown; code?: unknown };
  return new ApiError(
    words(detail) ?? `the server answered ${response.status}`,
    response.status,
    typeof code === 'string' ? code : null,
    Number.isFinite(after) ? after : null,
  );
}

function words(detail: unknown): string | null {
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return null;
  const problems = detail as { loc?: unknown[]; msg?: string }[];
  return problems.map(({ loc, msg }) => `${String(loc?.at(-1) ?? '')}: ${msg ?? ''}`).join('; ');
}

/** Waits, unless nobody wants the answer any longer. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('aborted', 'AbortError'));
    });
  });
}
