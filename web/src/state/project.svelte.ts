// Everything the pages of one project share: its runs, metrics, series, and the live stream that keeps them fresh.
import { ApiError } from '../api/client';
import { eventsUrl, getMetrics, postSeries } from '../api/endpoints';
import type { Metric, ProjectChange } from '../api/types';
import { HoverBus } from '../charts/hover-bus';
import { decode, type SeriesData } from '../lib/series';
import { ChangeStream, type LinkState } from '../live/events';
import { strings } from '../strings';
import { RunGroups } from './grouping.svelte';
import { RunList } from './runs.svelte';
import { RunColours } from './run-colours.svelte';
import { Selection } from './selection.svelte';
import { ALL_RUNS, SeriesCache } from './series';
import { ProjectView } from './views.svelte';
import { Visibility } from './visibility.svelte';

const METRICS_REFRESH_MS = 700;
/** A long list of metrics is asked for less often. */
const METRICS_REFRESH_EACH_MS = 2;
/** A tab hidden for longer gives its connection back: a browser has six for a server, and each open tab keeps one. */
const REST_AFTER_MS = 30_000;
/** Parts after which the list of metrics may have grown. Rows are told of before the list of metrics is saved. */
const METRIC_PARTS = new Set(['history', 'system', 'summary', 'config']);
const METRICS_RETRY_MS = 5000;
const ALL_PARTS = ['history', 'system', 'console', 'summary', 'config', 'state'];

export type RunListener = (parts: readonly string[]) => void;
export type ChangeWatcher = (change: ProjectChange) => void;

export class ProjectSession {
  readonly runs: RunList;
  readonly eyes: Visibility;
  readonly groups: RunGroups;
  /** How the person arranged the project's pages. */
  readonly view: ProjectView;
  readonly colours: RunColours;
  readonly series: SeriesCache<SeriesData>;
  metrics = $state.raw<readonly Metric[]>([]);
  /** By `space:path`. */
  readonly metricById: ReadonlyMap<string, Metric> = $derived(
    new Map(this.metrics.map((one) => [`${one.space}:${one.path}`, one])),
  );
  metricsLoaded = $state(false);
  metricsError = $state.raw<unknown>(null);
  link = $state<LinkState>('connecting');
  retryAt = $state<number | null>(null);
  /** The person stopped live updates. */
  stopped = $state(false);
  /** Crosshair and lit run, shared by charts, sidebar and table. */
  readonly bus = new HoverBus();
  /** Runs picked to be compared, tagged, shown. */
  readonly selection = new Selection();
  lit = $state<string | null>(null);
  /** Grows when runs came or went: into the trash, or out of it. */
  moves = $state(0);
  /** Runs that went into the trash while this page was open. */
  gone = $state.raw<ReadonlySet<string>>(new Set());
  private readonly stream: ChangeStream;
  /** While there is no such project: tells when there is. */
  private arrivals: ChangeStream | null = null;
  private readonly versions = new Map<string, number>();
  /** Grows with the version of any run. */
  private newest = 0;
  private readonly listeners = new Map<string, Set<RunListener>>();
  private readonly watchers = new Set<ChangeWatcher>();
  private missed = false;
  private wasLive = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  private metricsTimer: ReturnType<typeof setTimeout> | undefined;
  private metricsAt = 0;
  private metricsAsked = 0;
  private metricsShown = 0;
  private readonly onVisibility = () => this.attend();

  constructor(
    readonly entity: string,
    readonly project: string,
  ) {
    this.view = new ProjectView(entity, project);
    this.runs = new RunList(entity, project);
    this.colours = new RunColours(entity, project, this.view);
    this.eyes = new Visibility(this.runs, `${entity}/${project}`, this.view, this.colours);
    this.groups = new RunGroups(this.view, this.runs, this.eyes, this.colours, strings.runs.noValue);
    this.series = this.seriesOf(null);
    this.stream = new ChangeStream(eventsUrl(`${entity}/${project}`), {
      change: (change) => this.take(change as ProjectChange),
      gap: () => this.gap(),
      state: (state, retryAt) => this.linked(state, retryAt),
    });
    this.bus.subscribe((hover) => (this.lit = hover?.subject ?? null));
    document.addEventListener('visibilitychange', this.onVisibility);
    void this.loadMetrics();
    void this.view.load();
  }

