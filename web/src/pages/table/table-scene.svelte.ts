// What the parts of the runs table share: its columns and how they stand, the baseline, lines for sparkline cells.
import { untrack } from 'svelte';
import { getFields, postSeries } from '../../api/endpoints';
import type { Field, Run } from '../../api/types';
import { decode } from '../../lib/series';
import { sparkPath } from '../../lib/spark';
import { clock } from '../../state/clock.svelte';
import { readPref, writePref } from '../../state/prefs';
import type { ProjectSession } from '../../state/project.svelte';
import { router } from '../../state/router.svelte';
import { clicked, parseSort, sortText, type SortKey } from '../../state/sorting';
import { toasts } from '../../state/toasts.svelte';
import type { ViewDoc } from '../../state/view-doc';
import type { EditOptions, ProjectView } from '../../state/views.svelte';
import {
  allColumns,
  automaticColumns,
  columnOf,
  fittingWidth,
  isStored,
  listFields,
  movedBefore,
  WIDTH_MAX,
  WIDTH_MIN,
} from './columns';
import type { Column } from './columns';
import { headerRows, shownColumns, type ShownColumn } from './header-tree';

export type Density = 'compact' | 'normal' | 'comfortable';
export const ROW_HEIGHTS: Record<Density, number> = { compact: 24, normal: 28, comfortable: 36 };
export const TITLE_HEIGHT = 24;
export const LABEL_HEIGHT = 28;

const NAME_WIDTH = 272;
const GROUPED_NAME_WIDTH = 340;
/** Room for a mean with its deviation. */
const GROUPED_NUMBER_WIDTH = 160;
/** Room for a difference to the baseline behind a number. */
const DIFFERENCE_WIDTH = 72;
const FOLDED_WIDTH = 140;
/** Rows that the automatic choice looks at, and fewer for the widths; a live value does not move the columns. */
export const SAMPLE_MAX = 200;
const MEASURED_MAX = 50;
export const SPARK = { width: 80, height: 18 };
const SPARK_BUCKETS = 40;
const SPARK_WAIT_MS = 120;
const NAME = 'name';

/** Where it is kept how the table stands. */
export interface TableKeeper {
  readonly table: ViewDoc['table'];
  /** The order where the address names none. */
  readonly sort: string;
  /** Columns where nobody chose any; null: those of most runs tables. */
  readonly automatic: readonly string[] | null;
  change(table: Partial<ViewDoc['table']>, options?: EditOptions): void;
}

const inView = (view: ProjectView): TableKeeper => ({
  get table() {
    return view.table;
  },
  sort: '',
  automatic: null,
  change: (table, options) => view.change({ table }, options),
});

export class TableScene {
  fields = $state.raw<readonly Field[]>([]);
  fieldsAnswered = $state(false);
  folded: ReadonlySet<string> = $state.raw(new Set());
  private sample = $state.raw<readonly Run[]>([]);
  /** Widths while a border is dragged. */
  private dragged: Readonly<Record<string, number>> = $state.raw({});
  private sparks = $state.raw<ReadonlyMap<string, string>>(new Map());
  private sparkVersions = new Map<string, number>();
  private sparkTimer: ReturnType<typeof setTimeout> | undefined;
  private sparkRuns: readonly Run[] = [];
  private readonly foldPref: string;

  constructor(
    readonly session: ProjectSession,
    private readonly keeper: TableKeeper = inView(session.view),
  ) {
    this.foldPref = `folded.${session.entity}/${session.project}`;
    this.folded = new Set(readPref<string[]>(this.foldPref, []));
  }

  get table() {
    return this.keeper.table;
  }

