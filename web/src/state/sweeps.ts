// What the pages of sweeps work out of what the server says. Pure.
import type { Run } from '../api/types';
import type { OpenedSweep, Sweep, SweepParameter } from '../api/sweeps';
import { isListedLog, numberAt } from './run-columns';
import { quoteKey } from './sorting';
import { fieldValue } from './fields';
import { quoted } from './filters';

export type Goal = 'minimize' | 'maximize';

/** In the order in which a bar shows them: what is done, what goes on, what went wrong. */
const STATES = ['finished', 'running', 'pending', 'killed', 'failed', 'crashed'];
const SAMPLE = 100;

export interface Share {
  state: string;
  count: number;
}

/** Runs by state, none left out: states this page does not know come last. */
export function sharesOf(runs: Readonly<Record<string, number>>): Share[] {
  const place = (state: string) => (STATES.includes(state) ? STATES.indexOf(state) : STATES.length);
  return Object.entries(runs)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => ({ state, count }))
    .sort((a, b) => place(a.state) - place(b.state) || (a.state < b.state ? -1 : 1));
}

export const runsOf = ({ runs }: Pick<Sweep, 'runs'>): number =>
  Object.values(runs).reduce((sum, count) => sum + count, 0);

/** Of which runs were begun: those handed out, or, where somebody named the sweep by hand, all that name it. */
export const begunOf = (sweep: Pick<Sweep, 'runs' | 'trials'>): number => Math.max(sweep.trials, runsOf(sweep));

/** Of how many trials what began is a part: all that will be, as far as anybody knows. Runs that nobody handed out count beside. */
export function wholeOf(sweep: Pick<Sweep, 'runs' | 'trials' | 'expected' | 'remaining'>): number {
  const byHand = runsOf(sweep) > sweep.trials;
  return Math.max(1, begunOf(sweep) + (sweep.remaining ?? 0), byHand ? 0 : (sweep.expected ?? 0));
}

/** Whether one that has finished could go on: something may be left to try. */
export function canGoOn({ state, expected, trials }: Pick<Sweep, 'state' | 'expected' | 'trials'>): boolean {
  return state === 'PAUSED' || (state === 'FINISHED' && (expected === null || trials < expected));
}

export const sweepFilter = (id: string): string => `sweep:${/^\w+$/.test(id) ? id : quoted(id)}`;

/** The name as a path of the tree where a run has it: of nested keys, or of one key with dots in it. */
function pathIn(part: 'config' | 'summary', name: string, runs: readonly Run[]): string | null {
  const [nested, flat] = [`${part}.${name}`, `${part}.${name.replace(/[.\\]/g, '\\$&')}`];
  if (nested === flat) return runs.some((run) => fieldValue(run, nested) !== undefined) ? nested : null;
  const isThere = (path: string) => runs.some((run) => fieldValue(run, path) !== undefined);
  if (isThere(flat)) return flat;
  return isThere(nested) ? nested : null;
}

/** Where runs keep the value of a parameter. */
export const parameterPath = (name: string, runs: readonly Run[]): string =>
  pathIn('config', name, runs.slice(0, SAMPLE)) ?? `config.${name}`;

/** Where runs keep what the sweep is for: the last value, or what `define_metric` made of it. As the server looks for it. */
export function metricPath(metric: OpenedSweep['metric'], runs: readonly Run[]): string | null {
  if (metric === null) return null;
  const some = runs.slice(0, SAMPLE);
  const extreme = metric.goal === 'minimize' ? 'min' : 'max';
  for (const name of [metric.name, `${metric.name}.best`, `${metric.name}.${extreme}`]) {
    const path = pathIn('summary', name, some);
    if (path !== null && some.some((run) => !Number.isNaN(numberAt(run, path)))) return path;
  }
  return `summary.${metric.name}`;
}

