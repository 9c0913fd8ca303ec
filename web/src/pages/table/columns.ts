// Columns of the runs table: which there are, which are shown unasked, and what stands in a cell. Pure.
import type { Field, Json, JsonTree, Metric, Run } from '../../api/types';
import { fieldValue } from '../../state/fields';
import { quoteKey } from '../../state/sorting';
import { headlineRank, nameRank } from '../../state/sections';
import { strings } from '../../strings';
import { ago, asNumber, cell, duration, exact, moment, splitPath } from '../../ui/format';

export type ColumnGroup = 'run' | 'config' | 'summary' | 'metric' | 'spark';
export const VARIANTS = ['last', 'best', 'min', 'max', 'mean'] as const;

export interface Column {
  /** The key of filters and sorts: `config.lr`, `summary.loss`, `metric.min.loss`, `created`; `spark.loss` is ours. */
  path: string;
  group: ColumnGroup;
  /** Its key path, outermost first: `optimizer`, `betas`, `0`. */
  keys: readonly string[];
  label: string;
  number: boolean;
  unit?: string;
  /** Of the metric it speaks of: which way is better. */
  goal?: string | null;
  /** The metric whose line a sparkline shows. */
  metric?: string;
}

const BUILTIN = Object.keys(strings.table.builtin) as (keyof typeof strings.table.builtin)[];
const BUILTIN_NUMBERS = new Set(['rows', 'runtime']);
const BUILTIN_SHOWN = ['state', 'created', 'runtime'];
export const AUTOMATIC_MAX = 30;
const AUTOMATIC_SUMMARY_MAX = 12;

/** The keys in front of a column's own, as they stand in its path. */
export const prefixText = ({ keys, group }: Column): string =>
  keys
    .slice(0, -1)
    .map((key) => key + (group === 'config' ? '.' : '/'))
    .join('');

export function builtinColumns(): Column[] {
  return BUILTIN.map((path) => ({
    path,
    group: 'run',
    keys: [strings.table.builtin[path]],
    label: strings.table.builtin[path],
    number: BUILTIN_NUMBERS.has(path),
  }));
}

const builtins = new Map(builtinColumns().map((column) => [column.path, column]));

/** The path of a metric's column: its smallest value, its value at a step, … */
export const metricPath = (metric: string, variant: string): string => `metric.${variant}.${metric}`;
export const sparkPath = (metric: string): string => `spark.${metric}`;

/** The column of a path; null for what is none. */
export function columnOf(path: string, kind = '', metrics?: ReadonlyMap<string, Metric>): Column | null {
  const builtin = builtins.get(path);
  if (builtin) return builtin;
  const dot = path.indexOf('.');
  const group = path.slice(0, dot) as ColumnGroup;
  const key = path.slice(dot + 1);
  if (dot < 0 || key === '') return null;
  if (group === 'config') {
    const keys = splitPath(key);
    return { path, group, keys, label: keys.at(-1) as string, number: kind === 'number' };
  }
  const of = (metric: string) => ({ goal: metrics?.get(metric)?.goal ?? null, metric });
  if (group === 'summary') {
    const keys = metricKeys(key);
    return { path, group, keys, label: keys.at(-1) as string, number: kind === 'number', ...of(key) };
  }
  if (group === 'spark') {
    const keys = metricKeys(key);
    return { path, group, keys: [...keys, '∿'], label: '∿', number: false, ...of(key) };
  }
  const found = /^(at\.\d+|(?!at\.)[a-z]+)\.([\s\S]+)$/.exec(key);
  if (group !== 'metric' || !found) return null;
  const [, what, metric] = found as unknown as [string, string, string];
  const label = what.replace('at.', '@');
  return { path, group, keys: [...metricKeys(metric), label], label, number: true, ...of(metric) };
}

/** Metric names nest with slashes. */
function metricKeys(name: string): string[] {
  const keys = name.split('/').filter(Boolean);
  return keys.length > 0 ? keys.map((key) => splitPath(key).join('.')) : [name];
}

/** Every column one can choose, the run's own first. */
export function allColumns(fields: readonly Field[], metrics?: ReadonlyMap<string, Metric>): Column[] {
  const rest = fields.map((field) => columnOf(field.path, field.kind, metrics)).filter((column) => column !== null);
  return [...builtins.values(), ...rest];
}

