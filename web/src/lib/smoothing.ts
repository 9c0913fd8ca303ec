/**
 * Smoothed curves over buckets.
 *
 * Every method weighs a bucket by its points, so the curve of 10 000 points in 100 buckets is the
 * curve of the 10 000 points: zooming changes how often it is sampled, not where it runs. Buckets
 * without a finite value pass the state on unchanged and are NaN in the curve.
 */

import { centreX } from './geometry';
import { finiteCount, lastX } from './series';
import type { SeriesData } from './series';
import { chartWords } from '../strings-charts';
import { formatValue } from './numbers';

export type Smoothing =
  | { readonly kind: 'none' }
  /** Exponential, `weight` in [0, 1) per point. */
  | { readonly kind: 'ema'; readonly weight: number }
  /** Exponential by x: the weight applies per thousandth of the visible x range. */
  | { readonly kind: 'ema-time'; readonly weight: number }
  /** Gaussian kernel; `sigma` in x units, or in percent of the x range when `percent`. */
  | { readonly kind: 'gaussian'; readonly sigma: number; readonly percent?: boolean }
  /** Centred mean of `points` points. */
  | { readonly kind: 'mean'; readonly points: number }
  /** Centred median of `points` points. */
  | { readonly kind: 'median'; readonly points: number };

export interface Curve {
  /** In data units: where each value stands. */
  readonly x: Float64Array;
  /** One a bucket; NaN where the bucket has no finite value. */
  readonly y: Float64Array;
}

const KERNEL_SIGMAS = 3;

/** How many time constants of data a zoomed request asks for left of the window. */
const LEAD_IN_CONSTANTS = 5;

/** The smoothing as the panel header states it; empty for none. */
export function smoothingLabel(smoothing: Smoothing): string {
  switch (smoothing.kind) {
    case 'none':
      return '';
    case 'ema':
      return chartWords.smoothing.ema(formatValue(smoothing.weight));
    case 'ema-time':
      return chartWords.smoothing.emaTime(formatValue(smoothing.weight));
    case 'gaussian':
      return chartWords.smoothing.gaussian(`${formatValue(smoothing.sigma)}${smoothing.percent === true ? ' %' : ''}`);
    case 'mean':
      return chartWords.smoothing.mean(smoothing.points);
    case 'median':
      return chartWords.smoothing.median(smoothing.points);
  }
}

/** Whether the curve would differ from the data. */
export function isSmoothing(smoothing: Smoothing): boolean {
  switch (smoothing.kind) {
    case 'none':
      return false;
    case 'ema':
    case 'ema-time':
      return smoothing.weight > 0;
    case 'gaussian':
      return smoothing.sigma > 0;
    default:
      return smoothing.points > 1;
  }
}

/**
 * The smoothed curve of a series.
 *
 * @param span width of the visible x range in data units; only range-relative methods use it
 * @param log smooth in log10 space (values ≤ 0 are skipped), for a log y axis
 */
export function smooth(data: SeriesData, smoothing: Smoothing, span: number, log: boolean): Curve {
  const input = buckets(data, log);
  const y = apply(input, smoothing, span);
  if (log) for (let i = 0; i < y.length; i += 1) y[i] = 10 ** y[i]!;
  const isCausal = smoothing.kind === 'ema' || smoothing.kind === 'ema-time';
  return { x: isCausal ? input.end : input.centre, y };
}

interface Buckets {
  readonly n: number;
  readonly centre: Float64Array;
  readonly end: Float64Array;
  /** Mean of the finite points, in the space smoothed in; NaN without any. */
  readonly mean: Float64Array;
  /** Finite points; 0 where the mean is NaN. */
  readonly count: Float64Array;
}

function buckets(data: SeriesData, log: boolean): Buckets {
  const centre = new Float64Array(data.n);
  const end = new Float64Array(data.n);
  const mean = new Float64Array(data.n);
  const count = new Float64Array(data.n);
  for (let i = 0; i < data.n; i += 1) {
    centre[i] = centreX(data, i);
    end[i] = lastX(data, i);
    const value = log ? Math.log10(data.mean[i]!) : data.mean[i]!;
    const isFinite = Number.isFinite(value);
    mean[i] = isFinite ? value : NaN;
    count[i] = isFinite ? finiteCount(data, i) : 0;
  }
  return { n: data.n, centre, end, mean, count };
}

