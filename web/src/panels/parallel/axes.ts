// The axes of a parallel plot and what is brushed on them. Pure.
import type { Metric, Run } from '../../api/types';
import { roomyRange, ticksOf } from '../../charts/plot/axis';
import { mapOf, textOf, textsOf, type Options } from '../../lib/options';
import { toScale, type Range } from '../../lib/scales';
import type { Tick } from '../../lib/ticks';
import {
  columnOf,
  headlinePath,
  isListedLog,
  numberPaths,
  spansDecades,
  variedPaths,
  type Column,
} from '../../state/run-columns';

export interface ParallelAxis {
  path: string;
  column: Column;
  log: boolean;
  flip: boolean;
  /** Of numbers. */
  range: Range;
  /** Numbers between the two, or names of categories; null for all. */
  brush: readonly [number, number] | readonly string[] | null;
}

const AXES_DEFAULT = 7;
/** An axis that most lines pass by says little. */
const SHARE_MIN = 0.5;

export interface ParallelOptions {
  axes: string[];
  colour: string;
}

/** What is not chosen: what the runs differ in, and at the right end what they are judged by. */
export function parallelOptions(options: Options, runs: readonly Run[], metrics: readonly Metric[]): ParallelOptions {
  const chosen = textsOf(options, 'axes');
  const headline = headlinePath(runs, metrics);
  let axes = chosen;
  if (axes === null) {
    const common = variedPaths(runs, SHARE_MIN);
    const varied = (common.length > 0 ? common : variedPaths(runs)).slice(0, AXES_DEFAULT - 1);
    const found =
      varied.length > 0
        ? varied
        : numberPaths(runs)
            .filter((path) => path !== headline)
            .slice(0, 3);
    axes = [...found, ...(headline === null ? [] : [headline])];
  }
  return { axes, colour: textOf(options, 'colour', headline ?? axes.at(-1) ?? '') };
}

export function parallelAxes(runs: readonly Run[], paths: readonly string[], options: Options): ParallelAxis[] {
  const flips = new Set(textsOf(options, 'flip') ?? []);
  const brushes = mapOf(options, 'brush');
  return paths.map((path) => {
    const column = columnOf(runs, path);
    const log = isLog(column, path, options);
    const range = column.kind === 'number' ? roomyRange(column.values, log ? 'log' : 'linear') : { min: 0, max: 1 };
    return { path, column, log, flip: flips.has(path), range, brush: brushIn(brushes[path], column) };
  });
}

const TICK_ROOM = 40;

/** Of an axis of numbers that is so many px long; whole numbers have ticks at whole numbers alone. */
export function axisTicks({ column, log, range }: ParallelAxis, length: number): Tick[] {
  const isWhole =
    column.kind === 'number' && column.values.every((value) => !Number.isFinite(value) || Number.isInteger(value));
  const scale = { scale: log ? 'log' : 'linear', range, from: 0, to: 1 } as const;
  const ticks = ticksOf(scale, Math.max(2, length / TICK_ROOM), isWhole ? 'step' : 'number');
  return isWhole ? ticks.filter((tick) => Number.isInteger(tick.value)) : ticks;
}

/** Where nobody chose, as the values are. */
export function isLog(column: Column, path: string, options: Options): boolean {
  if (column.kind !== 'number') return false;
  return textsOf(options, 'log')?.includes(path) ?? (spansDecades(column.values) || isListedLog(column.values));
}

function brushIn(value: unknown, column: Column): ParallelAxis['brush'] {
  if (!Array.isArray(value)) return null;
  if (column.kind === 'category') return value.filter((one): one is string => typeof one === 'string');
  const [low, high] = value as unknown[];
  return value.length === 2 && typeof low === 'number' && typeof high === 'number' ? [low, high] : null;
}

/** Where a run stands on an axis: 0 at the lower end, 1 at the upper; NaN without a place. */
export function shareAt(axis: ParallelAxis, index: number): number {
  const value = axis.column.values[index] as number;
  return axis.column.kind === 'category' ? categoryShare(axis, value) : numberShare(axis, value);
}

export function numberShare(axis: ParallelAxis, value: number): number {
  const scale = axis.log ? 'log' : 'linear';
  if (!Number.isFinite(value) || (axis.log && value <= 0)) return NaN;
  const [low, high] = [toScale(scale, axis.range.min), toScale(scale, axis.range.max)];
  const share = (toScale(scale, value) - low) / (high - low || 1);
  return axis.flip ? 1 - share : share;
}

export function categoryShare(axis: ParallelAxis, place: number): number {
  const size = axis.column.kind === 'category' ? axis.column.categories.length : 1;
  if (place < 0) return NaN;
  const share = (place + 0.5) / size;
  return axis.flip ? share : 1 - share;
}

/** What a stretch of an axis, in shares, brushes. */
export function brushOf(axis: ParallelAxis, from: number, to: number): ParallelAxis['brush'] {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  if (axis.column.kind === 'category') {
    return axis.column.categories.filter((_, at) => {
      const share = categoryShare(axis, at);
      return share >= low && share <= high;
    });
  }
  const scale = axis.log ? 'log' : 'linear';
  const [min, max] = [toScale(scale, axis.range.min), toScale(scale, axis.range.max)];
  const value = (share: number): number => {
    const at = min + (axis.flip ? 1 - share : share) * (max - min);
    return axis.log ? 10 ** at : at;
  };
  const [a, b] = [value(low), value(high)];
  return [Math.min(a, b), Math.max(a, b)];
}

export function passes(axis: ParallelAxis, index: number): boolean {
  if (axis.brush === null) return true;
  const value = axis.column.values[index] as number;
  if (axis.column.kind === 'category') {
    return value >= 0 && (axis.brush as readonly string[]).includes(axis.column.categories[value] as string);
  }
  const [low, high] = axis.brush as readonly [number, number];
  return value >= low && value <= high;
}

/** Places of the runs that every brush lets through. */
export function brushed(axes: readonly ParallelAxis[], runs: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < runs; i += 1) if (axes.every((axis) => passes(axis, i))) found.push(i);
  return found;
}

export function movedAxis(paths: readonly string[], from: number, to: number): string[] {
  const next = [...paths];
  const [one] = next.splice(from, 1);
  next.splice(Math.max(0, Math.min(next.length, to)), 0, one as string);
  return next;
}
