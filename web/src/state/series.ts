// Series for panels: cached by what was asked, fetched for what is in view only, many panels in one request.
//
//   panel ── watch(shape, runs) ──► entry (shape) ── run → { series, version }
//                                        ▲
//            one POST per group of panels that lack the same runs of like shapes; aborted when nobody waits for it
//
// A run that logged more has a newer version; its series in view are then asked for again, and only those.
import type { GroupsQuestion, SmoothingQuestion } from '../api/schema';
import type { SeriesRequest, Space } from '../api/types';

/** What one panel shows, apart from the runs. */
export interface SeriesShape {
  space: Space;
  metric: string;
  x: string;
  /** Range of x asked for, or null for all. */
  range: readonly [number, number] | null;
  buckets: number;
  logX: boolean;
  /** One line a group instead of one a run; asked for with `ALL_RUNS` as the only run. */
  groups?: GroupsQuestion | null;
  /** Of the runs of groups, before they are joined. */
  smoothing?: SmoothingQuestion | null;
}

/** Stands for the runs of every group: its version grows with any of theirs. */
export const ALL_RUNS = '*';

export interface SeriesView<S> {
  /** In the order of the asked runs; runs without a point are left out. */
  series: S[];
  /** The shape the series belong to: an older one while a new one is on its way. Null before the first answer. */
  shape: SeriesShape | null;
  loading: boolean;
  error: unknown;
}

export interface SeriesSource<S> {
  fetch(request: SeriesRequest, signal: AbortSignal): Promise<S[]>;
  /** Grows whenever the run has new points. */
  version(run: string): number;
  /** Whether asking once more may help. */
  isPassing?(error: unknown): boolean;
}

interface Held<S> {
  /** One of a run, or none; of `ALL_RUNS` one a group. */
  series: readonly S[];
  version: number;
}

interface Entry<S> {
  shape: SeriesShape;
  byRun: Map<string, Held<S>>;
  askedAt: number;
}

const ENTRIES_MAX = 256;
/** Metrics in one request: small enough for the first charts to come early. */
const BATCH_MAX = 12;
/** A live panel asks at most this often. */
const REFRESH_MS = 600;
/** After a failure that may pass. */
const RETRY_MS = 5000;
/** Panels of thousands of lines take their answers one by one, and keys and pointers are answered between them. */
const SLICE_MS = 10;

const nextTask = () => new Promise<void>((resolve) => setTimeout(resolve));

const likeKey = (s: SeriesShape) =>
  `${s.space}|${s.x}|${s.range ? s.range.join('..') : ''}|${s.buckets}|${s.logX ? 'log' : ''}` +
  (s.groups ? `|${JSON.stringify([s.groups, s.smoothing ?? null])}` : '') +
  // What is computed is asked for by itself: one that cannot be read must not take others with it.
  (s.metric.startsWith('=') ? `|${s.metric}` : '');
const shapeKey = (s: SeriesShape) => `${s.metric}|${likeKey(s)}`;

export class SeriesCache<S extends { metric: string; run: string }> {
  private readonly entries = new Map<string, Entry<S>>();
  private readonly watches = new Set<Watch<S>>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;
  private paused = false;

  constructor(private readonly source: SeriesSource<S>) {}

  watch(deliver: (view: SeriesView<S>) => void): Watch<S> {
    const watch = new Watch(this, deliver);
    this.watches.add(watch);
    return watch;
  }

  /** Something may be stale: looks again at every panel in view. */
  touch(): void {
    this.plan(0);
  }

  /** A hidden tab asks for nothing; it catches up when shown again. */
  pause(paused: boolean): void {
    this.paused = paused;
    if (!paused) this.plan(0);
  }

