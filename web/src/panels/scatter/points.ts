// The points of a scatter panel. Pure.
import type { Metric, Run } from '../../api/types';
import { choiceOf, flagOf, textOf, type Options } from '../../lib/options';
import type { Goal } from '../../lib/pareto';
import type { ScaleKind } from '../../charts/plot/axis';
import { headlinePath, isLessBetter, numberPaths, numbersOf, spansDecades, variedPaths } from '../../state/run-columns';

export interface ScatterOptions {
  x: string | null;
  y: string | null;
  /** "": the runs' own colours. */
  colour: string;
  /** "": all alike. */
  size: string;
  logX: boolean;
  logY: boolean;
  logColour: boolean;
  front: boolean;
  goalX: Goal;
  goalY: Goal;
}

const GOALS = ['min', 'max'] as const;

/** What is not chosen is taken from the data: what runs are judged by upward, what they differ in to the right. */
export function scatterOptions(options: Options, runs: readonly Run[], metrics: readonly Metric[]): ScatterOptions {
  const y = textOf(options, 'y', '') || headlinePath(runs, metrics);
  const x = textOf(options, 'x', '') || firstNumber(runs, y);
  const colour = textOf(options, 'colour', '');
  const log = (key: string, path: string | null) =>
    flagOf(options, key, path !== null && path !== '' && spansDecades(numbersOf(runs, path)));
  const goal = (path: string | null): Goal => (path === null || isLessBetter(path, metrics) ? 'min' : 'max');
  return {
    x,
    y,
    colour,
    size: textOf(options, 'size', ''),
    logX: log('logX', x),
    logY: log('logY', y),
    logColour: log('logColour', colour),
    front: flagOf(options, 'front', false),
    goalX: choiceOf(options, 'goalX', GOALS, goal(x)),
    goalY: choiceOf(options, 'goalY', GOALS, goal(y)),
  };
}

function firstNumber(runs: readonly Run[], except: string | null): string | null {
  const numbers = new Set(numberPaths(runs));
  return (
    variedPaths(runs).find((path) => numbers.has(path)) ??
    [...numbers].find((path) => path !== except && !/^summary\._/.test(path)) ??
    null
  );
}

/** Places of the runs that have both numbers, and can stand on both axes. */
export function placed(x: Float64Array, y: Float64Array, logX: boolean, logY: boolean): number[] {
  const kind = (log: boolean): ScaleKind => (log ? 'log' : 'linear');
  const found: number[] = [];
  for (let i = 0; i < x.length; i += 1) {
    if (fitsScale(kind(logX), x[i] as number) && fitsScale(kind(logY), y[i] as number)) found.push(i);
  }
  return found;
}

/** The drawn point nearest to a place, within `reach` px; −1 without one. */
export function nearest(px: Float32Array, py: Float32Array, at: readonly [number, number], reach: number): number {
  let found = -1;
  let best = reach * reach;
  for (let i = 0; i < px.length; i += 1) {
    const distance = ((px[i] as number) - at[0]) ** 2 + ((py[i] as number) - at[1]) ** 2;
    if (distance <= best) {
      best = distance;
      found = i;
    }
  }
  return found;
}

function fitsScale(kind: ScaleKind, value: number): boolean {
  return Number.isFinite(value) && (kind === 'linear' || value > 0);
}
