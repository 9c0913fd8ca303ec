// The view of a project: how a person arranged its pages. One document is the truth for workspace, table, sidebar and run
// page; it never changes in place, so that undoing is going back to an older one.
//
//   session.view.doc                                   what is shown now (reactive; see `view-doc.ts`)
//   session.view.pins, .baseline, .colours, .table     parts of it that many read
//   session.view.change({ runs: { baseline: id } })    changes parts: `charts`, `runs` and `table` by key, the rest as a whole
//   session.view.edit((doc) => ({ ...doc, … }))        any change; the document that comes back is the next one
//   session.view.undo(), .redo()                       also Ctrl+Z and Ctrl+Shift+Z
import { untrack } from 'svelte';
import { History } from './undo';
import { EMPTY_VIEW, type ViewDoc } from './view-doc';

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

  change(patch: ViewPatch, options: EditOptions = {}): void {
    this.edit((doc) => patched(doc, patch), options);
  }

  edit(recipe: (doc: ViewDoc) => ViewDoc, options: EditOptions = {}): void {
    untrack(() => {
      const next = recipe(this.doc);
      if (next !== this.doc) this.history = this.history.did(next, options.as ?? null, Date.now());
    });
  }

  undo(): void {
    untrack(() => (this.history = this.history.undone()));
  }

  redo(): void {
    untrack(() => (this.history = this.history.redone()));
  }
}
