// How the runs of a project are grouped: by the keys that the page's address names, computed by the server.
import type { GroupBand, GroupLine } from '../lib/grouping';
import { GroupList } from './group-list.svelte';
import { groupLabel, groupShort, keyLabel, type LineGroups, type RunGroup } from './groups';
import { readPref, writePref } from './prefs';
import type { RunColours } from './run-colours.svelte';
import type { RunList } from './runs.svelte';
import type { ProjectView } from './views.svelte';
import type { Visibility } from './visibility.svelte';

/** Panels that compute in the browser do so over so many runs of groups at most; lines are the server's work. */
const COMPUTED_MAX = 1000;
const MEMBERS = 50;

interface Look {
  line: GroupLine;
  band: GroupBand;
  /** A line ends with the first of its runs to end. */
  stopAtShortest?: boolean;
}
const LOOK: Look = { line: 'mean', band: 'std' };

export class RunGroups {
  keys: readonly string[] = $state.raw([]);
  readonly isOn: boolean = $derived(this.keys.length > 0);
  /** Groups within groups, one key each; else one list of groups by all keys. */
  nested: boolean = $state(readPref('groupsNested', false));
  /** Paths of number columns that a list shows of its groups. */
  columns: readonly string[] = $state.raw([]);
  readonly look: Look = $derived.by(() => this.view.runs.look ?? LOOK);
  /** What charts draw: groups by all keys. */
  private flat = $state.raw<GroupList | null>(null);
  private tree = $state.raw<GroupList | null>(null);
  private asked = '';
  private closed: ReadonlySet<string> = $state.raw(new Set());
  private drawn: { text: string; lines: LineGroups } | null = null;

  /** What charts draw; null without groups. Changes only when a line does. */
  readonly lines: LineGroups | null = $derived.by(() => this.joined());

  constructor(
    private readonly view: ProjectView,
    private readonly runs: RunList,
    private readonly eyes: Visibility,
    private readonly colours: RunColours,
    /** The word for runs that have no value under a key. */
    private readonly none: string,
  ) {}

  /** What lists show; null without groups. */
  get list(): GroupList | null {
    return this.isOn ? (this.nested && this.keys.length > 1 ? this.tree : this.flat) : null;
  }

  /** Groups that charts do not draw, since there are too many. */
  get left(): number {
    return Math.max(0, (this.flat?.count ?? 0) - (this.flat?.first.length ?? 0));
  }

  label(group: RunGroup, by: readonly string[] = this.keys): string {
    return groupLabel(by, group.values, this.none);
  }

  /** For lists that name the keys above their lines. */
  short(group: RunGroup, by: readonly string[] = this.keys): string {
    return groupShort(by, group.values, this.none);
  }

  /** The names that short labels leave out; empty where they say them. */
  get title(): string {
    return this.keys.length > 1 && !this.nested ? this.keys.map(keyLabel).join(' · ') : '';
  }

  colour(group: RunGroup): number {
    return this.colours.chosen(group.key) ?? group.color;
  }

  isShown(group: RunGroup): boolean {
    return !this.closed.has(group.key);
  }

  toggle(group: RunGroup): void {
    const next = new Set(this.closed);
    if (!next.delete(group.key)) next.add(group.key);
    this.closed = next;
  }

  /** Hides every group but this one; a second time shows all again. */
  solo(group: RunGroup): void {
    const others = (this.list?.first ?? []).filter((one) => one.key !== group.key).map((one) => one.key);
    const isAlone = this.isShown(group) && others.every((key) => this.closed.has(key));
    this.closed = new Set(isAlone ? [] : others);
  }

  draw(look: Partial<Look>): void {
    this.view.change({ runs: { look: { ...this.look, ...look } } });
  }

  nest(nested: boolean): void {
    this.nested = nested;
    writePref('groupsNested', nested);
  }

  /** Asks for the groups of the list's filter and order. Called by an effect. */
  gather(): void {
    const { keys, columns, nested } = this;
    if (keys.length > 0 && this.runs.loaded) {
      const wanted = Math.min(COMPUTED_MAX, this.runs.matching);
      this.runs.ensure(0, wanted - 1);
      if (this.eyes.limit < wanted) this.eyes.limit = wanted;
    }
    const { filter, sort } = this.runs;
    const question = JSON.stringify([keys, filter, sort, nested]);
    if (question === this.asked) {
      this.flat?.ask({ columns: this.tree ? [] : columns });
      this.tree?.ask({ columns });
      return;
    }
    this.asked = question;
    this.close();
    if (keys.length === 0) return;
    const isTree = nested && keys.length > 1;
    const common = { filter, sort, columns };
    this.flat = new GroupList(this.view.entity, this.view.project, {
      ...common,
      levels: [keys],
      members: MEMBERS,
      ...(isTree ? { columns: [] } : {}),
    });
    if (isTree) {
      const levels = keys.map((key) => [key]);
      this.tree = new GroupList(this.view.entity, this.view.project, { ...common, levels, members: 0 });
    }
  }

  changed(ids: readonly string[], added: readonly string[], removed: readonly string[]): void {
    this.flat?.changed(ids, added, removed);
    this.tree?.changed(ids, added, removed);
  }

  lookAgain(): void {
    this.flat?.lookAgain();
    this.tree?.lookAgain();
  }

  close(): void {
    this.flat?.close();
    this.tree?.close();
    this.flat = this.tree = null;
  }

  private joined(): LineGroups | null {
    const { flat } = this;
    if (!this.isOn || !flat) return null;
    const each = Math.max(1, Math.floor(COMPUTED_MAX / Math.max(1, flat.first.length)));
    if (each > MEMBERS && flat.first.some((group) => group.size > group.members.length)) {
      queueMicrotask(() => flat.ask({ members: each }));
    }
    const isOut = (id: string) => this.eyes.isHidden(id);
    const list = flat.first
      .filter((group) => this.isDrawn(group))
      .map((group) => ({
        key: group.key,
        label: this.label(group),
        colour: this.colour(group),
        runs: group.members.filter((id) => !isOut(id)),
        raw: group.raw,
        filter: group.filter,
        size: group.size,
      }))
      .filter((group) => group.runs.length > 0 || group.size > MEMBERS);
    const { filter, sort } = this.runs;
    const lines = { list, ...this.look, by: this.keys, filter, sort, exclude: this.eyes.hiddenIds };
    const text = JSON.stringify(lines);
    if (this.drawn?.text !== text) this.drawn = { text, lines };
    return this.drawn.lines;
  }

  /** In nested lists an outer group hides its inner ones. */
  private isDrawn(group: RunGroup): boolean {
    if (!this.isShown(group)) return false;
    let outer = '';
    for (const value of group.raw.slice(0, -1)) {
      outer += JSON.stringify([value]);
      if (this.closed.has(outer)) return false;
    }
    return !this.closed.has(outer + JSON.stringify(group.raw.slice(-1)));
  }
}
