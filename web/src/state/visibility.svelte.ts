// Which runs have their eye open: the first hundred of the list, less those hidden, plus those opened by hand.
import type { Run } from '../api/types';
import { readPref, writePref } from './prefs';
import type { RunColours } from './run-colours.svelte';
import type { RunList } from './runs.svelte';
import type { ProjectView } from './views.svelte';

export const SHOWN_DEFAULT = 100;
const SHOWN_STEP = 100;

interface Stored {
  hidden: string[];
  opened: string[];
}

export class Visibility {
  limit = $state(SHOWN_DEFAULT);
  private hidden = $state.raw<ReadonlySet<string>>(new Set());
  private opened = $state.raw<ReadonlySet<string>>(new Set());
  private readonly pref: string;
  private lastDrawn: Run[] = [];
  private readonly tinted = new WeakMap<Run, Run>();

  /** Runs to draw, in list order. */
  readonly drawn: readonly Run[] = $derived.by(() => this.collect());
  /** As `drawn`, changing only when a line's identity, name or colour does, not with each logged row. */
  readonly lines: readonly Run[] = $derived.by(() => this.stable(this.drawn));

  constructor(
    private readonly list: RunList,
    project: string,
    /** Its pinned runs and its baseline are drawn wherever they stand in the list. */
    private readonly view: ProjectView,
    private readonly colours: RunColours,
  ) {
    this.pref = `eyes.${project}`;
    const stored = readPref<Stored>(this.pref, { hidden: [], opened: [] });
    this.hidden = new Set(stored.hidden);
    this.opened = new Set(stored.opened);
  }

  /** Hidden by hand. */
  isHidden(id: string): boolean {
    return this.hidden.has(id);
  }

  get hiddenIds(): readonly string[] {
    return [...this.hidden].sort();
  }

  isOpen(run: Run, index: number): boolean {
    return (
      this.opened.has(run.id) ||
      (this.isKept(run.id) && !this.hidden.has(run.id)) ||
      (index < this.limit && !this.hidden.has(run.id))
    );
  }

  toggle(run: Run, index: number): void {
    const open = this.isOpen(run, index);
    this.set(
      open ? adding(this.hidden, run.id) : without(this.hidden, run.id),
      open || index < this.limit || this.isKept(run.id) ? without(this.opened, run.id) : adding(this.opened, run.id),
    );
  }

  /** Hides every run but this one; a second time shows all again. */
  solo(run: Run): void {
    const alone = this.drawn.length === 1 && this.drawn[0]?.id === run.id;
    if (alone) return this.showAll();
    const others = this.list.first(this.limit).filter((one) => one.id !== run.id);
    this.set(new Set(others.map((one) => one.id)), new Set([run.id]));
  }

  /** Shows or hides several runs at once: those of a group, or the picked ones. */
  setAll(runs: readonly { run: Run; index: number }[], open: boolean): void {
    const [hidden, opened] = [new Set(this.hidden), new Set(this.opened)];
    for (const { run, index } of runs) {
      if (open) hidden.delete(run.id);
      else hidden.add(run.id);
      if (open && index >= this.limit) opened.add(run.id);
      else opened.delete(run.id);
    }
    this.set(hidden, opened);
  }

  /** Hides these, and shows that one. */
  hideIds(ids: readonly string[], shown: string): void {
    this.set(without(new Set([...this.hidden, ...ids]), shown), without(this.opened, shown));
  }

  /** Shows these runs and no others. */
  only(ids: ReadonlySet<string>): void {
    const others = this.list.first(this.limit).filter((run) => !ids.has(run.id));
    this.set(new Set(others.map((run) => run.id)), new Set(ids));
  }

  showAll(): void {
    this.set(new Set(), new Set());
  }

  hideAll(): void {
    this.set(new Set(this.list.first(this.limit).map((run) => run.id)), new Set());
  }

  get hiddenCount(): number {
    return (
      Math.min(this.limit, this.list.matching) -
      this.list.first(this.limit).filter((run) => !this.hidden.has(run.id)).length
    );
  }

  more(): void {
    this.limit += SHOWN_STEP;
    this.list.ensure(0, this.limit - 1);
  }

  private set(hidden: ReadonlySet<string>, opened: ReadonlySet<string>): void {
    this.hidden = hidden;
    this.opened = opened;
    writePref(this.pref, { hidden: [...hidden], opened: [...opened] } satisfies Stored);
  }

  private isKept(id: string): boolean {
    return this.view.baseline === id || this.view.pins.includes(id);
  }

  /** Baseline and pinned runs first, once each. */
  get kept(): readonly string[] {
    const { baseline, pins } = this.view;
    return baseline === null ? pins : [baseline, ...pins.filter((id) => id !== baseline)];
  }

  private collect(): Run[] {
    const runs = this.list.first(this.limit).filter((run) => !this.hidden.has(run.id));
    const there = new Set(runs.map((run) => run.id));
    for (const id of new Set([...this.kept.filter((one) => !this.hidden.has(one)), ...this.opened])) {
      const run = there.has(id) ? undefined : this.list.known(id);
      if (run) runs.push(run);
    }
    return runs.map((run) => this.coloured(run));
  }

  /** As charts draw it. The same object as long as the run and its colour stay. */
  private coloured(run: Run): Run {
    const color = this.colours.of(run);
    if (color === run.color) return run;
    const known = this.tinted.get(run);
    if (known?.color === color) return known;
    const made = { ...run, color };
    this.tinted.set(run, made);
    return made;
  }

  private stable(runs: readonly Run[]): Run[] {
    const before = this.lastDrawn;
    const same =
      runs.length === before.length &&
      runs.every((run, i) => {
        const old = before[i] as Run;
        return run.id === old.id && run.name === old.name && run.color === old.color;
      });
    if (!same) this.lastDrawn = [...runs];
    return this.lastDrawn;
  }
}

function adding(set: ReadonlySet<string>, id: string): Set<string> {
  return new Set(set).add(id);
}

function without(set: ReadonlySet<string>, id: string): Set<string> {
  const copy = new Set(set);
  copy.delete(id);
  return copy;
}
