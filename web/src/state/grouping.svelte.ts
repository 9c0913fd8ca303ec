// How the runs of a project are grouped: by the keys that the page's address names.
import { readPref, writePref } from './prefs';
import type { GroupBand, GroupLine } from '../lib/grouping';
import { groupLabel, groupRuns, rowsOfGroups, type GroupRow, type LineGroups, type RunGroup } from './groups';
import type { RunList } from './runs.svelte';
import type { Visibility } from './visibility.svelte';

/** Groups are made of so many runs of the list; the page says where there are more. */
export const GROUPED_MAX = 1000;

interface Look {
  line: GroupLine;
  band: GroupBand;
}

export class RunGroups {
  keys: readonly string[] = $state.raw([]);
  readonly isOn: boolean = $derived(this.keys.length > 0);
  readonly list: readonly RunGroup[] = $derived.by(() => this.made());
  private opened: ReadonlySet<string> = $state.raw(new Set());
  /** Lines of a list: groups, and the runs of those that are open. Null without groups. */
  readonly rows: readonly GroupRow[] | null = $derived.by(() =>
    this.isOn ? rowsOfGroups(this.list, this.opened) : null,
  );
  look: Look = $state.raw(readPref<Look>('groupLook', { line: 'mean', band: 'std' }));
  private drawn: { text: string; lines: LineGroups } | null = null;

  /** What charts draw: the shown runs of each group; null without groups. Changes only when a line does. */
  readonly lines: LineGroups | null = $derived.by(() => this.joined());

  constructor(
    private readonly runs: RunList,
    private readonly eyes: Visibility,
    /** The word for runs that have no value under a key. */
    private readonly none: string,
  ) {}

  /** Runs of the list that are in no group, since there are too many. */
  get left(): number {
    return Math.max(0, this.runs.matching - GROUPED_MAX);
  }

  isOpen(group: RunGroup): boolean {
    return this.opened.has(group.key);
  }

  fold(group: RunGroup): void {
    const next = new Set(this.opened);
    if (!next.delete(group.key)) next.add(group.key);
    this.opened = next;
  }

  label(group: RunGroup): string {
    return groupLabel(this.keys, group.values, this.none);
  }

  /** Whether charts show any run of the group. */
  isShown(group: RunGroup): boolean {
    return group.members.some(({ run, index }) => this.eyes.isOpen(run, index));
  }

  toggle(group: RunGroup): void {
    this.eyes.setAll(group.members, !this.isShown(group));
  }

  draw(look: Partial<Look>): void {
    this.look = { ...this.look, ...look };
    writePref('groupLook', this.look);
  }

  /** Loads the runs that groups are made of, and draws them all. */
  gather(): void {
    if (!this.isOn || !this.runs.loaded) return;
    const wanted = Math.min(GROUPED_MAX, this.runs.matching);
    this.runs.ensure(0, wanted - 1);
    if (this.eyes.limit < wanted) this.eyes.limit = wanted;
  }

  private made(): RunGroup[] {
    return this.isOn ? groupRuns(this.runs.first(GROUPED_MAX), this.keys) : [];
  }

  private joined(): LineGroups | null {
    if (!this.isOn) return null;
    const list = this.list
      .map((group) => ({
        key: group.key,
        label: groupLabel(this.keys, group.values, this.none),
        colour: group.color,
        runs: group.members.filter(({ run, index }) => this.eyes.isOpen(run, index)).map(({ run }) => run.id),
      }))
      .filter((group) => group.runs.length > 0);
    const lines = { list, ...this.look };
    const text = JSON.stringify(lines);
    if (this.drawn?.text !== text) this.drawn = { text, lines };
    return this.drawn.lines;
  }
}
