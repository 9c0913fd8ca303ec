/** Ranges of axes and the way from data units to scale space. */

import { finiteCount, lastX, lowerBound } from './series';
import type { FloatColumn, SeriesData } from './series';

export type ScaleKind = 'linear' | 'log';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Data units to scale space: the identity, or log10. */
export function toScale(kind: ScaleKind, value: number): number {
  return kind === 'log' ? Math.log10(value) : value;
}

/** The inverse of `toScale`. */
export function fromScale(kind: ScaleKind, value: number): number {
  return kind === 'log' ? 10 ** value : value;
}

/** Grows as values come in; ignores NaN, ±Inf and, when `log`, everything ≤ 0. */
export class Extent {
  min = Infinity;
  max = -Infinity;
  private readonly above: number;

  constructor(kind: ScaleKind = 'linear') {
    this.above = kind === 'log' ? 0 : -Infinity;
  }

  add(value: number): void {
    if (!(value > this.above) || value === Infinity) return;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  get range(): Range | null {
    return this.max >= this.min ? { min: this.min, max: this.max } : null;
  }
}

/** x from the first bucket's first point to the last bucket's last point. */
export function addXExtent(extent: Extent, data: SeriesData, kind: ScaleKind): void {
  if (data.n === 0) return;
  extent.add(lastX(data, data.n - 1));
  // On a log axis the first drawable x may come later.
  const start = kind === 'log' ? lowerBound(data.x, data.n, Number.MIN_VALUE) : 0;
  if (start < data.n) extent.add(data.x[start]!);
}

/** Extremes of the buckets with an x in `view` (all when null). */
export function addYExtent(extent: Extent, data: SeriesData, view: Range | null): void {
  let from = view === null ? 0 : lowerBound(data.x, data.n, view.min);
  // A bucket that began before the view may reach into it.
  if (view !== null && from > 0 && lastX(data, from - 1) >= view.min) from -= 1;
  const to = view === null ? data.n : lowerBound(data.x, data.n, next(view.max));
  for (let i = from; i < to; i += 1) {
    extent.add(data.min[i]!);
    extent.add(data.max[i]!);
  }
}

/** Extremes of values that stand at given x. */
export function addCurveExtent(
  extent: Extent,
  x: Float64Array,
  values: FloatColumn,
  view: Range | null,
): void {
  const from = view === null ? 0 : lowerBound(x, x.length, view.min);
  const to = view === null ? x.length : lowerBound(x, x.length, next(view.max));
  for (let i = from; i < to; i += 1) extent.add(values[i]!);
}

function next(value: number): number {
  return value + Math.abs(value) * 1e-15;
}

/** The y range with room above and below. Never reaches for 0; a constant gets a range around it. */
export function paddedRange(range: Range | null, kind: ScaleKind, share = 0.05): Range {
  if (range === null) return kind === 'log' ? { min: 0.1, max: 10 } : { min: 0, max: 1 };
  if (kind === 'log') {
    const low = Math.log10(range.min);
    const high = Math.log10(range.max);
    const room = high > low ? (high - low) * share : 0.5;
    return { min: 10 ** (low - room), max: 10 ** (high + room) };
  }
  const span = range.max - range.min;
  const size = Math.max(Math.abs(range.min), Math.abs(range.max));
  // A span below the noise of float32 is a constant.
  if (span <= size * 1e-9) {
    const room = size === 0 ? 1 : size * 0.1;
    return { min: range.min - room, max: range.max + room };
  }
  return { min: range.min - span * share, max: range.max + span * share };
}

/** The x range as it is; a single x gets one unit around it. */
export function xRange(range: Range | null, kind: ScaleKind): Range {
  if (range === null) return kind === 'log' ? { min: 1, max: 10 } : { min: 0, max: 1 };
  if (range.max > range.min) return range;
  if (kind === 'log') return { min: range.min / 2, max: range.max * 2 };
  return { min: range.min - 0.5, max: range.max + 0.5 };
}

export interface OutlierRange {
  readonly range: Range | null;
  /** Points outside it; at least this many where a bucket holds several. */
  readonly outside: number;
}

/** The span between the `percent` and 100 - `percent` percentiles of what is visible. */
export function outlierRange(
  series: readonly SeriesData[],
  view: Range | null,
  kind: ScaleKind,
  percent: number,
): OutlierRange {
  const values: { value: number; weight: number }[] = [];
  let total = 0;
  for (const data of series) {
    const from = view === null ? 0 : lowerBound(data.x, data.n, view.min);
    const to = view === null ? data.n : lowerBound(data.x, data.n, next(view.max));
    for (let i = from; i < to; i += 1) {
      const weight = finiteCount(data, i);
      const parts = data.exact ? [data.first[i]!] : [data.min[i]!, data.mean[i]!, data.max[i]!];
      // The extremes of a bucket are one point each, the mean stands for the others.
      const shares = data.exact ? [1] : [1, Math.max(0, weight - 2), 1];
      parts.forEach((value, k) => {
        if (!Number.isFinite(value) || (kind === 'log' && value <= 0)) return;
        values.push({ value, weight: shares[k]! });
        total += shares[k]!;
      });
    }
  }
  if (values.length === 0) return { range: null, outside: 0 };
  values.sort((a, b) => a.value - b.value);
  const cut = (total * percent) / 100;
  const range = { min: percentile(values, cut), max: percentile(values, total - cut) };
  let outside = 0;
  for (const { value, weight } of values) {
    if (value < range.min || value > range.max) outside += weight;
  }
  return { range, outside };
}

function percentile(sorted: readonly { value: number; weight: number }[], rank: number): number {
  let seen = 0;
  for (const { value, weight } of sorted) {
    seen += weight;
    if (seen >= rank && weight > 0) return value;
  }
  return sorted[sorted.length - 1]!.value;
}

/** `range` scaled by `factor` about `centre`, in scale space. */
export function zoomAbout(range: Range, kind: ScaleKind, centre: number, factor: number): Range {
  const low = toScale(kind, range.min);
  const high = toScale(kind, range.max);
  const at = toScale(kind, centre);
  return {
    min: fromScale(kind, at - (at - low) * factor),
    max: fromScale(kind, at + (high - at) * factor),
  };
}

/** `range` moved by `share` of its own width, in scale space. */
export function shifted(range: Range, kind: ScaleKind, share: number): Range {
  const low = toScale(kind, range.min);
  const high = toScale(kind, range.max);
  const by = (high - low) * share;
  return { min: fromScale(kind, low + by), max: fromScale(kind, high + by) };
}

/** Whether `inner` lies within `outer` (null means everything). */
export function covers(outer: Range | null, inner: Range): boolean {
  if (outer === null) return true;
  const slack = (inner.max - inner.min) * 1e-6;
  return outer.min <= inner.min + slack && outer.max >= inner.max - slack;
}
