/** Ranges of axes and the way from data units to scale space. */

import { finiteCount, lastX, lowerBound } from './series';
import type { FloatColumn, SeriesData } from './series';

export type ScaleName = 'linear' | 'log' | 'symlog';

/**
 * How values are laid out along an axis. A symlog axis is linear about 0, up to about ±`bend`, and
 * logarithmic beyond on either side.
 */
export type Scale = 'linear' | 'log' | { readonly bend: number };

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Data units to scale space: the identity, log10, or ±log10(1 + |value| / bend). */
export function toScale(scale: Scale, value: number): number {
  if (scale === 'linear') return value;
  if (scale === 'log') return Math.log10(value);
  const size = Math.log1p(Math.abs(value) / scale.bend) / Math.LN10;
  return value < 0 ? -size : size;
}

/** The inverse of `toScale`. */
export function fromScale(scale: Scale, value: number): number {
  if (scale === 'linear') return value;
  if (scale === 'log') return 10 ** value;
  const size = Math.expm1(Math.abs(value) * Math.LN10) * scale.bend;
  return value < 0 ? -size : size;
}

/**
 * The bend of a symlog axis that no one chose: the power of ten below the median size of what is
 * drawn, so that the middle of the values is not squeezed and the outer ones are.
 */
export function symlogBend(series: readonly SeriesData[]): number {
  const sizes: number[] = [];
  for (const { n, mean } of series) {
    // A few hundred of each line say where the middle is.
    const every = Math.max(1, Math.floor(n / 256));
    for (let i = 0; i < n; i += every) {
      const size = Math.abs(mean[i]!);
      if (size > 0 && size < Infinity) sizes.push(size);
    }
  }
  if (sizes.length === 0) return 1;
  sizes.sort((a, b) => a - b);
  return 10 ** Math.floor(Math.log10(sizes[sizes.length >> 1]!));
}

export function sameScale(a: Scale, b: Scale): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && a.bend === b.bend);
}

/** Grows as values come in; ignores NaN, ±Inf and, when `log`, everything ≤ 0. */
export class Extent {
  min = Infinity;
  max = -Infinity;
  private readonly above: number;

  constructor(scale: Scale = 'linear') {
    this.above = scale === 'log' ? 0 : -Infinity;
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
export function addXExtent(extent: Extent, data: SeriesData, scale: Scale): void {
  if (data.n === 0) return;
  extent.add(lastX(data, data.n - 1));
  // On a log axis the first drawable x may come later.
  const start = scale === 'log' ? lowerBound(data.x, data.n, Number.MIN_VALUE) : 0;
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
export function paddedRange(range: Range | null, scale: Scale, share = 0.05): Range {
  if (range === null) return scale === 'log' ? { min: 0.1, max: 10 } : { min: 0, max: 1 };
  if (scale === 'log') {
    const low = Math.log10(range.min);
    const high = Math.log10(range.max);
    const room = high > low ? (high - low) * share : 0.5;
    return { min: 10 ** (low - room), max: 10 ** (high + room) };
  }
  if (typeof scale === 'object' && range.max > range.min) {
    const [low, high] = [toScale(scale, range.min), toScale(scale, range.max)];
    const room = (high - low) * share;
    return { min: fromScale(scale, low - room), max: fromScale(scale, high + room) };
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
export function xRange(range: Range | null, scale: Scale): Range {
  if (range === null) return scale === 'log' ? { min: 1, max: 10 } : { min: 0, max: 1 };
  if (range.max > range.min) return range;
  if (scale === 'log') return { min: range.min / 2, max: range.max * 2 };
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
  scale: Scale,
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
        if (!Number.isFinite(value) || (scale === 'log' && value <= 0)) return;
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
export function zoomAbout(range: Range, scale: Scale, centre: number, factor: number): Range {
  const low = toScale(scale, range.min);
  const high = toScale(scale, range.max);
  const at = toScale(scale, centre);
  return {
    min: fromScale(scale, at - (at - low) * factor),
    max: fromScale(scale, at + (high - at) * factor),
  };
}

/** `range` moved by `share` of its own width, in scale space. */
export function shifted(range: Range, scale: Scale, share: number): Range {
  const low = toScale(scale, range.min);
  const high = toScale(scale, range.max);
  const by = (high - low) * share;
  return { min: fromScale(scale, low + by), max: fromScale(scale, high + by) };
}

/** Whether `inner` lies within `outer` (null means everything). */
export function covers(outer: Range | null, inner: Range): boolean {
  if (outer === null) return true;
  const slack = (inner.max - inner.min) * 1e-6;
  return outer.min <= inner.min + slack && outer.max >= inner.max - slack;
}
