// Columns of the runs table: which there are, which are shown unasked, and what stands in a cell. Pure.
import type { Field, Run } from '../../api/types';
import { fieldValue } from '../../state/fields';
import { headlineRank, nameRank } from '../../state/sections';
import { strings } from '../../strings';
import { ago, asNumber, cell, duration, exact, moment } from '../../ui/format';

export type ColumnGroup = 'run' | 'config' | 'summary';

export interface Column {
  /** The key of filters and sorts: `config.lr`, `summary.loss`, `created`. */
  path: string;
  group: ColumnGroup;
  /** The key path in front of the last key, such as `optimizer`. */
  prefix: string;
  label: string;
  number: boolean;
}

const BUILTIN = Object.keys(strings.table.builtin) as (keyof typeof strings.table.builtin)[];
const BUILTIN_NUMBERS = new Set(['rows', 'runtime']);
const BUILTIN_SHOWN = ['state', 'created', 'runtime'];
export const AUTOMATIC_MAX = 30;
const AUTOMATIC_SUMMARY_MAX = 12;

/** The keys in front of a column's own, as they stand in its path. */
export const prefixText = ({ prefix, group }: Column): string =>
  prefix === '' ? '' : prefix + (group === 'config' ? '.' : '/');

export function builtinColumns(): Column[] {
  return BUILTIN.map((path) => ({
    path,
    group: 'run',
    prefix: '',
    label: strings.table.builtin[path],
    number: BUILTIN_NUMBERS.has(path),
  }));
}

export function fieldColumn(path: string, kind = ''): Column | null {
  const group = path.startsWith('config.') ? 'config' : path.startsWith('summary.') ? 'summary' : null;
  if (!group) return null;
  const key = path.slice(group.length + 1);
  // Config nests with dots, metric names with slashes.
  const cut = key.lastIndexOf(group === 'config' ? '.' : '/');
  return {
    path,
    group,
    prefix: cut < 0 ? '' : key.slice(0, cut),
    label: key.slice(cut + 1),
    number: kind === 'number',
  };
}

/** Every column one can choose, the run's own first. */
export function allColumns(fields: readonly Field[]): Column[] {
  const rest = fields.map((field) => fieldColumn(field.path, field.kind)).filter((column) => column !== null);
  return [...builtinColumns(), ...rest];
}

/** Paths of the columns shown when nobody chose: state, times, config that differs among the runs, headline metrics. */
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
  return [...BUILTIN_SHOWN, ...wanted.map(path), ...config.slice(0, room).map(path)];
}

const path = (column: Column) => column.path;
const key = (column: Column) => column.path.slice(column.group.length + 1);

export function cellText(run: Run, column: Column, now: number): string {
  if (column.path === 'created') return ago(run.created_us, now);
  if (column.path === 'runtime') return duration(run.runtime_us);
  if (column.path === 'tags') return run.tags.join(', ');
  return cell(fieldValue(run, column.path));
}

export function cellTitle(run: Run, column: Column): string {
  if (column.path === 'created') return moment(run.created_us);
  return exact(fieldValue(run, column.path));
}

export function isNumeric(run: Run, column: Column): boolean {
  return column.number || (column.group !== 'run' && asNumber(fieldValue(run, column.path)) !== null);
}

/** A first width in px for a column: its longest text among the runs, within bounds. */
export function fittingWidth(column: Column, runs: readonly Run[], now: number): number {
  const CHARACTER = 7;
  const PADDING = 26;
  const longest = Math.max(
    column.label.length + 2,
    column.prefix.length * 0.9,
    ...runs.map((run) => cellText(run, column, now).length),
  );
  const icon = column.path === 'state' ? 18 : 0;
  return Math.round(Math.min(240, Math.max(64, longest * CHARACTER + PADDING + icon)));
}
