// What a run logged under one key, step by step; loaded when it comes into view and followed while it is there.
import { getHistory } from '../api/files';
import { itemsOf, type MediaStep } from './media';
import type { ProjectSession } from './project.svelte';
import { valueAt } from '../ui/format';

const REFRESH_MS = 2000;
const PAGE = 500;
/** Of a key with more steps the first are shown. */
export const STEPS_MAX = 2000;

export class MediaHistory {
  steps = $state.raw<readonly MediaStep[]>([]);
  /** Asked for: it came near the view. */
  isOpen = $state(false);
  loaded = $state(false);
  isCut = $state(false);
  error = $state.raw<unknown>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private stop: (() => void) | null = null;
  private readonly controller = new AbortController();

  constructor(
    private readonly session: ProjectSession,
    private readonly run: string,
    private readonly attempt: number | null,
    private readonly key: string,
  ) {}

  open(): void {
    if (this.stop) return;
    this.isOpen = true;
    this.stop = this.session.onRun(this.run, (parts) => {
      if (parts.includes('history')) this.soon();
    });
    void this.load();
  }

  close(): void {
    this.stop?.();
    clearTimeout(this.timer);
    this.controller.abort();
  }

  async load(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await this.loadRest();
      this.loaded = true;
      this.error = null;
    } catch (error) {
      if (!this.controller.signal.aborted) this.error = error;
    } finally {
      this.busy = false;
    }
  }

  /** Rows behind the last one held. */
  private async loadRest(): Promise<void> {
    const { entity, project } = this.session;
    const last = this.steps.at(-1);
    const from = last === undefined ? {} : { min_step: last.step + 1 };
    let after = '';
    while (this.steps.length < STEPS_MAX) {
      const query = { keys: [this.key], limit: PAGE, attempt: this.attempt, after, ...from };
      const page = await getHistory(entity, project, this.run, query, this.controller.signal);
      const steps = page.rows.flatMap((row): MediaStep[] => {
        const items = itemsOf(valueAt(row, this.key));
        return items.length > 0 ? [{ step: row._step, items }] : [];
      });
      if (steps.length > 0) this.steps = [...this.steps, ...steps];
      if (page.next === null) return;
      after = page.next;
    }
    this.isCut = true;
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, REFRESH_MS);
  }
}
