// Short messages bottom right: at most three; errors stay until dismissed.
import { ApiError } from '../api/client';
import { explain } from './explain';

export interface Toast {
  id: number;
  kind: 'info' | 'error';
  text: string;
  requestId: string | null;
  action: { label: string; run: () => void } | null;
}

const MAX = 3;
const INFO_MS = 6000;
const WORK_MS = 400;

class Toasts {
  list = $state<Toast[]>([]);
  private nextId = 1;

  info(text: string, action: Toast['action'] = null, forMs = INFO_MS): void {
    const id = this.add({ kind: 'info', text, requestId: null, action });
    setTimeout(() => this.dismiss(id), forMs);
  }

  /** Said for as long as something takes, if that is longer than a moment. */
  during<T>(work: Promise<T>, text: string): Promise<T> {
    let id = 0;
    const timer = setTimeout(() => (id = this.add({ kind: 'info', text, requestId: null, action: null })), WORK_MS);
    return work.finally(() => {
      clearTimeout(timer);
      this.dismiss(id);
    });
  }

  error(error: unknown): void {
    const known = error instanceof ApiError ? error : null;
    this.add({
      kind: 'error',
      text: explain(error),
      requestId: known?.requestId ?? null,
      action: null,
    });
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  private add(toast: Omit<Toast, 'id'>): number {
    const id = this.nextId++;
    this.list = [...this.list.slice(-(MAX - 1)), { ...toast, id }];
    return id;
  }
}

export const toasts = new Toasts();
