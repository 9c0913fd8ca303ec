// A list of groups in windows of 200, with what is open behind them: inner groups, or the runs of a group.
//
//   line 0   group 0                line → group is arithmetic over the open groups, of which there are few
//   line 1   group 1 (open)
//   line 2     run 0 of group 1     the lines of an open group are those of its own list
import { ApiError } from '../api/client';
import { getGroups } from '../api/table';
import type { Run } from '../api/types';
import { narrowed } from './filters';
import { groupText, parted, runGroup, type RunGroup } from './groups';
import { RunList } from './runs.svelte';
import { quoteKey } from './sorting';

export const GROUP_WINDOW = 200;
const REFRESH_MS = 1500;

export interface GroupQuestion {
  filter: string;
  sort: string;
  /** One entry for each level of the list: the keys that its groups are made of. */
  levels: readonly (readonly string[])[];
  /** Columns whose numbers are summed up. */
  columns: readonly string[];
  members: number;
}

export type GroupedLine =
  | { kind: 'group'; group: RunGroup; list: GroupList; depth: number }
  | { kind: 'run'; run: Run; index: number; group: RunGroup; depth: number };

interface Opened {
  index: number;
  group: RunGroup;
  inner: GroupList | RunList;
}

type Fetch = typeof getGroups;

export class GroupList {
  count = $state(0);
  matching = $state(0);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  private windows = $state.raw(new Map<number, readonly RunGroup[]>());
  private opened = $state.raw<readonly Opened[]>([]);
  private readonly inFlight = new Map<number, AbortController>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  constructor(
    private readonly entity: string,
    private readonly project: string,
    private asked: GroupQuestion,
    readonly depth = 0,
    private readonly outer = '',
    private readonly fetchGroups: Fetch = getGroups,
  ) {
    void this.load(0);
  }

  get by(): readonly string[] {
    return this.asked.levels[0] ?? [];
  }

  /** What its runs match. */
  get filter(): string {
    return this.asked.filter;
  }

  /** The groups of the first window. */
  get first(): readonly RunGroup[] {
    return this.windows.get(0) ?? [];
  }

  at(index: number): RunGroup | undefined {
    return this.windows.get(Math.floor(index / GROUP_WINDOW))?.[index % GROUP_WINDOW];
  }

  /** Other columns or more members, of the same groups: they stay while the answer is on its way. */
  ask(part: Partial<Pick<GroupQuestion, 'columns' | 'members'>>): void {
    const next = { ...this.asked, ...part };
    if (JSON.stringify(next) === JSON.stringify(this.asked)) return;
    this.asked = next;
    for (const { inner } of this.opened) if (inner instanceof GroupList) inner.ask(part);
    this.reload();
  }

  isOpen(group: RunGroup): boolean {
    return this.opened.some((one) => one.group.key === group.key);
  }

  fold(group: RunGroup): void {
    const known = this.opened.find((one) => one.group.key === group.key);
    if (known) {
      known.inner.close();
      this.opened = this.opened.filter((one) => one !== known);
      return;
    }
    const index = this.indexOf(group.key);
    if (index < 0) return;
    const filter = narrowed(this.asked.filter, group.filter);
    const levels = this.asked.levels.slice(1);
    let inner: GroupList | RunList;
    if (levels.length > 0) {
      const asked = { ...this.asked, filter, levels };
      inner = new GroupList(this.entity, this.project, asked, this.depth + 1, group.key, this.fetchGroups);
    } else {
      inner = new RunList(this.entity, this.project);
      inner.query(filter, this.asked.sort);
    }
    this.opened = [...this.opened, { index, group, inner }].sort((a, b) => a.index - b.index);
  }

  /** Lines of the list, those behind open groups included. */
  get lines(): number {
    return this.count + this.opened.reduce((sum, one) => sum + linesOf(one.inner), 0);
  }

  lineAt(line: number): GroupedLine | undefined {
    const { list, index, owner } = this.place(line);
    if (list instanceof GroupList) {
      const group = list.at(index);
      return group && { kind: 'group', group, list, depth: list.depth };
    }
    const run = list.at(index);
    return run && { kind: 'run', run, index, group: owner as RunGroup, depth: this.depthOf(owner as RunGroup) };
  }

