// The view of a project: how a person arranged its pages. One document is the truth for workspace, table, sidebar and run
// page; it never changes in place, so that undoing is going back to an older one.
//
//   session.view.doc                                   what is shown now (reactive; see `view-doc.ts`)
//   session.view.pins, .baseline, .colours, .table     parts of it that many read
//   session.view.change({ runs: { baseline: id } })    changes parts: `charts`, `runs` and `table` by key, the rest as a whole
//   session.view.edit((doc) => ({ ...doc, … }))        any change; the document that comes back is the next one
//   session.view.undo(), .redo()                       also Ctrl+Z and Ctrl+Shift+Z
//
// Where it comes from, in this order: what the address names (`?view=`, `#d=`), the person's own default, their `mine`, the
// project's default, the automatic layout. Keeping it (saving, the address, other tabs) is the work of `view-keeper`,
// which loads when there is something to keep.
import { untrack } from 'svelte';
import { ApiError } from '../api/client';
import { getView, listViews, MINE, type OpenedView, type SavedView } from '../api/views';
import { router } from './router.svelte';
import { History } from './undo';
import { EMPTY_VIEW, readDoc, type ViewDoc } from './view-doc';
import type { ViewKeeper } from './view-keeper.svelte';
import { same } from './view-patch';

/** Parts to change; `charts`, `runs` and `table` are merged by key. */
export type ViewPatch = Partial<Omit<ViewDoc, 'charts' | 'runs' | 'table'>> & {
  charts?: Partial<ViewDoc['charts']>;
  runs?: Partial<ViewDoc['runs']>;
  table?: Partial<ViewDoc['table']>;
};

export interface EditOptions {
  /** Edits of one name in quick succession are undone as one: a slider's way, a word being typed. */
  as?: string;
}

/**
 * What is looked at: the person's own view, which keeps itself; a saved one, which somebody saves; what a link says, which
 * is nobody's until somebody keeps it.
 */
export type ViewSource =
  { kind: 'mine'; version: number } | { kind: 'saved'; view: SavedView; version: number } | { kind: 'link' };

/** How it stands with keeping: `waiting` for a server that is away, `refused` by it. */
export type Keeping = 'kept' | 'saving' | 'waiting' | 'refused';

export function patched(doc: ViewDoc, { charts, runs, table, ...rest }: ViewPatch): ViewDoc {
  return {
    ...doc,
    ...rest,
    charts: charts ? { ...doc.charts, ...charts } : doc.charts,
    runs: runs ? { ...doc.runs, ...runs } : doc.runs,
    table: table ? { ...doc.table, ...table } : doc.table,
  };
}

export class ProjectView {
  private history = $state.raw(new History<ViewDoc>(EMPTY_VIEW));
  /** Parts are objects of their own, kept by every change that leaves them alone: who reads a part follows it alone. */
  readonly doc: ViewDoc = $derived(this.history.now);
  readonly runs: ViewDoc['runs'] = $derived(this.doc.runs);
  readonly table: ViewDoc['table'] = $derived(this.doc.table);
  readonly pins: readonly string[] = $derived(this.doc.runs.pins);
  readonly baseline: string | null = $derived(this.doc.runs.baseline);
  readonly colours: ViewDoc['runs']['colours'] = $derived(this.doc.runs.colours);
  readonly canUndo: boolean = $derived(this.history.canUndo);
  readonly canRedo: boolean = $derived(this.history.canRedo);

  /** It is known what to show. */
  loaded = $state(false);
  source: ViewSource = $state.raw({ kind: 'mine', version: 0 });
  /** As it was opened or saved last; for `mine`, as the server has it. */
  saved: ViewDoc = $state.raw(EMPTY_VIEW);
  /** The person changed something since it was opened or saved. */
  touched = $state(false);
  readonly edited: boolean = $derived(this.touched && !same(this.doc, this.saved));
  /** Grows with each view that was opened. */
  opened = $state(0);
  /** It was opened for what the address says: its query parameters then count too. */
  byAddress = false;
  list: readonly SavedView[] = $state.raw([]);
  keeping: Keeping = $state('kept');
  /** Somebody saved the view in sight while the person changed it. */
  newer: OpenedView | null = $state.raw(null);
  private keeper: Promise<ViewKeeper> | null = null;
  private isClosed = false;

