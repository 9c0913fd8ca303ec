// Groups of runs as the server makes them, over all runs that match: what a list and a chart need of one. Pure.
import type { Group, GroupValue, Spread } from '../api/table';
import type { GroupBand, GroupLine } from '../lib/grouping';
import { cell } from '../ui/format';
import { noValueFilter, valueFilter } from './filters';
import { parseSort, quoteKey } from './sorting';

export const GROUP_KEYS_MAX = 3;
/** Keys of a run itself that are worth grouping by. */
export const GROUP_BUILTIN = ['group', 'job_type', 'tags', 'state', 'user', 'host'] as const;

export interface RunGroup {
  /** Unique among the groups of a list, its outer groups included. */
  key: string;
  /** For each key its value as people read it; "" where its runs have none. */
  values: readonly string[];
  raw: readonly GroupValue[];
  /** The condition that finds its runs among those of the list. */
  filter: string;
  color: number;
  /** All runs in it, whatever is loaded or shown. */
  size: number;
  states: Readonly<Record<string, number>>;
  /** Ids of its first runs. */
  members: readonly string[];
  /** By column path; null without a finite number. */
  columns: Readonly<Record<string, Spread | null>>;
}

/** A group as one line of a chart. */
export interface LineGroup {
  key: string;
  label: string;
  colour: number;
  /** Shown ones of its first runs; what is drawn is the server's work, over all of them but those in `exclude`. */
  runs: readonly string[];
  /** The values under the keys `by`, as the API has them. */
  raw: readonly GroupValue[];
  /** Finds all its runs. */
  filter: string;
  size: number;
}

export interface LineGroups {
  list: readonly LineGroup[];
  line: GroupLine;
  band: GroupBand;
  stopAtShortest?: boolean;
  /** Keys the groups are made of, the filter and order of their runs, and runs that are hidden. */
  by: readonly string[];
  filter: string;
  sort: string;
  exclude: readonly string[];
}

/** What the server answered, with the keys it was asked by. */
export function runGroup(group: Group, by: readonly string[], outer = ''): RunGroup {
  return {
    key: outer + JSON.stringify(group.values),
    values: group.values.map((value) => (value === null ? '' : cell(value))),
    raw: group.values,
    filter: by.map((path, i) => conditionOf(path, group.values[i] ?? null)).join(' '),
    color: group.color,
    size: group.runs,
    states: group.states,
    members: group.members,
    columns: group.columns,
  };
}

const conditionOf = (path: string, value: GroupValue) =>
  value === null ? noValueFilter(path) : (valueFilter(path, value) as string);

const HUES = 10;
const LOOKS = 30;

/** A group has the colour of its oldest run, unless an earlier group has its hue: then the next one free, then the next dash. */
export function parted(groups: readonly RunGroup[]): RunGroup[] {
  const [hues, looks] = [new Set<number>(), new Set<number>()];
  return groups.map((group) => {
    let { color } = group;
    const isTaken = () => (hues.size < HUES ? hues.has(color % HUES) : looks.has(color % LOOKS));
    while (isTaken()) color += 1;
    hues.add(color % HUES);
    looks.add(color % LOOKS);
    if (looks.size === LOOKS) looks.clear();
    return color === group.color ? group : { ...group, color };
  });
}

/** "lr: 0.1 · tags: wide"; the last part of each key is enough to tell them apart. */
export function groupLabel(paths: readonly string[], values: readonly string[], none: string): string {
  return paths.map((path, i) => `${keyLabel(path)}: ${values[i] || none}`).join(' · ');
}

/** Where the names of several keys stand above the list: "g5 · eval". One key alone is said, for a lone value says little. */
export function groupShort(paths: readonly string[], values: readonly string[], none: string): string {
  return paths.length < 2 ? groupLabel(paths, values, none) : paths.map((_, i) => values[i] || none).join(' · ');
}

export function keyLabel(path: string): string {
  return path.replace(/^(config|summary|metric)\./, '');
}

/** `?group=config.lr,tags` */
export function parseGroup(text: string | null): string[] {
  return [...new Set(parseSort(text ?? '').map((key) => key.path))].slice(0, GROUP_KEYS_MAX);
}

export const groupText = (keys: readonly string[]): string => keys.map(quoteKey).join(',');
