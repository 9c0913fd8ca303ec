// One server-sent event stream, kept up: reconnects with jitter, tells the caller of gaps.
import type { ProjectChange } from '../api/types';

export type LinkState = 'connecting' | 'live' | 'down';

export interface StreamHandlers<Change> {
  change(change: Change): void;
  /** Nothing was told until now, at the start or after a pause: what was asked for before may be old. */
  gap(): void;
  state(state: LinkState, retryAt: number | null): void;
}

export type AnyChange = Partial<ProjectChange> & { projects?: string[] };

/** The server says something every 5 s; one that is silent for three times as long is away, though connected. */
const SILENCE_MS = 16_000;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 20_000;

const backListeners = new Set<() => void>();

/** Calls back when the server answers again after it was away. Returns the way to stop. */
export function whenBack(listener: () => void): () => void {
  backListeners.add(listener);
  return () => backListeners.delete(listener);
}

export class ChangeStream {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wasLive = false;

  constructor(
    private readonly url: string,
    private readonly handlers: StreamHandlers<AnyChange>,
  ) {
    this.open();
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.source?.close();
    this.source = null;
  }

  /** Opens the stream if it is not: at once, instead of waiting out the countdown, or again after `close`. */
  retryNow(): void {
    if (this.source !== null && this.source.readyState !== EventSource.CLOSED) return;
    this.close();
    this.open();
  }

  private open(): void {
    const source = new EventSource(this.url);
    this.source = source;
    if (!this.wasLive) this.handlers.state('connecting', null);
    // Not `onopen`: only from its hello on does the server tell of every change.
    source.addEventListener('hello', () => this.opened());
    source.addEventListener('ping', () => this.heard());
    source.addEventListener('change', (event) => {
      this.heard();
      this.handlers.change(JSON.parse((event as MessageEvent<string>).data) as AnyChange);
    });
    source.onerror = () => this.failed();
    this.heard();
  }

  private heard(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.failed(), SILENCE_MS);
  }

  private opened(): void {
    this.heard();
    const wasAway = this.failures > 0;
    this.failures = 0;
    this.wasLive = true;
    this.handlers.state('live', null);
    if (wasAway) for (const listener of backListeners) listener();
    this.handlers.gap();
  }

  private failed(): void {
    clearTimeout(this.silence);
    this.source?.close();
    this.source = null;
    this.failures += 1;
    const wait = retryDelay(this.failures, Math.random());
    this.handlers.state('down', Date.now() + wait);
    this.timer = setTimeout(() => this.open(), wait);
  }
}

/** Doubling from one second to twenty, with up to half of it as jitter so that many tabs do not come back at once. */
export function retryDelay(failures: number, random: number): number {
  const full = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures - 1, 10));
  return full / 2 + (full / 2) * random;
}
