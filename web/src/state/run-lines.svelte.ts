// The lines of a list of runs, in the sidebar and in the table: baseline and pinned runs, then groups with what is open
// behind them, or runs. What can be done to the line under the cursor is the same in both.
import type { Run } from '../api/types';
import type { GroupList } from './group-list.svelte';
import type { RunGroup } from './groups';
import { groupText } from './groups';
import type { Handlers } from './actions';
import type { ProjectSession } from './project.svelte';
import { router } from './router.svelte';
import { paths } from './routes';
import { narrowed } from './filters';

export const PINS_MAX = 20;

export interface RunLine {
  kind: 'run';
  run: Run;
  /** Its place in the list, which decides whether it is drawn unasked. */
  index: number;
  depth: number;
  color: number;
  rank: 'baseline' | 'pin' | null;
  group: RunGroup | null;
}

export interface GroupOfRuns {
  kind: 'group';
  group: RunGroup;
  list: GroupList;
  depth: number;
}

export type Line = RunLine | GroupOfRuns;
export type EditedField = 'name' | 'notes' | 'tags' | 'group' | 'job_type';

export class RunLines {
  cursor = $state(-1);
  /** What is being edited in place, or in a dialog where no cell shows it. */
  editing = $state.raw<{ run: Run; field: EditedField } | null>(null);
  scrollTo: (line: number) => void = () => {};

  constructor(
    readonly session: ProjectSession,
    /** The baseline is shown elsewhere and is no line of this list. */
    private readonly isBaselineApart = false,
    /** Whether a pinned run belongs into this list at all. */
    private readonly keeps: (run: Run) => boolean = () => true,
  ) {}

  /** Runs above the list. */
  readonly kept: readonly Run[] = $derived.by(() => {
    const { session } = this;
    const ids = session.eyes.kept.filter((id) => !this.isBaselineApart || id !== session.view.baseline);
    return ids.map((id) => session.runs.known(id)).filter((run): run is Run => run !== undefined && this.keeps(run));
  });

  get groups(): GroupList | null {
    return this.session.groups.list;
  }

  get count(): number {
    return this.kept.length + this.body;
  }

  private get body(): number {
    if (!this.session.groups.isOn) return this.session.runs.matching;
    return this.groups?.loaded ? this.groups.lines : 1;
  }

  at(line: number): Line | undefined {
    const { session, kept } = this;
    const run = kept[line];
    if (run) {
      const rank = run.id === session.view.baseline ? 'baseline' : 'pin';
      return { kind: 'run', run, index: 0, depth: 0, color: session.colours.of(run), rank, group: null };
    }
    const at = line - kept.length;
    if (this.groups) {
      const found = this.groups.lineAt(at);
      if (found?.kind !== 'run') return found;
      return { ...found, index: 0, color: session.groups.colour(found.group), rank: null };
    }
    const listed = session.runs.at(at);
    return (
      listed && {
        kind: 'run',
        run: listed,
        index: at,
        depth: 0,
        color: session.colours.of(listed),
        rank: null,
        group: null,
      }
    );
  }

  ensure(first: number, last: number): void {
    const top = this.kept.length;
    if (last < top) return;
    if (this.groups) this.groups.ensure(Math.max(0, first - top), last - top);
    else this.session.runs.ensure(Math.max(0, first - top), last - top);
  }

  /** Picks a run; with Shift the loaded runs between it and the one picked before. */
  pick(event: Pick<MouseEvent, 'shiftKey'>, { run }: RunLine, line: number): void {
    const range = (from: number, to: number): Run[] => {
      const runs: Run[] = [];
      for (let at = from; at <= to; at++) {
        const found = this.at(at);
        if (found?.kind === 'run') runs.push(found.run);
      }
      return runs;
    };
    this.session.selection.toggle(run, line, event.shiftKey ? range : null);
  }

  /** Whether charts show it. */
  isShown({ run, index, group }: RunLine): boolean {
    const { eyes, groups } = this.session;
    return eyes.isOpen(run, index) && (group === null || groups.isShown(group));
  }