  /** The server is back: panels that failed ask again. */
  retryFailed(): void {
    for (const watch of this.watches) if (watch.failed) watch.retry();
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.retryTimer);
    for (const watch of [...this.watches]) watch.close();
  }

  /** @internal */
  entry(shape: SeriesShape): Entry<S> {
    const key = shapeKey(shape);
    const known = this.entries.get(key);
    const entry = known ?? { shape, byRun: new Map<string, Held<S>>(), askedAt: 0 };
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > ENTRIES_MAX) this.evict();
    return entry;
  }

  private evict(): void {
    const held = new Set([...this.watches].map((watch) => watch.entry));
    for (const [key, entry] of this.entries) {
      if (this.entries.size <= ENTRIES_MAX) return;
      if (!held.has(entry)) this.entries.delete(key);
    }
  }

  /** @internal */
  forget(watch: Watch<S>): void {
    this.watches.delete(watch);
  }

  /** @internal Panels mount one by one in a frame; waiting a moment makes them one request. */
  plan(delay: number): void {
    const at = Date.now() + delay;
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => this.flush(), delay);
  }

  private flush(): void {
    this.timerAt = Infinity;
    if (this.paused) return;
    const now = Date.now();
    const groups = new Map<string, { runs: string[]; watches: Watch<S>[] }>();
    let wait = Infinity;
    for (const watch of this.watches) {
      if (!watch.idle || watch.entry === null) continue;
      const lacking = watch.lacking((run) => this.source.version(run));
      if (lacking.runs.length === 0) continue;
      const due = lacking.fresh ? 0 : watch.entry.askedAt + REFRESH_MS - now;
      if (due > 0) {
        wait = Math.min(wait, due);
        continue;
      }
      const key = `${likeKey(watch.entry.shape)}|${lacking.runs.join(',')}`;
      const group = groups.get(key) ?? { runs: lacking.runs, watches: [] };
      group.watches.push(watch);
      groups.set(key, group);
    }
    for (const group of groups.values()) this.request(group.runs, group.watches);
    if (wait < Infinity) this.plan(wait);
  }

  private request(runs: string[], watches: Watch<S>[]): void {
    const byMetric = new Map<string, Watch<S>[]>();
    for (const watch of watches) {
      const metric = (watch.entry as Entry<S>).shape.metric;
      byMetric.set(metric, [...(byMetric.get(metric) ?? []), watch]);
    }
    const metrics = [...byMetric.keys()];
    for (let start = 0; start < metrics.length; start += BATCH_MAX) {
      const batch = metrics.slice(start, start + BATCH_MAX);
      void this.send(
        batch,
        runs,
        batch.flatMap((metric) => byMetric.get(metric) ?? []),
      );
    }
  }

  private retryLater(): void {
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = undefined;
      this.retryFailed();
    }, RETRY_MS);
  }

  private async send(metrics: string[], runs: string[], watches: Watch<S>[]): Promise<void> {
    const entries = new Set(watches.map((watch) => watch.entry as Entry<S>));
    const shape = ([...entries][0] as Entry<S>).shape;
    // Taken before the request: a point logged while it is under way is asked for once more.
    const versions = new Map(runs.map((run) => [run, this.source.version(run)]));
    const request = new PendingRequest(watches);
    for (const watch of watches) watch.begin(request);
    for (const entry of entries) entry.askedAt = Date.now();
    let error: unknown = null;
    try {
      const series = await this.source.fetch(
        {
          space: shape.space,
          metrics,
          runs: shape.groups ? [] : runs,
          ...(shape.groups ? { groups: shape.groups, smoothing: shape.smoothing ?? null } : {}),
          x: shape.x,
          x_min: shape.range?.[0] ?? null,
          x_max: shape.range?.[1] ?? null,
          buckets: shape.buckets,
          log_x: shape.logX,
        },
        request.signal,
      );
      const found = new Map<string, S[]>();
      for (const one of series) {
        const key = `${one.metric}|${shape.groups ? ALL_RUNS : one.run}`;
        const known = found.get(key);
        if (known) known.push(one);
        else found.set(key, [one]);
      }
      for (const entry of entries) {
        for (const run of runs) {
          const held = found.get(`${entry.shape.metric}|${run}`) ?? [];
          entry.byRun.set(run, { series: held, version: versions.get(run) as number });
        }
      }
    } catch (caught) {
      if (request.signal.aborted) return;
      error = caught;
      if (this.source.isPassing?.(caught)) this.retryLater();
    }
    let began = performance.now();
    for (const watch of watches) {
      watch.settle(request, error);
      // What a panel makes of its answer is made behind this.
      await Promise.resolve();
      if (performance.now() - began < SLICE_MS) continue;
      await nextTask();
      began = performance.now();
    }
    this.plan(0);
  }
}