function apply(input: Buckets, smoothing: Smoothing, span: number): Float64Array {
  switch (smoothing.kind) {
    case 'ema':
      return exponential(input, smoothing.weight, (i) => input.count[i]!);
    case 'ema-time':
      return exponential(input, smoothing.weight, perThousandth(input, span));
    case 'gaussian':
      return gaussian(
        input,
        smoothing.percent === true ? (smoothing.sigma / 100) * span : smoothing.sigma,
      );
    case 'mean':
      return runningMean(input, smoothing.points);
    case 'median':
      return runningMedian(input, smoothing.points);
    default:
      return input.mean.slice();
  }
}

/**
 * s ← wᵉ·s + (1 − wᵉ)·m,  E ← E + e,  shown s / (1 − w^E)
 *
 * with e the bucket's points, or its distance on x for the time-weighted kind. The division takes
 * out the pull of the zero that s starts from.
 */
function exponential(
  input: Buckets,
  weight: number,
  exponent: (i: number) => number,
): Float64Array {
  const y = new Float64Array(input.n).fill(NaN);
  const w = Math.min(Math.max(weight, 0), 1 - 1e-12);
  let state = 0;
  let sum = 0;
  for (let i = 0; i < input.n; i += 1) {
    if (input.count[i] === 0) continue;
    const e = exponent(i);
    const kept = w ** e;
    state = kept * state + (1 - kept) * input.mean[i]!;
    sum += e;
    y[i] = state / (1 - w ** sum);
  }
  return y;
}

function perThousandth(input: Buckets, span: number): (i: number) => number {
  const perUnit = span > 0 ? 1000 / span : 0;
  let previous = NaN;
  return (i) => {
    // The first bucket has no distance yet; one thousandth gives it a weight to start from.
    const distance = Number.isNaN(previous) ? NaN : (input.end[i]! - previous) * perUnit;
    previous = input.end[i]!;
    return Number.isNaN(distance) ? 1 : Math.max(distance, 1e-9);
  };
}

function gaussian(input: Buckets, sigma: number): Float64Array {
  const y = new Float64Array(input.n).fill(NaN);
  const reach = KERNEL_SIGMAS * sigma;
  const scale = -0.5 / (sigma * sigma);
  let from = 0;
  for (let i = 0; i < input.n; i += 1) {
    if (input.count[i] === 0) continue;
    const at = input.centre[i]!;
    while (input.centre[from]! < at - reach) from += 1;
    let total = 0;
    let weights = 0;
    for (let j = from; j < input.n && input.centre[j]! <= at + reach; j += 1) {
      if (input.count[j] === 0) continue;
      const distance = input.centre[j]! - at;
      const weight = input.count[j]! * Math.exp(distance * distance * scale);
      total += weight * input.mean[j]!;
      weights += weight;
    }
    // Dividing by the weights in reach is what normalises the edges.
    y[i] = total / weights;
  }
  return y;
}

/** Cumulated points: bucket i holds the points from before[i] to before[i + 1]. */
function pointsBefore(input: Buckets): Float64Array {
  const before = new Float64Array(input.n + 1);
  for (let i = 0; i < input.n; i += 1) before[i + 1] = before[i]! + input.count[i]!;
  return before;
}

