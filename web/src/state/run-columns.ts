// Values of many runs as columns: numbers where they are numbers, else categories. Pure.
import type { Json, JsonTree, Metric, Run } from '../api/types';
import { asNumber, exact } from '../ui/format';
import { fieldValue } from './fields';
import { nameRank } from './sections';

export interface NumberColumn {
  readonly kind: 'number';
  /** NaN where a run has no number. */
  readonly values: Float64Array;
}

export interface CategoryColumn {
  readonly kind: 'category';
  /** Place in `categories`; −1 where a run has no value. */
  readonly values: Int32Array;
  readonly categories: readonly string[];
}

export type Column = NumberColumn | CategoryColumn;

/** Attributes of a run that are numbers, and those worth colouring or grouping by. */
export const NUMBER_ATTRIBUTES = ['created', 'runtime', 'next_step', 'rows', 'attempt'] as const;
export const TEXT_ATTRIBUTES = ['state', 'group', 'job_type', 'user', 'host', 'name'] as const;

const natural = new Intl.Collator('en', { numeric: true });

/** A number, true and false as 1 and 0; NaN for anything else. */
export function numberAt(run: Run, path: string): number {
  const value = fieldValue(run, path);
  if (typeof value === 'boolean') return value ? 1 : 0;
  const number = asNumber(value);
  if (number === null) return NaN;
  // Times of a run are kept in millionths of a second.
  return path === 'runtime' || path === 'created' ? number / 1e6 : number;
}

export function numbersOf(runs: readonly Run[], path: string): Float64Array {
  return Float64Array.from(runs, (run) => numberAt(run, path));
}

/** A learning rate's kind of range: all above 0, over three powers of ten and more. On a linear axis most of it is one spot. */
const DECADES = 1000;
export function spansDecades(values: Iterable<number>, times = DECADES): boolean {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value <= 0) return false;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return max / min >= times * (1 - 1e-9);
}

/** A few chosen values (0.1, 0.01, 0.001) are apart on a log axis from two powers of ten on. */
const LISTED_MAX = 12;
const LISTED_SPAN = 100;
export function isListedLog(values: Iterable<number>): boolean {
  const listed = new Set<number>();
  for (const value of values) {
    if (Number.isFinite(value)) listed.add(value);
    if (listed.size > LISTED_MAX) return false;
  }
  return listed.size > 2 && spansDecades(listed, LISTED_SPAN);
}

/** Numbers if every value under the path is one (or none is there), else categories in their natural order. */
export function columnOf(runs: readonly Run[], path: string): Column {
  const values = runs.map((run) => present(fieldValue(run, path)));
  if (values.every((value) => value === undefined || asNumber(value) !== null)) {
    return { kind: 'number', values: numbersOf(runs, path) };
  }
  const texts = values.map((value) => (value === undefined ? null : exact(value)));
  const categories = [...new Set(texts.filter((text) => text !== null))].sort(natural.compare);
  const places = new Map(categories.map((text, at) => [text, at]));
  return {
    kind: 'category',
    values: Int32Array.from(texts, (text) => (text === null ? -1 : (places.get(text) as number))),
    categories,
  };
}

function present(value: Json | undefined): Json | undefined {
  return value === null || value === '' ? undefined : value;
}

const escaped = (key: string): string => key.replaceAll('\\', '\\\\').replaceAll('.', '\\.');
const SAMPLE = 300;
const PATHS_MAX = 5000;

/** Paths of plain values in the runs' config and summary, first met first. */
export function pathsOf(runs: readonly Run[], part: 'config' | 'summary'): string[] {
  const found = new Set<string>();
  const walk = (tree: JsonTree, prefix: string): void => {
    for (const [key, value] of Object.entries(tree)) {
      if (found.size >= PATHS_MAX) return;
      if (key === '…') continue;
      const path = `${prefix}.${escaped(key)}`;
      if (typeof value !== 'object' || value === null) found.add(path);
      else if (!Array.isArray(value) && typeof value._type !== 'string') walk(value, path);
      else if (Array.isArray(value) && value.length <= 8 && value.every((one) => typeof one !== 'object'))
        found.add(path);
    }
  };
  for (const run of runs.slice(0, SAMPLE)) walk(run[part], part);
  return [...found];
}

/** Paths whose values are numbers in some run; summary first, then config, then what a run itself has. */
export function numberPaths(runs: readonly Run[]): string[] {
  const some = runs.slice(0, SAMPLE);
  const isNumber = (path: string): boolean => some.some((run) => !Number.isNaN(numberAt(run, path)));
  const all = [...pathsOf(runs, 'summary'), ...pathsOf(runs, 'config')].filter(isNumber);
  return [...all, ...NUMBER_ATTRIBUTES];
}

/** Config paths under which the runs differ; `shareMin` of them have something there. */
export function variedPaths(runs: readonly Run[], shareMin = 0): string[] {
  const isHeld = (path: string): boolean => {
    const held = runs.filter((run) => present(fieldValue(run, path)) !== undefined).length;
    return held >= shareMin * runs.length;
  };
  return varying(runs).filter((path) => shareMin === 0 || isHeld(path));
}

function varying(runs: readonly Run[]): string[] {
  return pathsOf(runs, 'config').filter((path) => {
    const first = exact(runs[0] && fieldValue(runs[0], path));
    return runs.some((run) => exact(fieldValue(run, path)) !== first);
  });
}

/** Of a name that is no headline. */
const PLAIN_RANK = 2;

/** The metric a project is judged by, as a path of the summary: a headline that runs have a last number of. */
export function headlinePath(runs: readonly Run[], metrics: readonly Metric[]): string | null {
  const paths = pathsOf(runs, 'summary').filter((path) => !/^summary\._/.test(path));
  const hasNumber = (path: string): boolean =>
    runs.slice(0, SAMPLE).some((run) => Number.isFinite(numberAt(run, path)));
  const goals = new Set(metrics.filter((metric) => metric.goal).map((metric) => `summary.${metric.path}`));
  const rank = (path: string): number =>
    (goals.has(path) ? 0 : 10) + nameRank(path) + (nameRank(path) < PLAIN_RANK && /val|test|eval/i.test(path) ? 0 : 2);
  return paths.filter(hasNumber).sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

/** Whether less is better: by what was defined, else by the name. */
export function isLessBetter(path: string, metrics: readonly Metric[]): boolean {
  const name = path.replace(/^summary\./, '');
  const goal = metrics.find((metric) => metric.path === name && metric.space === 'history')?.goal;
  if (goal) return goal === 'minimize';
  return /loss|err|perplex|ppl|nll|mae|mse|rmse|bpb|time|runtime|latency/i.test(name);
}