  toggleEye(line: Line): void {
    const { eyes, groups } = this.session;
    if (line.kind === 'group') return groups.toggle(line.group);
    const { group, run } = line;
    if (group === null || groups.isShown(group)) return eyes.toggle(run, line.index);
    // Of a group that is hidden one run is shown: the group is, without the others.
    groups.toggle(group);
    if (group.size <= group.members.length)
      eyes.hideIds(
        group.members.filter((id) => id !== run.id),
        run.id,
      );
  }

  solo(line: Line): void {
    if (line.kind === 'run') this.session.eyes.solo(line.run);
    else this.session.groups.solo(line.group);
  }

  togglePin(run: Run): boolean {
    const { view } = this.session;
    const isPinned = view.pins.includes(run.id);
    if (!isPinned && view.pins.length >= PINS_MAX) return false;
    view.change({ runs: { pins: isPinned ? view.pins.filter((id) => id !== run.id) : [...view.pins, run.id] } });
    return true;
  }

  toggleBaseline(run: Run): void {
    const { view } = this.session;
    view.change({ runs: { baseline: view.baseline === run.id ? null : run.id } });
  }

  open(run: Run): void {
    router.navigate(paths.run(this.session.entity, this.session.project, run.id));
  }

  move(by: number): void {
    if (this.count === 0) return;
    this.cursor = Math.min(this.count - 1, Math.max(0, this.cursor + by));
    this.scrollTo(this.cursor);
    const line = this.at(this.cursor);
    const lit = line?.kind === 'group' ? line.group.key : (line?.group?.key ?? line?.run.id ?? null);
    this.session.bus.light(lit, 'sidebar');
  }

  private withRun(action: (run: Run, line: RunLine) => void): void {
    const line = this.at(this.cursor);
    if (line?.kind === 'run') action(line.run, line);
  }

  private withLine(action: (line: Line) => void): void {
    const line = this.at(this.cursor);
    if (line) action(line);
  }

  /** The cursor stays on its run when rows come or go above the list. */
  private staying(line: RunLine, action: () => void): void {
    const before = this.kept.length;
    action();
    if (line.rank === null) this.cursor += this.kept.length - before;
    else this.cursor = Math.min(this.cursor, Math.max(0, this.count - 1));
  }

  private enter(): void {
    this.withLine((line) => (line.kind === 'run' ? this.open(line.run) : line.list.fold(line.group)));
  }

  edit(run: Run, field: EditedField): void {
    this.editing = { run, field };
  }

  /** What the keys of a list do (ui-spec §11). */
  handlers(canWrite: () => boolean, onfull: () => void, onlarge: (size: number) => void = () => {}): Handlers {
    const select = (line: Line) => {
      if (line.kind === 'run') return this.pick({ shiftKey: false }, line, this.cursor);
      const { members, size } = line.group;
      // Ids of its other runs are not here.
      if (members.length < size) onlarge(size);
      else this.session.selection.toggleAll(members);
    };
    const edit = (field: EditedField) => () => canWrite() && this.withRun((run) => this.edit(run, field));
    return {
      nextRun: () => this.move(1),
      previousRun: () => this.move(-1),
      open: () => this.enter(),
      eye: () => this.withLine((line) => this.toggleEye(line)),
      hide: () => this.withLine((line) => this.toggleEye(line)),
      only: () => this.withLine((line) => this.solo(line)),
      select: () => this.withLine(select),
      pin: () => this.withRun((run, line) => this.staying(line, () => this.togglePin(run) || onfull())),
      baseline: () => this.withRun((run, line) => this.staying(line, () => this.toggleBaseline(run))),
      tags: edit('tags'),
      notes: edit('notes'),
      rename: edit('name'),
    };
  }
}

/** The list narrowed to a group, and no longer grouped by what all its runs share. */
export function onlyGroup(session: ProjectSession, { group, list }: GroupOfRuns): void {
  const outer = list.filter.trim() || session.runs.filter;
  router.setQuery({ filter: narrowed(outer, group.filter), group: groupText(session.groups.keys) || null });
}
