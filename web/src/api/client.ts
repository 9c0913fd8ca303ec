// The only place that calls fetch: addresses, errors, and answers remembered by their ETag.
import { parseJson } from '../lib/json';

/** The server answered no, or did not answer (`status` 0). `detail` is a sentence for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly requestId: string | null = null,
    /** Seconds to wait before the next try, if the server named them. */
    readonly retryAfterS: number | null = null,
    /** Of a sweep's config: which parameter is wrong. */
    readonly parameter: string | null = null,
  ) {
    super(detail);
  }

  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Path under which the app is served, without a trailing slash: "" or, with `--root-path /kiseki`, "/kiseki". */
export const basePath =
  typeof document === 'undefined' ? '' : new URL(document.baseURI).pathname.replace(/\/[^/]*$/, '');

export function apiUrl(path: string, query?: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return `${basePath}${path}${text ? `?${text}` : ''}`;
}

/** Joins path segments, each percent-encoded once. */
export function segments(...parts: string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}

let onSignedOut: () => void = () => {};

/** Names what happens when the server no longer knows who is asking. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

async function problem(response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id');
  let code = '';
  let parameter: string | null = null;
  let detail = `${response.status} ${response.statusText}`.trim();
  try {
    const body = (await response.json()) as { code?: string; detail?: string; title?: string; parameter?: string };
    code = body.code ?? '';
    parameter = body.parameter ?? null;
    detail = body.detail || body.title || detail;
  } catch {
    // Not one of ours (a proxy's page, an empty body): the status line has to do.
  }
  const wait = Number(response.headers.get('retry-after'));
  return new ApiError(response.status, code, detail, requestId, wait > 0 ? wait : null, parameter);
}

async function send(method: string, url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, method, credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', 'The server does not answer.');
  }
  if (response.ok || response.status === 304) return response;
  const failure = await problem(response);
  if (failure.status === 401) onSignedOut();
  throw failure;
}

const TAGGED_MAX = 64;
const tagged = new Map<string, { etag: string; body: unknown }>();

/** Forgets remembered answers: they belong to whoever was signed in. */
export function forgetAnswers(): void {
  tagged.clear();
}

/** GET of JSON. An unchanged answer (304) returns the same object as before, so nothing that depends on it moves. */
export async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  const known = tagged.get(url);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (known) headers['if-none-match'] = known.etag;
  // The browser's own cache would answer 200 from a 304 and hide that nothing changed.
  const response = await send('GET', url, { headers, signal: signal ?? null, cache: 'no-store' });
  if (response.status === 304 && known) return known.body as T;
  const body = parseJson<T>(await response.text());
  const etag = response.headers.get('etag');
  tagged.delete(url);
  if (etag) {
    tagged.set(url, { etag, body });
    if (tagged.size > TAGGED_MAX) tagged.delete(tagged.keys().next().value as string);
  }
  return body;
}

/** A file's first `limit` bytes as text, whatever it holds; `isCut` where there is more. */
export async function getText(
  url: string,
  limit: number,
  signal?: AbortSignal,
): Promise<{ text: string; isCut: boolean }> {
  const headers = { range: `bytes=0-${limit - 1}` };
  const response = await send('GET', url, { headers, signal: signal ?? null });
  const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? 0);
  return { text: await response.text(), isCut: total > limit };
}

/** A whole file. */
export async function getBytes(url: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await send('GET', url, { signal: signal ?? null })).arrayBuffer();
}

export async function sendJson<T>(
  method: string,
  url: string,
  body?: unknown,
  signal?: AbortSignal,
  keepalive = false,
): Promise<T> {
  const init: RequestInit = { signal: signal ?? null, keepalive };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'content-type': 'application/json' };
  }
  const response = await send(method, url, init);
  const text = await response.text();
  return text ? parseJson<T>(text) : (null as T);
}

export async function postForBytes(url: string, body: unknown, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await send('POST', url, {
    signal: signal ?? null,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', accept: 'application/x-kiseki-series' },
  });
  return response.arrayBuffer();
}