/** Mean of the `points` points around each bucket's middle; a bucket at the rim counts in part. */
function runningMean(input: Buckets, points: number): Float64Array {
  const y = new Float64Array(input.n).fill(NaN);
  const before = pointsBefore(input);
  const total = before[input.n]!;
  const sums = new Float64Array(input.n + 1);
  for (let i = 0; i < input.n; i += 1) {
    sums[i + 1] = sums[i]! + (input.count[i]! === 0 ? 0 : input.count[i]! * input.mean[i]!);
  }
  // The sum of the first `rank` points, with `bucket` the one that holds the last of them.
  const sumTo = (rank: number, bucket: number): number =>
    sums[bucket]! +
    (input.count[bucket] === 0 ? 0 : (rank - before[bucket]!) * input.mean[bucket]!);
  let from = 0;
  let to = 0;
  for (let i = 0; i < input.n; i += 1) {
    if (input.count[i] === 0) continue;
    const middle = (before[i]! + before[i + 1]!) / 2;
    const low = Math.max(0, middle - points / 2);
    const high = Math.min(total, middle + points / 2);
    while (before[from + 1]! <= low) from += 1;
    while (to < input.n - 1 && before[to + 1]! < high) to += 1;
    y[i] = (sumTo(high, to) - sumTo(low, from)) / (high - low);
  }
  return y;
}

/** Median of the `points` points around each bucket's middle, each standing at its bucket's mean. */
function runningMedian(input: Buckets, points: number): Float64Array {
  const y = new Float64Array(input.n).fill(NaN);
  const before = pointsBefore(input);
  const inWindow = new SortedBuckets(input.mean);
  let from = 0;
  let to = 0;
  for (let i = 0; i < input.n; i += 1) {
    if (input.count[i] === 0) continue;
    const middle = (before[i]! + before[i + 1]!) / 2;
    const low = middle - points / 2;
    const high = middle + points / 2;
    for (; to < input.n && before[to]! < high; to += 1) if (input.count[to]! > 0) inWindow.add(to);
    for (; before[from + 1]! <= low; from += 1) if (input.count[from]! > 0) inWindow.remove(from);
    y[i] = inWindow.median(
      (bucket) => Math.min(high, before[bucket + 1]!) - Math.max(low, before[bucket]!),
    );
  }
  return y;
}

/** Buckets in the order of their values. */
class SortedBuckets {
  private readonly order: number[] = [];
  private readonly values: Float64Array;

  constructor(values: Float64Array) {
    this.values = values;
  }

  add(bucket: number): void {
    this.order.splice(this.place(bucket), 0, bucket);
  }

  remove(bucket: number): void {
    this.order.splice(this.place(bucket), 1);
  }

  median(weightOf: (bucket: number) => number): number {
    const { order, values } = this;
    let total = 0;
    for (const bucket of order) total += weightOf(bucket);
    let seen = 0;
    for (let k = 0; k < order.length; k += 1) {
      seen += weightOf(order[k]!);
      const value = values[order[k]!]!;
      if (seen > total / 2 + 1e-9) return value;
      if (seen > total / 2 - 1e-9) return (value + values[order[k + 1] ?? order[k]!]!) / 2;
    }
    return NaN;
  }

  /** Where the bucket stands, or would; equal values stand in bucket order. */
  private place(bucket: number): number {
    const { order, values } = this;
    const value = values[bucket]!;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = order[middle]!;
      if (values[other]! < value || (values[other] === value && other < bucket)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * How far left of a zoomed window to ask for data, in x units, so that the curve enters the
 * window where it left the full view.
 *
 * @param spacing x between neighbouring points
 * @param span width of the window
 */
export function leadIn(smoothing: Smoothing, spacing: number, span: number): number {
  switch (smoothing.kind) {
    case 'ema':
      return LEAD_IN_CONSTANTS * timeConstant(smoothing.weight) * spacing;
    case 'ema-time':
      return (LEAD_IN_CONSTANTS * timeConstant(smoothing.weight) * span) / 1000;
    case 'gaussian':
      return (
        KERNEL_SIGMAS *
        (smoothing.percent === true ? (smoothing.sigma / 100) * span : smoothing.sigma)
      );
    case 'mean':
    case 'median':
      return (smoothing.points / 2) * spacing;
    default:
      return 0;
  }
}

/** Points after which a step has decayed to 1/e. */
function timeConstant(weight: number): number {
  return weight > 0 ? -1 / Math.log(Math.min(weight, 1 - 1e-12)) : 0;
}