/** Those that are searched; constants say nothing. */
export const searched = (parameters: readonly SweepParameter[]): SweepParameter[] =>
  parameters.filter((one) => one.count !== 1);

/** How its values were meant: drawn so, or listed over powers of ten. */
export const isLog = ({ distribution, values }: SweepParameter): boolean =>
  /log/.test(distribution) ||
  (Array.isArray(values) && values.every((value) => typeof value === 'number') && isListedLog(values as number[]));

/** The best first. */
export const bestFirst = (path: string | null, goal: Goal): string =>
  path === null ? '-created' : `${goal === 'maximize' ? '-' : ''}${quoteKey(path)}`;

export interface Progress {
  /** Trials that set a new best, in their order. */
  bests: readonly number[];
  /** After each trial the best value until then; NaN before the first. */
  curve: Float64Array;
}

/** What was best after each trial. Values that are no numbers, and infinite ones, are never best. */
export function bestSoFar(values: ArrayLike<number>, goal: Goal): Progress {
  const curve = new Float64Array(values.length);
  const bests: number[] = [];
  let best = NaN;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    const isBetter = Number.isNaN(best) || (goal === 'minimize' ? value < best : value > best);
    if (Number.isFinite(value) && isBetter) {
      best = value;
      bests.push(i);
    }
    curve[i] = best;
  }
  return { bests, curve };
}

/** What values a parameter may have, in a few characters; `text` writes a value. */
export function spaceText(one: SweepParameter, text: (value: unknown) => string): string {
  if (one.values) return one.values.map(text).join(', ');
  if (one.min !== undefined && one.max !== undefined) {
    // Exponents of e.
    const power = /^(q_)?(inv_)?log_uniform$/.test(one.distribution);
    const end = (value: number) => (power ? Math.exp(value) : value);
    return `${text(end(one.min))} … ${text(end(one.max))}${step(one, text)}`;
  }
  if (one.mu !== undefined) return `μ ${text(one.mu)}, σ ${text(one.sigma ?? 1)}${step(one, text)}`;
  if (one.a !== undefined) return `a ${text(one.a)}, b ${text(one.b ?? 1)}${step(one, text)}`;
  return '';
}

const step = ({ q }: SweepParameter, text: (value: unknown) => string): string =>
  q === undefined ? '' : `, q ${text(q)}`;

/** Where in the text of a config a parameter stands: the line of its key, as a range of characters; null without one. */
export function placeOf(yaml: string, parameter: string): readonly [number, number] | null {
  let from = Math.max(0, /^\s*["']?parameters["']?\s*:/m.exec(yaml)?.index ?? 0);
  let found: readonly [number, number] | null = null;
  // A name with dots is a path through nested ones, or one key.
  for (const key of yaml.includes(parameter) ? [parameter] : parameter.split('.')) {
    const at = new RegExp(`^[^\\S\\n]*["']?${key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}["']?\\s*:.*$`, 'm');
    const match = at.exec(yaml.slice(from));
    if (!match) return found;
    found = [from + match.index, from + match.index + match[0].length];
    from = found[1];
  }
  return found;
}

/** The line that a parser of YAML complains of, counted from 1; null where it names none. */
export function lineOfComplaint(detail: string): number | null {
  const lines = [...detail.matchAll(/line (\d+)/g)];
  return lines.length > 0 ? Number(lines.at(-1)?.[1]) : null;
}

/** A line of a text as a range of characters. */
export function rangeOfLine(text: string, line: number): readonly [number, number] | null {
  const lines = text.split('\n');
  if (line < 1 || line > lines.length) return null;
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return [from, from + (lines[line - 1] as string).length];
}

export const EXAMPLE = `program: train.py
method: bayes
metric:
  name: val_loss
  goal: minimize
parameters:
  lr:
    distribution: log_uniform_values
    min: 0.0001
    max: 0.1
  batch_size:
    values: [32, 64, 128]
  optimizer:
    values: [adam, sgd]
run_cap: 50
`;
