// One run with everything known about it, kept fresh while its page is open.
import { getRun, patchRun } from '../api/endpoints';
import type { RunDetail, RunPatch } from '../api/types';
import type { ProjectSession } from './project.svelte';
import { toasts } from './toasts.svelte';

const REFRESH_MS = 1000;

export class RunStore {
  run = $state.raw<RunDetail | null>(null);
  error = $state.raw<unknown>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loadedAt = 0;
  private asked = 0;
  private shown = 0;
  private readonly stop: () => void;
  /** It is on its way into the trash, where nobody is answered. */
  leaving = false;

  constructor(
    private readonly session: ProjectSession,
    private readonly id: string,
  ) {
    this.stop = session.onRun(id, () => this.soon());
    void this.load();
  }

  close(): void {
    this.stop();
    clearTimeout(this.timer);
  }

  async load(): Promise<void> {
    if (this.run && (this.leaving || this.session.gone.has(this.id))) return;
    this.loadedAt = Date.now();
    const asked = ++this.asked;
    try {
      const run = await getRun(this.session.entity, this.session.project, this.id);
      if (asked < this.shown) return; // overtaken by a newer answer
      this.shown = asked;
      this.run = run;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** Shows the change at once and takes it back if the server refuses. */
  async edit(patch: RunPatch): Promise<void> {
    const before = this.run;
    if (!before) return;
    this.run = { ...before, ...patch };
    this.session.runs.replace(this.run);
    try {
      this.session.runs.replace(await patchRun(this.session.entity, this.session.project, this.id, patch));
    } catch (error) {
      this.run = before;
      this.session.runs.replace(before);
      toasts.error(error);
    }
    void this.load();
  }

  private soon(): void {
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.loadedAt + REFRESH_MS - Date.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, wait);
  }
}
