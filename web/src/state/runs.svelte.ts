// The runs of a project under the current filter and sort, held in windows of 200 rows: 100 000 runs cost what is looked at.
import { ApiError } from '../api/client';
import { getRuns } from '../api/endpoints';
import type { Run, RunPage, RunPatch } from '../api/types';
import { idsFilter } from './filters';
import { quoteKey } from './sorting';

export const WINDOW = 200;
const REFRESH_MS = 1000;
/** A server that failed to answer is asked again after this long, and not before. */
const RETRY_MS = 5000;

type Fetch = typeof getRuns;

export class RunList {
  filter = $state('');
  sort = $state('');
  total = $state(0);
  matching = $state(0);
  /** Runs created since, while the list was scrolled: shown by a pill instead of shifting rows. */
  waiting = $state(0);
  /** Keys of the filter that no run has, where it finds none. */
  unknown = $state.raw<RunPage['unknown'] & object>([]);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  private windows = $state.raw(new Map<number, readonly Run[]>());
  private readonly byId = new Map<string, Run>();
  private readonly inFlight = new Map<number, AbortController>();
  private dirty = new Set<number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refreshedAt = 0;
  private generation = 0;
  private isHeld = false;
  /** The next answer for the first window replaces all that is held. */
  startsOver = $state(true);
  /** What the server computes for each run beside what it holds: `metric.min.loss`. */
  private columns: readonly string[] = [];
  /** Runs that are shown wherever they stand in the list: the baseline and the pinned ones. */
  private wanted: readonly string[] = [];
  /** Edits on their way to the server: what comes from it meanwhile is older. */
  private edits: ReadonlyMap<string, RunPatch> = new Map();
  paused = false;

  constructor(
    private readonly entity: string,
    private readonly project: string,
    private readonly fetchRuns: Fetch = getRuns,
  ) {}

  /** Starts over with another filter or sort. The old rows stay until the new ones are there. */
  query(filter: string, sort: string, columns: readonly string[] = []): void {
    const same = filter === this.filter && sort === this.sort && columns.join('\n') === this.columns.join('\n');
    // The same question again must not take back the one on its way: asked often enough, no answer would ever come.
    if (same && (this.loaded || this.inFlight.has(0))) return;
    this.filter = filter;
    this.sort = sort;
    this.columns = columns;
    this.reload();
  }

  reload(): void {
    this.generation += 1;
    for (const controller of this.inFlight.values()) controller.abort();
    this.inFlight.clear();
    this.dirty.clear();
    this.waiting = 0;
    this.startsOver = true;
    void this.load(0);
  }

  /** Asks again for every window that is held: any of them may be old. Rows stay in place meanwhile. */
  lookAgain(): void {
    void this.loadWanted(this.wanted);
    if (this.error !== null) this.reload();
    else if (this.windows.size === 0) this.mark(0);
    else for (const window of this.windows.keys()) this.mark(window);
  }

  at(index: number): Run | undefined {
    return this.windows.get(Math.floor(index / WINDOW))?.[index % WINDOW];
  }

  /** Its place in the list as far as that is loaded; -1 elsewhere. */
  indexOf(id: string): number {
    for (const [window, runs] of this.windows) {
      const at = runs.findIndex((run) => run.id === id);
      if (at >= 0) return window * WINDOW + at;
    }
    return -1;
  }

  /** Any run that was seen, in whatever window. */
  known(id: string): Run | undefined {
    // What is held changes with the windows: whoever looks here looks again then.
    void this.windows;
    return this.byId.get(id);
  }

  /** Keeps these runs at hand, in the list or not. */
  want(ids: readonly string[]): void {
    this.wanted = ids;
    const missing = ids.filter((id) => !this.byId.has(id));
    if (missing.length > 0) void this.loadWanted(missing);
  }

