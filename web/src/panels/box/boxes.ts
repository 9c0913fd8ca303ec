// The boxes of a panel: one each group, or one each value of a key. Pure.
import type { Run } from '../../api/types';
import { flagOf, textOf, type Options } from '../../lib/options';
import { boxOf, type Box } from '../../lib/spread';
import type { LineGroups } from '../../state/groups';
import { columnOf } from '../../state/run-columns';

export interface BoxOptions {
  path: string | null;
  /** A path whose values part the runs; "" for the groups of the page, or all in one. */
  by: string;
  log: boolean;
  points: boolean;
}

export function boxOptions(options: Options, headline: string | null): BoxOptions {
  return {
    path: textOf(options, 'path', '') || headline,
    by: textOf(options, 'by', ''),
    log: flagOf(options, 'log', false),
    points: flagOf(options, 'points', true),
  };
}

export interface BoxRow {
  key: string;
  label: string;
  colour: number;
  box: Box;
  values: readonly number[];
  /** Beside `values`. */
  runs: readonly Run[];
}

const BOXES_MAX = 200;

/** @param words what the box of all runs is called, and runs without a value */
export function boxRows(
  runs: readonly Run[],
  groups: LineGroups | null,
  valueOf: (run: Run) => number,
  options: BoxOptions,
  words: { all: string; none: string },
): { rows: BoxRow[]; left: number } {
  const parts = options.by !== '' ? partedBy(runs, options.by, words.none) : grouped(runs, groups, words.all);
  const rows: BoxRow[] = [];
  for (const { key, label, colour, members } of parts) {
    const kept = members.filter((run) => {
      const value = valueOf(run);
      return Number.isFinite(value) && (!options.log || value > 0);
    });
    const values = kept.map(valueOf);
    const box = boxOf(values);
    if (box) rows.push({ key, label, colour, box, values, runs: kept });
  }
  return { rows: rows.slice(0, BOXES_MAX), left: Math.max(0, rows.length - BOXES_MAX) };
}

interface Part {
  key: string;
  label: string;
  colour: number;
  members: Run[];
}

function grouped(runs: readonly Run[], groups: LineGroups | null, all: string): Part[] {
  if (groups === null) return [{ key: '', label: all, colour: 0, members: [...runs] }];
  const byId = new Map(runs.map((run) => [run.id, run]));
  return groups.list.map(({ key, label, colour, runs: ids }) => ({
    key,
    label,
    colour,
    members: ids.flatMap((id) => byId.get(id) ?? []),
  }));
}

function partedBy(runs: readonly Run[], path: string, none: string): Part[] {
  const column = columnOf(runs, path);
  const parts = new Map<string, Part & { order: number }>();
  runs.forEach((run, at) => {
    const value = column.values[at] as number;
    const isMissing = column.kind === 'number' ? Number.isNaN(value) : value < 0;
    const label = isMissing ? none : column.kind === 'number' ? String(value) : (column.categories[value] as string);
    const part = parts.get(label) ?? { key: label, label, colour: 0, members: [], order: isMissing ? Infinity : value };
    part.members.push(run);
    parts.set(label, part);
  });
  const list = [...parts.values()].sort((a, b) => a.order - b.order);
  return list.map((part, at) => ({ ...part, colour: at }));
}
