/** How the values of a group lie: a mean with its reach, and the five numbers of a box. */
import { mean, quantile, standardDeviation } from './grouping';

export type Reach = 'none' | 'std' | 'se' | 'ci95' | 'range';

export interface Interval {
  readonly n: number;
  readonly mean: number;
  /** Equal to the mean where there is no reach to show. */
  readonly low: number;
  readonly high: number;
}

const NORMAL_95 = 1.959964;

/** Of finite values; null without any. One value has no deviation, so it reaches nowhere. */
export function intervalOf(values: readonly number[], reach: Reach): Interval | null {
  const n = values.length;
  if (n === 0) return null;
  const middle = mean(values);
  if (reach === 'range') return { n, mean: middle, low: Math.min(...values), high: Math.max(...values) };
  const deviation = standardDeviation(values);
  const error = deviation / Math.sqrt(n);
  const by = { none: 0, std: deviation, se: error, ci95: NORMAL_95 * error }[reach];
  return { n, mean: middle, low: middle - by, high: middle + by };
}

export interface Box {
  readonly n: number;
  readonly mean: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  /** The outermost values within 1.5 interquartile ranges of the box. */
  readonly low: number;
  readonly high: number;
  /** Places (in `values`) of what lies beyond the whiskers. */
  readonly outliers: readonly number[];
}

const WHISKER = 1.5;

/** Of finite values; null without any. Quartiles lie between two values where they must (linear). */
export function boxOf(values: readonly number[]): Box | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const [q1, median, q3] = [quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)];
  const room = (q3 - q1) * WHISKER;
  const isInside = (value: number): boolean => value >= q1 - room && value <= q3 + room;
  const inside = sorted.filter(isInside);
  return {
    n: values.length,
    mean: mean(values),
    q1,
    median,
    q3,
    // A box without a value inside its fences does not exist: the quartiles' neighbours are inside.
    low: inside[0] ?? q1,
    high: inside.at(-1) ?? q3,
    outliers: values.flatMap((value, at) => (isInside(value) ? [] : [at])),
  };
}