  private async loadWanted(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      const { runs } = await this.fetchRuns(this.entity, this.project, {
        ...this.computed,
        filter: idsFilter(ids),
        limit: WINDOW,
      });
      for (const run of runs) this.byId.set(run.id, this.edited(run));
      this.windows = new Map(this.windows);
    } catch {
      // A later change or look asks again.
    }
  }

  /** Shows edits before the server has them; runs whose edit is gone are as the server said. */
  overlay(edits: ReadonlyMap<string, RunPatch>, restored: readonly Run[] = []): void {
    this.edits = edits;
    for (const run of restored) this.byId.set(run.id, run);
    for (const [id, run] of this.byId) if (edits.has(id)) this.byId.set(id, this.edited(run));
    const windows = new Map<number, readonly Run[]>();
    for (const [window, runs] of this.windows)
      windows.set(
        window,
        runs.map((run) => this.byId.get(run.id) ?? run),
      );
    this.windows = windows;
  }

  private get computed(): { columns?: string } {
    return this.columns.length > 0 ? { columns: this.columns.map(quoteKey).join(',') } : {};
  }

  private edited(run: Run): Run {
    const edit = this.edits.get(run.id);
    return edit ? { ...run, ...edit } : run;
  }

  /** The first `count` runs, as far as they are loaded. */
  first(count: number): Run[] {
    const runs: Run[] = [];
    for (let index = 0; index < Math.min(count, this.matching); index++) {
      const run = this.at(index);
      if (run) runs.push(run);
    }
    return runs;
  }

  /** Loads what rows `from` up to and including `to` need. */
  ensure(from: number, to: number): void {
    if (!this.loaded) return;
    const last = Math.floor(Math.min(to, this.matching - 1) / WINDOW);
    for (let window = Math.floor(from / WINDOW); window <= last; window++) {
      if (!this.windows.has(window) && !this.inFlight.has(window)) void this.load(window);
    }
  }

  /** Said by a view that is scrolled away from the top: rows then change in place and never move, until it lets go. */
  hold(held: boolean): void {
    if (held === this.isHeld) return;
    this.isHeld = held;
    if (held || !this.loaded || this.error !== null) return;
    this.waiting = 0;
    this.lookAgain();
  }

  /** The server said that these runs changed. */
  changed(ids: readonly string[], added: readonly string[], removed: readonly string[] = []): void {
    if (this.isHeld) this.waiting += added.length;
    void this.loadWanted(this.wanted.filter((id) => ids.includes(id)));
    const wanted = new Set([...ids, ...removed]);
    for (const [window, runs] of this.windows) {
      if (runs.filter((run) => wanted.delete(run.id)).length > 0) this.mark(window);
    }
    // An answer on its way may be older than the change, and hold any of these runs.
    for (const window of this.inFlight.keys()) this.mark(window);
    // A run that is not here may belong here now: it is new, matches the filter since, or was missed when it was new.
    if ((wanted.size > 0 || added.length > 0) && !this.isHeld) this.mark(0);
  }

  /** New runs may stand at the end: the order is that of time. */
  lookAtEnd(): void {
    if (this.loaded) this.mark(Math.floor(this.matching / WINDOW));
  }

  /** Puts an edited run in place without waiting for the server's list. */
  replace(run: Run): void {
    this.byId.set(run.id, run);
    const windows = new Map(this.windows);
    for (const [window, runs] of windows) {
      if (runs.some((one) => one.id === run.id)) {
        windows.set(
          window,
          runs.map((one) => (one.id === run.id ? run : one)),
        );
      }
    }
    this.windows = windows;
  }

  close(): void {
    this.isHeld = false;
    clearTimeout(this.timer);
    for (const controller of this.inFlight.values()) controller.abort();
  }

  private mark(window: number): void {
    this.dirty.add(window);
    // A filter that was refused would be refused again.
    if (this.timer !== undefined || this.isRefused) return;
    const pause = this.error === null ? REFRESH_MS : RETRY_MS;
    const wait = Math.max(0, this.refreshedAt + pause - Date.now());
    this.timer = setTimeout(() => this.refresh(), wait);
  }

  private get isRefused(): boolean {
    return this.error instanceof ApiError && this.error.status >= 400 && this.error.status < 500;
  }

  resume(): void {
    this.paused = false;
    if (this.dirty.size > 0) this.refresh();
  }

  private refresh(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.paused) return;
    this.refreshedAt = Date.now();
    for (const window of [...this.dirty]) {
      // An answer on its way may be older than the change: that window is asked for once more behind it.
      if (this.inFlight.has(window)) continue;
      this.dirty.delete(window);
      void this.load(window);
    }
  }

  private async load(window: number): Promise<void> {
    const generation = this.generation;
    const controller = new AbortController();
    this.inFlight.set(window, controller);
    try {
      const page = await this.fetchRuns(
        this.entity,
        this.project,
        { ...this.computed, filter: this.filter, sort: this.sort, offset: window * WINDOW, limit: WINDOW },
        controller.signal,
      );
      if (generation !== this.generation) return;
      const fresh = this.startsOver && window === 0;
      if (fresh) this.startsOver = false;
      this.take(window, page.runs, fresh);
      this.total = page.total;
      this.unknown = page.unknown ?? [];
      if (!this.isHeld || fresh || !this.loaded) this.matching = page.matching;
      this.error = null;
      this.loaded = true;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.error = error;
      this.refreshedAt = Date.now();
      this.dirty.add(window);
    } finally {
      if (this.inFlight.get(window) === controller) {
        this.inFlight.delete(window);
        if (this.dirty.has(window)) this.mark(window);
      }
    }
  }

  private take(window: number, answer: readonly Run[], fresh: boolean): void {
    const runs = this.edits.size > 0 ? answer.map((run) => this.edited(run)) : answer;
    for (const run of runs) this.byId.set(run.id, run);
    const before = this.windows.get(window);
    if (before === runs) return;
    const windows = fresh ? new Map<number, readonly Run[]>() : new Map(this.windows);
    const inPlace = this.isHeld && !fresh && before !== undefined;
    windows.set(window, inPlace ? before.map((run) => this.byId.get(run.id) ?? run) : runs);
    this.windows = windows;
  }
}