  readonly metrics = $derived.by(() => new Map(this.session.metrics.map((metric) => [metric.path, metric])));
  readonly all: readonly Column[] = $derived.by(() => {
    const known = new Set(this.fields.map(({ path }) => path));
    const lists = listFields(this.sample).filter(({ path }) => !known.has(path));
    const fields =
      lists.length > 0 ? [...this.fields, ...lists].sort((a, b) => (a.path < b.path ? -1 : 1)) : this.fields;
    return allColumns(fields, this.metrics);
  });
  private readonly byPath = $derived.by(() => new Map(this.all.map((column) => [column.path, column])));
  readonly automatic: readonly string[] = $derived.by(
    () => this.keeper.automatic ?? automaticColumns(this.all, this.sample),
  );
  readonly paths: readonly string[] = $derived.by(() => this.table.columns ?? this.automatic);
  readonly columns: readonly Column[] = $derived.by(() =>
    this.paths
      .map((path) => this.byPath.get(path) ?? columnOf(path, '', this.metrics))
      .filter((column): column is Column => column !== null),
  );
  readonly shown: readonly ShownColumn[] = $derived.by(() =>
    shownColumns(this.columns, new Set(this.table.pinned), this.folded),
  );
  readonly titles = $derived.by(() => headerRows(this.shown));
  readonly headHeight: number = $derived.by(() => this.titles.length * TITLE_HEIGHT + LABEL_HEIGHT);
  readonly density: Density = $derived.by(() => this.table.density ?? 'normal');
  readonly rowHeight: number = $derived.by(() => ROW_HEIGHTS[this.density]);
  readonly sort: readonly SortKey[] = $derived.by(() => parseSort(router.query.get('sort') ?? this.keeper.sort));
  readonly baseline: Run | null = $derived.by(() => {
    const { baseline } = this.session.view;
    return baseline === null ? null : (this.session.runs.known(baseline) ?? null);
  });
  private readonly fitted = $derived.by(() => {
    const now = untrack(() => clock.now);
    const rows = this.sample.slice(0, MEASURED_MAX);
    return new Map(this.columns.map((column) => [column.path, fittingWidth(column, rows, now)]));
  });
  readonly nameWidth: number = $derived.by(
    () => this.dragged[NAME] ?? this.table.widths[NAME] ?? (this.session.groups.isOn ? GROUPED_NAME_WIDTH : NAME_WIDTH),
  );
  readonly widths: readonly number[] = $derived.by(() => this.shown.map((one) => this.widthOf(one)));
  readonly totalWidth: number = $derived.by(() => this.widths.reduce((sum, width) => sum + width, this.nameWidth));
  /** Columns of the grid that every row is. */
  readonly template: string = $derived.by(() => `${this.nameWidth}px ${this.widths.map((w) => `${w}px`).join(' ')}`);
  /** How far from the left a pinned column sticks; null for the others. */
  readonly lefts: readonly (number | null)[] = $derived.by(() => {
    let left = this.nameWidth;
    return this.shown.map(({ isPinned }, at) => {
      if (!isPinned) return null;
      const own = left;
      left += this.widths[at] as number;
      return own;
    });
  });
  /** Paths whose numbers the server sums up in groups. */
  readonly summed: readonly string[] = $derived.by(() =>
    this.columns
      .filter((column) => column.number && isStored(column))
      .map(({ path }) => path)
      .slice(0, 50),
  );
  /** Metrics whose values at rows the server is asked for with the list. */
  readonly computed: readonly string[] = $derived.by(() =>
    this.columns.filter(({ group }) => group === 'metric').map(({ path }) => path),
  );

  loadFields(): void {
    getFields(this.session.entity, this.session.project)
      .then(
        (list) => (this.fields = list),
        (error: unknown) => toasts.error(error),
      )
      .finally(() => (this.fieldsAnswered = true));
  }

  /** Takes the rows to look at, when there are others. Called by an effect. */
  lookAtRuns(): void {
    const { runs } = this.session;
    if (!runs.loaded) return;
    const size = Math.min(SAMPLE_MAX, runs.matching);
    // Not seen by the effect: what it sets is a new list every time, also where no run matches.
    untrack(() => {
      if (this.sample.length === 0 || Math.abs(this.sample.length - size) > 5) this.sample = runs.first(SAMPLE_MAX);
    });
  }

  private widthOf({ column, foldKey }: ShownColumn): number {
    if (foldKey !== null) return FOLDED_WIDTH;
    const chosen = this.dragged[column.path] ?? this.table.widths[column.path];
    if (chosen !== undefined) return chosen;
    const fitting = this.fitted.get(column.path) ?? 100;
    if (!column.number || column.group === 'run') return fitting;
    const grouped = this.session.groups.isOn ? Math.max(GROUPED_NUMBER_WIDTH, fitting) : fitting;
    return this.baseline && column.group !== 'config' ? grouped + DIFFERENCE_WIDTH : grouped;
  }

  width(path: string): number {
    if (path === NAME) return this.nameWidth;
    return this.widths[this.shown.findIndex(({ column }) => column.path === path)] ?? 100;
  }

  // ── what a person changes ──

  choose(columns: readonly string[] | null): void {
    this.keeper.change({ columns });
  }

  /** Shows or hides a column. A new one stands behind its like: others of the metric, or what shares its outer keys. */
  toggle(path: string): void {
    if (this.paths.includes(path)) return this.hide(path);
    const column = this.byPath.get(path) ?? columnOf(path, '', this.metrics);
    const outer = (one: Column) => one.keys.slice(0, -1).join('\n');
    const isLike = (one: Column) =>
      (column?.metric !== undefined && one.metric === column.metric) ||
      (column !== null && column.keys.length > 1 && one.group === column.group && outer(one) === outer(column));
    const like = this.columns.findLast(isLike);
    const at = like ? this.paths.indexOf(like.path) + 1 : this.paths.length;
    this.choose([...this.paths.slice(0, at), path, ...this.paths.slice(at)]);
  }