class PendingRequest<S extends { metric: string; run: string }> {
  private readonly controller = new AbortController();
  private readonly waiting: Set<Watch<S>>;

  constructor(watches: Watch<S>[]) {
    this.waiting = new Set(watches);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  leave(watch: Watch<S>): void {
    this.waiting.delete(watch);
    if (this.waiting.size === 0) this.controller.abort();
  }
}

/** One panel's standing question. */
export class Watch<S extends { metric: string; run: string }> {
  /** @internal */
  entry: Entry<S> | null = null;
  private runs: readonly string[] = [];
  private pending: PendingRequest<S> | null = null;
  private shown: Entry<S> | null = null;
  private error: unknown = null;

  constructor(
    private readonly cache: SeriesCache<S>,
    private readonly deliver: (view: SeriesView<S>) => void,
  ) {}

  /** Asks for these runs in this shape; answers come through `deliver`, at once for what is already held. */
  ask(shape: SeriesShape, runs: readonly string[]): void {
    const entry = this.cache.entry(shape);
    const moved = entry !== this.entry;
    this.entry = entry;
    this.runs = runs;
    this.error = null;
    if (moved) this.drop();
    this.show();
    this.cache.plan(moved ? 12 : 0);
  }

  retry(): void {
    this.error = null;
    this.show();
    this.cache.plan(0);
  }

  close(): void {
    this.drop();
    this.cache.forget(this);
  }

  private drop(): void {
    const pending = this.pending;
    this.pending = null;
    pending?.leave(this);
  }

  /** @internal */
  get idle(): boolean {
    return this.pending === null && this.error === null;
  }

  get failed(): boolean {
    return this.error !== null;
  }

  /** @internal Runs to ask for: those never asked for first (`fresh`), else those with newer points. */
  lacking(version: (run: string) => number): { runs: string[]; fresh: boolean } {
    const entry = this.entry as Entry<S>;
    const fresh = this.runs.filter((run) => !entry.byRun.has(run));
    if (fresh.length) return { runs: fresh, fresh: true };
    return {
      runs: this.runs.filter((run) => (entry.byRun.get(run) as Held<S>).version < version(run)),
      fresh: false,
    };
  }

  /** @internal */
  begin(request: PendingRequest<S>): void {
    this.pending = request;
    this.show();
  }

  /** @internal */
  settle(request: PendingRequest<S>, error: unknown): void {
    if (this.pending !== request) return;
    this.pending = null;
    this.error = error;
    this.show();
  }

  private show(): void {
    const entry = this.entry as Entry<S>;
    const answered = this.runs.filter((run) => entry.byRun.has(run));
    // An old drawing stays until the new shape has an answer for every run: never a blank, never a half picture.
    if (answered.length === this.runs.length || this.shown === null || this.shown === entry) this.shown = entry;
    const shown = this.shown;
    const series: S[] = [];
    for (const run of this.runs) {
      series.push(...(shown.byRun.get(run)?.series ?? []));
    }
    const complete = shown === entry && answered.length === this.runs.length;
    const nothingYet = shown.byRun.size === 0 && this.runs.length > 0;
    this.deliver({
      series,
      shape: nothingYet ? null : shown.shape,
      loading: !complete && this.error === null,
      error: this.error,
    });
  }
}
