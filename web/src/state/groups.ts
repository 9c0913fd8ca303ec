// Runs in groups: those with the same values under one to three keys. Pure.
import type { Json, Run } from '../api/types';
import type { GroupBand, GroupLine } from '../lib/grouping';
import { asNumber, cell, exact } from '../ui/format';
import { fieldValue } from './fields';
import { valueFilter } from './filters';

export const GROUP_KEYS_MAX = 3;
/** Keys of a run itself that are worth grouping by. */
export const GROUP_BUILTIN = ['group', 'job_type', 'tags', 'state', 'user', 'host'] as const;

export interface GroupedRun {
  run: Run;
  /** Its place in the list. */
  index: number;
}

export interface RunGroup {
  key: string;
  /** For each key its value as people read it; "" where a run has none. */
  values: string[];
  /** The condition that finds the runs of the group again; null where no filter can say it. */
  filter: string | null;
  color: number;
  members: GroupedRun[];
}

/** A line of a grouped list. */
export type GroupRow = { kind: 'group'; group: RunGroup } | ({ kind: 'run'; group: RunGroup } & GroupedRun);

/** The groups, and behind each opened one its runs. */
export function rowsOfGroups(groups: readonly RunGroup[], opened: ReadonlySet<string>): GroupRow[] {
  return groups.flatMap((group): GroupRow[] => [
    { kind: 'group', group },
    ...(opened.has(group.key) ? group.members.map((one): GroupRow => ({ kind: 'run', group, ...one })) : []),
  ]);
}

/** A group as one line of a chart. */
export interface LineGroup {
  key: string;
  label: string;
  colour: number;
  runs: readonly string[];
}

export interface LineGroups {
  list: readonly LineGroup[];
  line: GroupLine;
  band: GroupBand;
}

/** Several tags are several groups: a run stands in each of them. */
function valuesOf(run: Run, path: string): (Json | undefined)[] {
  if (path === 'tags') return run.tags.length > 0 ? run.tags : [undefined];
  const value = fieldValue(run, path);
  return [value === '' || value === null ? undefined : value];
}

/** Groups in the order in which the list comes to them. */
export function groupRuns(runs: readonly Run[], paths: readonly string[]): RunGroup[] {
  const groups = new Map<string, RunGroup>();
  runs.forEach((run, index) => {
    for (const values of combinations(paths.map((path) => valuesOf(run, path)))) {
      const key = JSON.stringify(values.map((value) => value ?? null));
      const known = groups.get(key);
      if (known) {
        known.members.push({ run, index });
        known.color = Math.min(known.color, run.color);
      } else {
        groups.set(key, {
          key,
          values: values.map((value) => (value === undefined ? '' : cell(value))),
          filter: filterOf(paths, values),
          color: run.color,
          members: [{ run, index }],
        });
      }
    }
  });
  return parted([...groups.values()]);
}

function filterOf(paths: readonly string[], values: readonly (Json | undefined)[]): string | null {
  const conditions = paths.map((path, i) => valueFilter(path, values[i]));
  return conditions.includes(null) ? null : conditions.join(' ');
}

function combinations<T>(choices: readonly (readonly T[])[]): T[][] {
  return choices.reduce<T[][]>((made, values) => made.flatMap((one) => values.map((value) => [...one, value])), [[]]);
}

/** A group has the colour of its oldest run, unless an earlier group has it already: then the next one free. */
function parted(groups: RunGroup[]): RunGroup[] {
  const taken = new Set<number>();
  for (const group of groups) {
    while (taken.has(group.color % 30)) group.color += 1;
    taken.add(group.color % 30);
    if (taken.size === 30) taken.clear();
  }
  return groups;
}

/** "lr: 0.1 · tags: wide"; the last part of each key is enough to tell them apart. */
export function groupLabel(paths: readonly string[], values: readonly string[], none: string): string {
  return paths.map((path, i) => `${keyLabel(path)}: ${values[i] || none}`).join(' · ');
}

export function keyLabel(path: string): string {
  return path.replace(/^(config|summary)\./, '');
}

/** `?group=config.lr,tags` */
export function parseGroup(text: string | null): string[] {
  return [...new Set((text ?? '').split(',').filter(Boolean))].slice(0, GROUP_KEYS_MAX);
}

export interface Spread {
  n: number;
  mean: number;
  /** Of the sample (n − 1); null for one value. */
  deviation: number | null;
  min: number;
  max: number;
}

/** Of the finite numbers under a path; null without any. */
export function spread(runs: readonly Run[], path: string): Spread | null {
  const numbers = runs
    .map((run) => asNumber(fieldValue(run, path)))
    .filter((value): value is number => value !== null && Number.isFinite(value));
  if (numbers.length === 0) return null;
  const n = numbers.length;
  const mean = numbers.reduce((sum, value) => sum + value, 0) / n;
  const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = n > 1 ? Math.sqrt(squares / (n - 1)) : null;
  return { n, mean, deviation, min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** The one text that all runs have under a path, else null; and how many texts there are. */
export function common(runs: readonly Run[], path: string): { text: string | null; kinds: number } {
  const texts = new Set(runs.map((run) => exact(fieldValue(run, path))));
  const [only] = texts;
  return { text: texts.size === 1 ? (only ?? '') : null, kinds: texts.size };
}
