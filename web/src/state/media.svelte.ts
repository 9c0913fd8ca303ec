// What a run logged under one key, step by step; loaded when it comes into view and followed while it is there.
import { untrack } from 'svelte';
import { getHistory } from '../api/files';
import type { HistoryRow } from '../api/types';
import { FileList } from './files.svelte';
import { itemsOf, type MediaStep } from './media';
import type { ProjectSession } from './project.svelte';
import { valueAt } from '../ui/format';

const REFRESH_MS = 2000;
const PAGE = 500;
/** Of a key with more steps the first are shown. */
export const STEPS_MAX = 2000;

/** Rows of one key as `take` reads them; those it gives null for are left out. */
export class KeyHistory<S extends { step: number }> {
  steps = $state.raw<readonly S[]>([]);
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
    readonly run: string,
    private readonly attempt: number | null,
    readonly key: string,
    private readonly take: (row: HistoryRow, key: string) => S | null,
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
      const steps = page.rows.flatMap((row) => this.take(row, this.key) ?? []);
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

export class MediaHistory extends KeyHistory<MediaStep> {
  constructor(session: ProjectSession, run: string, attempt: number | null, key: string) {
    super(session, run, attempt, key, (row) => {
      const items = itemsOf(valueAt(row, key));
      return items.length > 0 ? { step: row._step, items } : null;
    });
  }
}

export interface TextStep {
  step: number;
  text: string;
}

export class TextHistory extends KeyHistory<TextStep> {
  constructor(session: ProjectSession, run: string, attempt: number | null, key: string) {
    super(session, run, attempt, key, (row) => {
      const value = valueAt(row, key);
      return typeof value === 'string' ? { step: row._step, text: value } : null;
    });
  }
}

/** Histories of one key for the runs of a panel: made and closed as runs come and go. To be called while a component is made. */
export function historiesOf<H extends { run: string; key: string; open(): void; close(): void }>(
  read: () => { key: string; runs: readonly string[] },
  make: (run: string, key: string) => H,
): { readonly list: readonly H[] } {
  let held = $state.raw<readonly H[]>([]);
  const wanted = $derived(JSON.stringify(read()));
  $effect(() => {
    const { key, runs } = JSON.parse(wanted) as { key: string; runs: string[] };
    untrack(() => {
      const old = new Map(held.map((one) => [one.run, one]));
      held = runs.map((run) => {
        const known = old.get(run);
        if (known?.key === key) {
          old.delete(run);
          return known;
        }
        const made = make(run, key);
        made.open();
        return made;
      });
      for (const one of old.values()) one.close();
    });
  });
  $effect(() => () => untrack(() => held.forEach((one) => one.close())));
  return {
    get list() {
      return held;
    },
  };
}

/** What the media panels of a project share: lists of files, and the step that a section looks at. */
export class SharedMedia {
  private steps = $state.raw<Readonly<Record<string, number>>>({});
  private readonly lists = new Map<string, { list: FileList; users: number }>();

  constructor(private readonly session: ProjectSession) {}

  /** Null: the last of each. */
  stepOf(section: string): number | null {
    return this.steps[section] ?? null;
  }

  go(section: string, step: number): void {
    this.steps = { ...this.steps, [section]: step };
  }

  /** The files of a run, until `release`. */
  files(run: string): FileList {
    const held = this.lists.get(run) ?? { list: new FileList(this.session, run, null), users: 0 };
    held.users += 1;
    this.lists.set(run, held);
    return held.list;
  }

  release(run: string): void {
    const held = this.lists.get(run);
    if (!held) return;
    held.users -= 1;
    if (held.users > 0) return;
    held.list.close();
    this.lists.delete(run);
  }
}

const shared = new WeakMap<ProjectSession, SharedMedia>();

export function sharedMedia(session: ProjectSession): SharedMedia {
  const found = shared.get(session) ?? new SharedMedia(session);
  shared.set(session, found);
  return found;
}

/** A run's files while a component needs them. To be called while it is made. */
export function filesOf(session: () => ProjectSession, run: () => string | null): { readonly list: FileList | null } {
  let list = $state.raw<FileList | null>(null);
  $effect(() => {
    const id = run();
    if (id === null) {
      untrack(() => (list = null));
      return;
    }
    const media = sharedMedia(session());
    untrack(() => (list = media.files(id)));
    return () => media.release(id);
  });
  return {
    get list() {
      return list;
    },
  };
}