  constructor(
    readonly entity: string,
    readonly project: string,
  ) {}

  change(patch: ViewPatch, options: EditOptions = {}): void {
    this.edit((doc) => patched(doc, patch), options);
  }

  edit(recipe: (doc: ViewDoc) => ViewDoc, options: EditOptions = {}): void {
    untrack(() => {
      const next = recipe(this.doc);
      if (next !== this.doc) this.step(this.history.did(next, options.as ?? null, Date.now()));
    });
  }

  undo(): void {
    untrack(() => this.step(this.history.undone()));
  }

  redo(): void {
    untrack(() => this.step(this.history.redone()));
  }

  /** Something was saved while this was being loaded: what was asked for may be older. */
  private missed = false;

  private step(history: History<ViewDoc>): void {
    if (history === this.history) return;
    this.history = history;
    this.touched = true;
  }

  /** Shows a document that nobody changed here; there is nothing to undo then. */
  adopt(doc: ViewDoc): void {
    if (doc !== this.doc) this.history = new History(doc);
  }

  /** Looks at another view: `shown` where the address says more than what is saved. */
  open(source: ViewSource, saved: ViewDoc, shown: ViewDoc = saved, byAddress = false): void {
    this.byAddress = byAddress;
    this.source = source;
    this.saved = saved;
    this.newer = null;
    this.keeping = 'kept';
    this.history = new History(shown);
    this.touched = shown !== saved;
    this.opened += 1;
  }

  openSaved(opened: OpenedView, byAddress = false): void {
    const { doc, ...view } = opened;
    const source: ViewSource =
      view.slug === MINE ? { kind: 'mine', version: opened.version } : { kind: 'saved', view, version: opened.version };
    const from = readDoc(doc);
    this.open(source, from, from, byAddress);
  }

  async load(): Promise<void> {
    try {
      this.list = await listViews(this.entity, this.project);
      if (addressNamesView()) await (await this.keep()).openAddress();
      else await this.openUsual();
    } catch (error) {
      // Without an answer the automatic layout is shown; edits are joined with what is saved when the server is back.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      this.loaded = true;
    }
    if (this.isClosed) return;
    const keeper = this.keep();
    if (this.missed) void keeper.then((one) => one.heard(null));
  }

  /** What one sees without a word in the address. */
  async openUsual(): Promise<void> {
    const { list } = this;
    const usual =
      list.find((one) => one.default && !one.shared) ??
      list.find((one) => one.slug === MINE) ??
      list.find((one) => one.default);
    if (!usual) return this.open({ kind: 'mine', version: 0 }, EMPTY_VIEW);
    const opened = await getView(this.entity, this.project, usual.slug);
    // The project's default is what an own view begins with; only changes make it one's own.
    if (usual.shared) this.open({ kind: 'mine', version: 0 }, readDoc(opened.doc));
    else this.openSaved(opened);
  }

  /** The part that saves. */
  keep(): Promise<ViewKeeper> {
    this.keeper ??= import('./view-keeper.svelte').then(
      ({ ViewKeeper }) => {
        const keeper = new ViewKeeper(this);
        if (this.isClosed) keeper.close();
        return keeper;
      },
      (error: unknown) => {
        this.keeper = null;
        throw error;
      },
    );
    return this.keeper;
  }

  /** The server told that these views changed; null: any may have. */
  heard(slugs: readonly string[] | null): void {
    if (this.keeper === null) this.missed = true;
    else void this.keeper.then((keeper) => keeper.heard(slugs));
  }

  close(): void {
    this.isClosed = true;
    void this.keeper?.then((keeper) => keeper.close());
  }
}

/** Noted beside an address that this tab wrote for the person's own view: a reload then opens that view, not a copy of it. */
export const OWN = 'own';

export function addressNamesView(): boolean {
  if (router.note === OWN) return false;
  return router.query.has('view') || new URLSearchParams(router.hash.slice(1)).has('d');
}