/** Lists and media of the runs: the server tells of what it can filter and sort by, which these are not. */
export function listFields(runs: readonly Run[]): Field[] {
  const counts = new Map<string, number>();
  const isMedia = (value: JsonTree) => '_type' in value;
  const visit = (tree: JsonTree, prefix: string, isDeep: boolean) => {
    for (const [key, value] of Object.entries(tree)) {
      if (typeof value !== 'object' || value === null) continue;
      const path = prefix + key.replace(/[.\\]/g, '\\$&');
      if (Array.isArray(value) || isMedia(value)) counts.set(path, (counts.get(path) ?? 0) + 1);
      else if (isDeep) visit(value, `${path}.`, true);
    }
  };
  for (const run of runs) {
    visit(run.config, 'config.', true);
    visit(run.summary, 'summary.', false);
  }
  return [...counts].map(([path, runs]) => ({ path, kind: 'other', runs }));
}

/** Paths of the columns shown when nobody chose: state, times, headline metrics, config that differs among the runs. */
export function automaticColumns(columns: readonly Column[], runs: readonly Run[]): string[] {
  const differs = (column: Column) => {
    const seen = new Set(runs.map((run) => JSON.stringify(fieldValue(run, column.path)) ?? ''));
    return seen.size > 1;
  };
  const config = columns.filter((column) => column.group === 'config' && (runs.length < 2 || differs(column)));
  const summary = columns.filter(
    (column) => column.group === 'summary' && column.number && !column.label.startsWith('_'),
  );
  // Families numbered by their last part (class/0 … class/9) would fill the table.
  const wanted = summary
    .filter((column) => !/^\d+$/.test(column.label))
    .sort((a, b) => headlineRank(key(a)) - headlineRank(key(b)) || nameRank(key(a)) - nameRank(key(b)))
    .slice(0, AUTOMATIC_SUMMARY_MAX);
  const room = AUTOMATIC_MAX - BUILTIN_SHOWN.length - wanted.length;
  return [...BUILTIN_SHOWN, ...config.slice(0, room).map(path), ...together(wanted).map(path)];
}

/** Metrics of one prefix beside each other, in the order of the first of each. */
function together(columns: readonly Column[]): Column[] {
  const prefixes = [...new Set(columns.map(prefixText))];
  return [...columns].sort((a, b) => prefixes.indexOf(prefixText(a)) - prefixes.indexOf(prefixText(b)));
}

const path = (column: Column) => column.path;
const key = (column: Column) => column.path.slice(column.group.length + 1);

/** Whether runs can be sorted and grouped by it. */
export const isStored = ({ group, path }: Column): boolean => group !== 'spark' && !path.startsWith('metric.at.');

/** What a run holds in a column; what its metrics amount to, the server adds to the list. */
export function valueIn(run: Run, column: Column): Json | undefined {
  if (column.group === 'metric') return run.values?.[quoteKey(column.path)] ?? run.values?.[column.path];
  return column.group === 'spark' ? undefined : fieldValue(run, column.path);
}

export function cellText(run: Run, column: Column, now: number): string {
  if (column.path === 'created') return ago(run.created_us, now);
  if (column.path === 'runtime') return duration(run.runtime_us);
  if (column.path === 'tags') return run.tags.join(', ');
  const value = valueIn(run, column);
  return value === null ? '' : cell(value);
}

export function cellTitle(run: Run, column: Column): string {
  if (column.path === 'created') return moment(run.created_us);
  const value = valueIn(run, column);
  return value === null ? '' : exact(value);
}

/** A list or dict whose text is worth a look of its own. */
export function isNested(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null;
}

export function isNumeric(run: Run, column: Column): boolean {
  return column.number || (column.group !== 'run' && asNumber(valueIn(run, column)) !== null);
}

export const WIDTH_MIN = 48;
export const WIDTH_MAX = 800;

/** A first width in px for a column: its longest text among the runs, within bounds. */
export function fittingWidth(column: Column, runs: readonly Run[], now: number, isWhole = false): number {
  const CHARACTER = 7;
  const PADDING = 26;
  if (column.group === 'spark') return 104;
  const longest = Math.max(column.label.length + 3, ...runs.map((run) => cellText(run, column, now).length));
  const icon = column.path === 'state' ? 18 : 0;
  const most = isWhole ? WIDTH_MAX : 240;
  return Math.round(Math.min(most, Math.max(64, longest * CHARACTER + PADDING + icon)));
}

/** Moves a column before another, or to the end. */
export function movedBefore(paths: readonly string[], moved: string, before: string | null): string[] {
  if (moved === before) return [...paths];
  const rest = paths.filter((one) => one !== moved);
  const at = before === null ? rest.length : rest.indexOf(before);
  return [...rest.slice(0, at < 0 ? rest.length : at), moved, ...rest.slice(at < 0 ? rest.length : at)];
}