  /** Loads what these lines need. */
  ensure(from: number, to: number): void {
    const wanted = new Map<GroupList | RunList, [number, number]>();
    for (let line = from; line <= to; line++) {
      const { list, index } = this.place(line);
      const range = wanted.get(list);
      if (range) range[1] = index;
      else wanted.set(list, [index, index]);
    }
    for (const [list, [low, high]] of wanted) {
      if (list instanceof RunList) list.ensure(low, high);
      else list.load200s(low, high);
    }
  }

  changed(ids: readonly string[], added: readonly string[], removed: readonly string[]): void {
    for (const { inner } of this.opened) inner.changed(ids, added, removed);
    if (ids.length + added.length + removed.length === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.reload();
    }, REFRESH_MS);
  }

  /** Every list of runs that is open. */
  get runLists(): readonly RunList[] {
    return this.opened.flatMap(({ inner }) => (inner instanceof GroupList ? inner.runLists : [inner]));
  }

  /** Asks again for every window that is held; groups stay in place meanwhile. */
  reload(): void {
    this.generation += 1;
    for (const controller of this.inFlight.values()) controller.abort();
    this.inFlight.clear();
    for (const window of new Set([0, ...this.windows.keys()])) void this.load(window);
  }

  /** Nothing held is known to be fresh. */
  lookAgain(): void {
    this.reload();
    for (const { inner } of this.opened) inner.lookAgain();
  }

  close(): void {
    this.generation += 1;
    clearTimeout(this.timer);
    for (const controller of this.inFlight.values()) controller.abort();
    for (const { inner } of this.opened) inner.close();
  }

  private load200s(from: number, to: number): void {
    for (let window = Math.floor(from / GROUP_WINDOW); window <= Math.floor(to / GROUP_WINDOW); window++) {
      if (!this.windows.has(window) && !this.inFlight.has(window)) void this.load(window);
    }
  }

  private place(line: number): { list: GroupList | RunList; index: number; owner?: RunGroup } {
    let at = line;
    for (const { index, group, inner } of this.opened) {
      if (at <= index) break;
      const behind = at - index - 1;
      const length = linesOf(inner);
      if (behind < length) {
        return inner instanceof GroupList ? inner.place(behind) : { list: inner, index: behind, owner: group };
      }
      at -= length;
    }
    return { list: this, index: at };
  }

  private depthOf(owner: RunGroup): number {
    let depth = 1;
    let list: GroupList = this; // eslint-disable-line @typescript-eslint/no-this-alias
    for (;;) {
      if (list.opened.some((one) => one.group === owner)) return depth;
      const inner = list.opened.find((one) => owner.key.startsWith(one.group.key))?.inner;
      if (!(inner instanceof GroupList)) return depth;
      list = inner;
      depth += 1;
    }
  }

  private indexOf(key: string): number {
    for (const [window, groups] of this.windows) {
      const at = groups.findIndex((group) => group.key === key);
      if (at >= 0) return window * GROUP_WINDOW + at;
    }
    return -1;
  }

  private async load(window: number): Promise<void> {
    const generation = this.generation;
    const controller = new AbortController();
    this.inFlight.set(window, controller);
    const { filter, sort, columns, members } = this.asked;
    try {
      const page = await this.fetchGroups(
        this.entity,
        this.project,
        {
          by: groupText(this.by),
          columns: columns.map(quoteKey).join(','),
          filter,
          sort,
          offset: window * GROUP_WINDOW,
          limit: GROUP_WINDOW,
          members,
        },
        controller.signal,
      );
      if (generation !== this.generation) return;
      const groups = parted(page.groups.map((group) => runGroup(group, this.by, this.outer)));
      this.windows = new Map(this.windows).set(window, groups);
      this.count = page.count;
      this.matching = page.matching;
      this.loaded = true;
      this.error = null;
      this.settle();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.error = error;
      const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500;
      if (!isRefused) this.changed([''], [], []);
    } finally {
      if (this.inFlight.get(window) === controller) this.inFlight.delete(window);
    }
  }

  /** Open groups follow their place in the list; one that is gone closes. */
  private settle(): void {
    if (this.opened.length === 0) return;
    this.opened = this.opened
      .map((one) => ({ ...one, index: this.indexOf(one.group.key), was: one.index }))
      .map(({ was, ...one }) => (one.index < 0 && was < this.count ? { ...one, index: was } : one))
      .filter((one) => one.index >= 0)
      .sort((a, b) => a.index - b.index);
  }
}

function linesOf(inner: GroupList | RunList): number {
  if (inner instanceof GroupList) return inner.loaded ? inner.lines : 1;
  return inner.loaded ? inner.matching : 1;
}
