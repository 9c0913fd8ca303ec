// Edits made while the server is away wait here, in order, and are sent when it is back. Only what may be sent twice.
import { ApiError } from './client';

const RETRY_MS = 5000;

interface Waiting {
  send: () => Promise<void>;
  fail: (error: unknown) => void;
}

const isAway = (error: unknown) => error instanceof ApiError && error.unreachable;

export class Edits {
  /** How many wait. */
  count = $state(0);
  private queue: Waiting[] = [];
  private flushing = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Sends at once if nothing waits before it. The promise ends when the edit has arrived, or was refused. */
  async send<T>(action: () => Promise<T>): Promise<T> {
    if (this.queue.length === 0) {
      try {
        return await action();
      } catch (error) {
        if (!isAway(error)) throw error;
      }
    }
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ send: async () => resolve(await action()), fail: reject });
      this.told();
      this.later();
    });
  }

  /** The server may be back. */
  async flush(): Promise<void> {
    if (this.flushing) return;
    this.flushing = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    for (let next = this.queue[0]; next; next = this.queue[0]) {
      try {
        await next.send();
      } catch (error) {
        if (isAway(error)) break;
        next.fail(error);
      }
      this.queue.shift();
      this.told();
    }
    this.flushing = false;
    if (this.queue.length > 0) this.later();
  }

  private told(): void {
    this.count = this.queue.length;
  }

  private later(): void {
    this.timer ??= setTimeout(() => void this.flush(), RETRY_MS);
  }
}

export const edits = new Edits();

if (typeof window !== 'undefined') {
  // Closing the page would lose them.
  addEventListener('beforeunload', (event) => {
    if (edits.count > 0) event.preventDefault();
  });
}