  hide(path: string): void {
    this.choose(this.paths.filter((one) => one !== path));
  }

  pin(path: string): void {
    const { pinned } = this.table;
    this.keeper.change({ pinned: pinned.includes(path) ? pinned.filter((one) => one !== path) : [...pinned, path] });
  }

  isPinned(path: string): boolean {
    return this.table.pinned.includes(path);
  }

  setDensity(density: Density): void {
    this.keeper.change({ density });
  }

  drag(path: string, width: number): void {
    this.dragged = { [path]: clampWidth(width) };
  }

  drop(): void {
    const widths = { ...this.table.widths, ...this.dragged };
    this.keeper.change({ widths }, { as: 'width' });
    this.dragged = {};
  }

  resize(path: string, width: number): void {
    this.drag(path, width);
    this.drop();
  }

  /** As wide as what is in it. */
  fit(path: string): void {
    const column = this.columns.find((one) => one.path === path);
    const loaded = this.session.runs.first(200);
    if (column) this.resize(path, fittingWidth(column, loaded.length > 0 ? loaded : this.sample, clock.now, true));
    else if (path === NAME) {
      const { [NAME]: _, ...widths } = this.table.widths;
      this.keeper.change({ widths });
    }
  }

  /** Moves what stands at a place of the header, one column or those of a title, before another place. */
  moveBefore(paths: readonly string[], before: string | null): void {
    if (before !== null && paths.includes(before)) return;
    let next: readonly string[] = this.shown.flatMap((one) =>
      one.foldKey === null ? [one.column.path] : one.folded.map(({ path }) => path),
    );
    for (const path of paths) next = movedBefore(next, path, before);
    this.choose(next);
  }

  moveBy(path: string, by: 1 | -1): void {
    const at = this.shown.findIndex(({ column }) => column.path === path);
    const own = this.shown[at];
    const target = this.shown[by < 0 ? at - 1 : at + 2];
    const neighbour = this.shown[at + by];
    if (!own || neighbour?.isPinned !== own.isPinned) return;
    this.moveBefore([path], target?.column.path ?? null);
  }

  fold(key: string): void {
    const next = new Set(this.folded);
    if (!next.delete(key)) next.add(key);
    this.folded = next;
    writePref(this.foldPref, [...next]);
  }

  sortBy(path: string, add: boolean): void {
    router.setQuery({ sort: sortText(clicked(this.sort, path, add)) || null });
  }

  sortAs(path: string, descending: boolean | null, add: boolean): void {
    const others = add ? this.sort.filter((key) => key.path !== path) : [];
    const next = descending === null ? this.sort.filter((key) => key.path !== path) : [...others, { path, descending }];
    router.setQuery({ sort: sortText(next) || null });
  }

  // ── sparklines ──

  /** The line of a metric of a run as an SVG path; '' where nothing was logged, undefined while it is on its way. */
  spark(metric: string, run: Run): string | undefined {
    return this.sparks.get(`${metric}\n${run.id}`);
  }

  /** Asks for the lines of the rows in view, all metrics and runs in one request. */
  wantSparks(runs: readonly Run[]): void {
    this.sparkRuns = runs;
    if (!this.columns.some(({ group }) => group === 'spark')) return;
    this.sparkTimer ??= setTimeout(() => {
      this.sparkTimer = undefined;
      void this.loadSparks();
    }, SPARK_WAIT_MS);
  }

  private async loadSparks(): Promise<void> {
    const metrics = this.columns.filter(({ group }) => group === 'spark').map(({ metric }) => metric as string);
    const version = (run: Run) => (run.state === 'running' ? run.rows : -1);
    const runs = this.sparkRuns.filter((run) =>
      metrics.some((metric) => this.sparkVersions.get(`${metric}\n${run.id}`) !== version(run)),
    );
    if (runs.length === 0) return;
    for (const run of runs) for (const metric of metrics) this.sparkVersions.set(`${metric}\n${run.id}`, version(run));
    const request = {
      space: 'history' as const,
      metrics,
      runs: runs.map(({ id }) => id),
      x: '_step',
      x_min: null,
      x_max: null,
      buckets: SPARK_BUCKETS,
      log_x: false,
    };
    try {
      const { series } = decode(await postSeries(this.session.entity, this.session.project, request));
      const next = new Map(this.sparks);
      for (const run of runs) for (const metric of metrics) next.set(`${metric}\n${run.id}`, '');
      for (const one of series) next.set(`${one.metric}\n${one.run}`, sparkPath(one, SPARK.width, SPARK.height));
      this.sparks = next;
    } catch {
      for (const run of runs) for (const metric of metrics) this.sparkVersions.delete(`${metric}\n${run.id}`);
    }
  }

  close(): void {
    clearTimeout(this.sparkTimer);
  }
}

const clampWidth = (width: number) => Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width)));
