// The files of one run, kept fresh while they are looked at.
import { getFiles } from '../api/files';
import type { RunFile } from '../api/types';
import type { ProjectSession } from './project.svelte';

const REFRESH_MS = 2000;

export class FileList {
  files = $state.raw<readonly RunFile[] | null>(null);
  error = $state.raw<unknown>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loadedAt = 0;
  private readonly stop: () => void;
  private readonly controller = new AbortController();

  constructor(
    private readonly session: ProjectSession,
    private readonly run: string,
    private readonly attempt: number | null,
  ) {
    this.stop = session.onRun(run, () => this.soon());
    void this.load();
  }

  find(path: string): RunFile | undefined {
    return this.files?.find((file) => file.path === path);
  }

  close(): void {
    this.stop();
    clearTimeout(this.timer);
    this.controller.abort();
  }

  async load(): Promise<void> {
    this.loadedAt = Date.now();
    try {
      const { entity, project } = this.session;
      // An unchanged answer is the same object as before, so what depends on it stays.
      this.files = await getFiles(entity, project, this.run, this.attempt, this.controller.signal);
      this.error = null;
    } catch (error) {
      if (!this.controller.signal.aborted) this.error = error;
    }
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