  /** There is no such project, or none this person may see. */
  get isAbsent(): boolean {
    return this.metricsError instanceof ApiError && this.metricsError.status === 404;
  }

  get resting(): boolean {
    return this.stopped || document.hidden;
  }

  /** Grows whenever the run has new points. */
  versionOf(run: string): number {
    return run === ALL_RUNS ? this.newest : (this.versions.get(run) ?? 0);
  }

  /** Series of an attempt (null: the latest of each run); who asks for an earlier one closes it. */
  seriesOf(attempt: number | null): SeriesCache<SeriesData> {
    const which = attempt === null ? {} : { attempt };
    return new SeriesCache<SeriesData>({
      fetch: async (request, signal) =>
        decode(await postSeries(this.entity, this.project, { ...request, ...which }, signal)).series,
      version: (run) => (attempt === null ? this.versionOf(run) : 0),
      isPassing,
    });
  }

  private grow(run: string): void {
    this.versions.set(run, (this.versions.get(run) ?? 0) + 1);
    this.newest += 1;
  }

  toggleLive(): void {
    this.stopped = !this.stopped;
    this.attend();
  }

  retryNow(): void {
    (this.arrivals ?? this.stream).retryNow();
  }

  /** Calls back when the run's parts change. Returns the way to stop. */
  onRun(run: string, listener: RunListener): () => void {
    const set = this.listeners.get(run) ?? new Set();
    this.listeners.set(run, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0) this.listeners.delete(run);
    };
  }

  /** Calls back with every change, and with one of all parts when something may have been missed. */
  onChange(watcher: ChangeWatcher): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.onVisibility);
    clearTimeout(this.metricsTimer);
    clearTimeout(this.restTimer);
    this.stream.close();
    this.arrivals?.close();
    this.runs.close();
    this.groups.close();
    this.view.close();
    this.series.close();
  }

  private take(change: ProjectChange): void {
    const runs = Object.entries(change.runs ?? {});
    let newPoints = change.every?.some(hasPoints) ?? false;
    if (newPoints) this.outdate();
    for (const [id, { parts }] of runs) {
      if (parts.some(hasPoints)) {
        this.grow(id);
        newPoints = true;
      }
    }
    if (this.resting) {
      this.missed = true;
      return;
    }
    for (const [id, { parts }] of runs) for (const listener of this.listeners.get(id) ?? []) listener(parts);
    this.runs.changed(
      runs.map(([id]) => id),
      change.added ?? [],
      change.removed ?? [],
    );
    this.groups.changed(
      runs.map(([id]) => id),
      change.added ?? [],
      change.removed ?? [],
    );
    if (change.added?.length || change.removed?.length) {
      this.moves += 1;
      const gone = new Set([...this.gone, ...(change.removed ?? [])]);
      for (const id of change.added ?? []) gone.delete(id);
      this.gone = gone;
    }
    const every = change.every ?? [];
    if (every.length > 0) this.askAgain(every);
    if (newPoints) this.series.touch();
    if (change.views?.length) this.view.heard(change.views);
    for (const watcher of this.watchers) watcher(change);
    const told = [every, ...runs.map(([, { parts }]) => parts)];
    const mayBeNew = told.some((parts) => parts.some((part) => METRIC_PARTS.has(part)));
    if (mayBeNew || change.added?.length) this.refreshMetrics();
  }

  /** Any run may have changed in these parts, or have come or gone: nobody says which. */
  private askAgain(parts: readonly string[]): void {
    for (const set of this.listeners.values()) for (const listener of set) listener(parts);
    this.moves += 1;
    this.gone = new Set();
    this.runs.lookAgain();
    this.groups.lookAgain();
  }

  private linked(state: LinkState, retryAt: number | null): void {
    this.link = state;
    this.retryAt = retryAt;
  }

  private gap(): void {
    if (this.wasLive) this.outdate();
    this.wasLive = true;
    if (this.resting) this.missed = true;
    else this.catchUp();
  }

  /** Any run drawn may have logged while nobody told. */
  private outdate(): void {
    for (const run of this.eyes.drawn) this.grow(run.id);
  }

  /** Shown again, or switched on again. */
  private attend(): void {
    this.series.pause(this.resting);
    this.runs.paused = this.resting;
    clearTimeout(this.restTimer);
    if (document.hidden) this.restTimer = setTimeout(() => this.stream.close(), REST_AFTER_MS);
    else if (!this.isAbsent) this.stream.retryNow();
    if (this.resting) return;
    if (this.missed) this.catchUp();
    else this.runs.resume();
  }

  /** When nothing is known to be fresh: one look at everything in view. */
  private catchUp(): void {
    this.missed = false;
    const live = this.runs.first(this.eyes.limit).filter((run) => run.state === 'running');
    for (const id of new Set([...live.map((run) => run.id), ...this.listeners.keys()])) {
      this.grow(id);
    }
    this.askAgain(ALL_PARTS);
    for (const watcher of this.watchers) watcher({ runs: {}, added: [], removed: [], every: ALL_PARTS });
    this.runs.resume();
    this.series.retryFailed();
    this.series.touch();
    this.view.heard(null);
    void this.loadMetrics();
  }

  private refreshMetrics(): void {
    const wait = Math.max(
      0,
      this.metricsAt + METRICS_REFRESH_MS + METRICS_REFRESH_EACH_MS * this.metrics.length - Date.now(),
    );
    this.planMetrics(wait);
  }

  private planMetrics(wait: number): void {
    this.metricsTimer ??= setTimeout(() => {
      this.metricsTimer = undefined;
      if (this.resting) this.missed = true;
      else void this.loadMetrics();
    }, wait);
  }

  async loadMetrics(): Promise<void> {
    this.metricsAt = Date.now();
    const asked = ++this.metricsAsked;
    try {
      const metrics = await getMetrics(this.entity, this.project);
      if (asked < this.metricsShown) return; // overtaken by a newer answer
      this.metricsShown = asked;
      if (!sameMetrics(metrics, this.metrics)) this.metrics = metrics;
      this.metricsLoaded = true;
      this.metricsError = null;
      if (this.arrivals) this.arrived();
    } catch (error) {
      this.metricsError = error;
      if (this.isAbsent) this.awaitProject();
      else if (isPassing(error)) this.planMetrics(METRICS_RETRY_MS);
    }
  }

  private awaitProject(): void {
    this.stream.close();
    const name = `${this.entity}/${this.project}`;
    this.arrivals ??= new ChangeStream(eventsUrl(), {
      change: (change) => {
        if (change.projects?.includes(name)) void this.loadMetrics();
      },
      gap: () => void this.loadMetrics(),
      state: (state, retryAt) => this.linked(state, retryAt),
    });
  }

  private arrived(): void {
    this.arrivals?.close();
    this.arrivals = null;
    this.stream.retryNow();
    this.runs.reload();
    void this.view.load();
  }
}

const hasPoints = (part: string) => part === 'history' || part === 'system';

const isPassing = (error: unknown) => error instanceof ApiError && error.unreachable;

/** Whether two lists would be shown alike; a live project's list is fetched often and seldom new. */
function sameMetrics(a: readonly Metric[], b: readonly Metric[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((one, i) => {
    const other = b[i] as Metric;
    return (
      one.path === other.path &&
      one.runs === other.runs &&
      one.hidden === other.hidden &&
      one.step_metric === other.step_metric &&
      one.first_us === other.first_us
    );
  });
}
