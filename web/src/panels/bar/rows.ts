// The bars of a panel: one each run, or one each group with how far its runs reach. Pure.
import type { Run } from '../../api/types';
import { choiceOf, flagOf, numberOf, textOf, type Options } from '../../lib/options';
import { intervalOf, type Reach } from '../../lib/spread';
import type { LineGroups } from '../../state/groups';

export const REACHES = ['std', 'se', 'ci95', 'range', 'none'] as const;
export const SORTS = ['high', 'low', 'name', 'list'] as const;

export interface BarOptions {
  /** A path of runs; null where nothing can be drawn. */
  path: string | null;
  /** Null: the last value. */
  step: number | null;
  byGroup: boolean;
  reach: Reach;
  sort: (typeof SORTS)[number];
  log: boolean;
  most: number;
}

const MOST_DEFAULT = 1000;

export function barOptions(options: Options, headline: string | null): BarOptions {
  return {
    path: textOf(options, 'path', '') || headline,
    step: numberOf(options, 'step', null),
    byGroup: flagOf(options, 'byGroup', true),
    reach: choiceOf(options, 'reach', REACHES, 'std'),
    sort: choiceOf(options, 'sort', SORTS, 'high'),
    log: flagOf(options, 'log', false),
    most: Math.max(1, numberOf(options, 'most', MOST_DEFAULT)),
  };
}

export interface BarRow {
  key: string;
  label: string;
  colour: number;
  /** Runs with a value. */
  n: number;
  value: number;
  low: number;
  high: number;
  /** The one run of the bar; null for a group. */
  run: Run | null;
}

export interface BarRows {
  rows: BarRow[];
  /** Bars that are left out since there are too many. */
  left: number;
  /** Runs or groups without a finite value (or one that a logarithmic axis has no place for). */
  without: number;
}

const natural = new Intl.Collator('en', { numeric: true });

export function barRows(
  runs: readonly Run[],
  groups: LineGroups | null,
  valueOf: (run: Run) => number,
  options: BarOptions,
): BarRows {
  const fits = (value: number): boolean => Number.isFinite(value) && (!options.log || value > 0);
  const rows: BarRow[] = [];
  let without = 0;
  if (groups !== null && options.byGroup) {
    const byId = new Map(runs.map((run) => [run.id, run]));
    for (const { key, label, colour, runs: members } of groups.list) {
      const values = members.flatMap((id) => {
        const run = byId.get(id);
        return run === undefined ? [] : [valueOf(run)];
      });
      const found = intervalOf(values.filter(fits), options.reach);
      if (found === null) without += 1;
      else
        rows.push({ key, label, colour, n: found.n, value: found.mean, low: found.low, high: found.high, run: null });
    }
  } else {
    for (const run of runs) {
      const value = valueOf(run);
      if (fits(value)) {
        rows.push({ key: run.id, label: run.name, colour: run.color, n: 1, value, low: value, high: value, run });
      } else without += 1;
    }
  }
  const order = {
    high: (a: BarRow, b: BarRow) => b.value - a.value,
    low: (a: BarRow, b: BarRow) => a.value - b.value,
    name: (a: BarRow, b: BarRow) => natural.compare(a.label, b.label),
    list: () => 0,
  }[options.sort];
  rows.sort(order);
  return { rows: rows.slice(0, options.most), left: Math.max(0, rows.length - options.most), without };
}
