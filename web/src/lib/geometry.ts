/**
 * What is drawn for a series: polylines, whiskers and marks in scale space, then vertices in px.
 *
 *   SeriesData ──► plain / envelope / mean polyline ──► trace() ──► Path (px) ──► canvas
 *                  (data units, log10 on log axes)      per view
 *
 * The promise: no vertex that reaches furthest up or down within a pixel column is ever left out,
 * so a one-step spike survives every bucket count and every zoom.
 */

import { toScale } from './scales';
import type { Scale } from './scales';
import { finiteCount, lastX, lowerBound } from './series';
import type { FloatColumn, SeriesData } from './series';

/** A hole in the data is dotted when it is longer than this many median spacings. */
const HOLE_SPACINGS = 20;

/** A whisker stands where an extreme is further from the mean than this many half-ranges. */
const WHISKER_HALF_RANGES = 4;

/** Fewest buckets per CSS px for joining first, min, max and last; below it, mean and whiskers. */
export const DENSE_BUCKETS_PER_PX = 0.5;

/** Vertices in x order in scale space; a y that is not finite lifts the pen. */
export interface Polyline {
  readonly x: Float64Array;
  readonly y: FloatColumn;
  readonly n: number;
  /** Ascending indices i: the segment from vertex i - 1 to i crosses a hole. */
  readonly holes: Uint32Array;
}

/** Vertical strokes from a bucket's mean to the extreme that stands out, in scale space. */
export interface Whiskers {
  readonly x: Float64Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Where values are not drawable: x in scale space; y NaN where only the gutter is left. */
export interface Marks {
  readonly nanX: Float64Array;
  readonly nanY: Float64Array;
  readonly pinfX: Float64Array;
  readonly ninfX: Float64Array;
  /** Values ≤ 0 on a log y axis. */
  readonly belowX: Float64Array;
  /** How many those are; at least this many when `belowAtLeast`. */
  readonly below: number;
  readonly belowAtLeast: boolean;
}

/** px = a · value + b, in both directions, with the visible span of x in scale space. */
export interface Transform {
  readonly ax: number;
  readonly bx: number;
  readonly ay: number;
  readonly by: number;
  readonly xMin: number;
  readonly xMax: number;
}

function scaled(value: number, log: boolean): number {
  return log ? (value > 0 ? Math.log10(value) : NaN) : value;
}

/** The place of a value on the y axis; NaN where it has none. */
function placed(value: number, y: Scale): number {
  return y === 'log' ? scaled(value, true) : toScale(y, value);
}

function placedColumn(column: FloatColumn, y: Scale): FloatColumn {
  if (y === 'linear') return column;
  const out = new Float64Array(column.length);
  for (let i = 0; i < column.length; i += 1) out[i] = placed(column[i]!, y);
  return out;
}

function scaledX(column: Float64Array, log: boolean): Float64Array {
  return log ? column.map((value) => scaled(value, true)) : column;
}

function median(values: Float64Array): number {
  if (values.length === 0) return 0;
  values.sort();
  return values[values.length >>> 1]!;
}

/** Buckets that come after a hole. Log-spaced buckets are judged by their spacing on the axis. */
function holeBuckets(data: SeriesData, logX: boolean): number[] {
  if (data.n < 4) return [];
  const onAxis = logX && !data.exact;
  const place = (value: number): number => (onAxis ? Math.log10(Math.max(value, 1e-300)) : value);
  const gaps = new Float64Array(data.n - 1);
  for (let i = 1; i < data.n; i += 1) gaps[i - 1] = place(data.x[i]!) - place(lastX(data, i - 1));
  const starts = new Float64Array(data.n - 1);
  for (let i = 1; i < data.n; i += 1) starts[i - 1] = place(data.x[i]!) - place(data.x[i - 1]!);
  const limit = HOLE_SPACINGS * median(starts);
  const holes: number[] = [];
  for (let i = 0; i < gaps.length; i += 1) if (gaps[i]! > limit) holes.push(i + 1);
  return holes;
}

/** Every point of an exact series. On linear axes the vertices are the columns themselves. */
export function plainLine(data: SeriesData, logX: boolean, yScale: Scale): Polyline {
  return {
    x: scaledX(data.x, logX),
    y: placedColumn(data.first, yScale),
    n: data.n,
    holes: Uint32Array.from(holeBuckets(data, logX)),
  };
}

/** First, min, max and last of every bucket, joined in x order. */
export function envelopeLine(data: SeriesData, logX: boolean, yScale: Scale): Polyline {
  if (data.exact || data.dxMin === null || data.dxMax === null || data.dxLast === null) {
    return plainLine(data, logX, yScale);
  }
  const { dxMin, dxMax, dxLast } = data;
  const x = new Float64Array(data.n * 4);
  const y = new Float64Array(data.n * 4);
  const holes: number[] = [];
  const isAfterHole = new Set(holeBuckets(data, logX));
  let n = 0;
  const push = (px: number, py: number): void => {
    x[n] = px;
    y[n] = py;
    n += 1;
  };
  for (let i = 0; i < data.n; i += 1) {
    const start = n;
    const x0 = data.x[i]!;
    const first = placed(data.first[i]!, yScale);
    const last = placed(data.last[i]!, yScale);
    const low = placed(data.min[i]!, yScale);
    const high = placed(data.max[i]!, yScale);
    if (Number.isFinite(first)) push(scaled(x0, logX), first);
    const lowFirst = dxMin[i]! <= dxMax[i]!;
    for (const isLow of lowFirst ? [true, false] : [false, true]) {
      const value = isLow ? low : high;
      const dx = isLow ? dxMin[i]! : dxMax[i]!;
      const repeatsFirst = dx === 0 && value === first;
      const repeatsLast = dx === dxLast[i]! && value === last;
      if (Number.isFinite(value) && !repeatsFirst && !repeatsLast)
        push(scaled(x0 + dx, logX), value);
    }
    if (Number.isFinite(last) && !(dxLast[i] === 0 && last === first)) {
      push(scaled(x0 + dxLast[i]!, logX), last);
    }
    if (n === start) push(scaled(x0, logX), NaN);
    else if (isAfterHole.has(i)) holes.push(start);
  }
  return { x: x.subarray(0, n), y: y.subarray(0, n), n, holes: Uint32Array.from(holes) };
}

/** x where a bucket's mean is drawn: the middle of its points. */
export function centreX(data: SeriesData, bucket: number): number {
  return data.x[bucket]! + (data.dxLast === null ? 0 : data.dxLast[bucket]! / 2);
}

/** The mean of every bucket at the middle of its points. */
export function meanLine(data: SeriesData, logX: boolean, yScale: Scale): Polyline {
  if (data.exact) return plainLine(data, logX, yScale);
  const x = new Float64Array(data.n);
  for (let i = 0; i < data.n; i += 1) x[i] = scaled(centreX(data, i), logX);
  return {
    x,
    y: placedColumn(data.mean, yScale),
    n: data.n,
    holes: Uint32Array.from(holeBuckets(data, logX)),
  };
}

/** A polyline through values that stand at the last x of their buckets (smoothed curves). */
export function curveLine(
  data: SeriesData,
  x: Float64Array,
  values: FloatColumn,
  logX: boolean,
  yScale: Scale,
): Polyline {
  return {
    x: scaledX(x, logX),
    y: placedColumn(values, yScale),
    n: values.length,
    holes: Uint32Array.from(holeBuckets(data, logX)),
  };
}

/** Height of a line at an x within or beside bucket `near`; that of the bucket where a neighbour is lost. */
function heightAt({ x, y, n }: Polyline, near: number, at: number): number {
  const other = at < x[near]! ? near - 1 : near + 1;
  const own = y[near]!;
  if (other < 0 || other >= n || x[other] === x[near]) return own;
  const share = (at - x[near]!) / (x[other]! - x[near]!);
  const height = own + share * (y[other]! - own);
  return Number.isFinite(height) ? height : own;
}

/** Strokes to the extremes that the mean line would hide. */
export function whiskers(data: SeriesData, logX: boolean, yScale: Scale): Whiskers {
  const halves = new Float64Array(data.exact ? 0 : data.n);
  let measured = 0;
  for (let i = 0; i < halves.length; i += 1) {
    const half = (data.max[i]! - data.min[i]!) / 2;
    if (half >= 0) halves[measured++] = half;
  }
  const limit = WHISKER_HALF_RANGES * median(halves.subarray(0, measured));
  const line = halves.length === 0 ? null : meanLine(data, logX, yScale);
  const x: number[] = [];
  const from: number[] = [];
  const to: number[] = [];
  const stand = (bucket: number, extreme: number, dx: number): void => {
    if (!(Math.abs(extreme - data.mean[bucket]!) > limit)) return;
    const tip = placed(extreme, yScale);
    if (!Number.isFinite(tip)) return;
    // Where the extreme was, which is not the middle of its bucket; its foot is on the line there.
    const at = scaled(data.x[bucket]! + dx, logX);
    const foot = heightAt(line!, bucket, at);
    x.push(at);
    from.push(Number.isFinite(foot) ? foot : tip);
    to.push(tip);
  };
  for (let i = 0; i < halves.length; i += 1) {
    stand(i, data.min[i]!, data.dxMin?.[i] ?? 0);
    stand(i, data.max[i]!, data.dxMax?.[i] ?? 0);
  }
  return { x: Float64Array.from(x), from: Float64Array.from(from), to: Float64Array.from(to) };
}

/** Places of NaN, ±Inf and, on a log y axis, of values ≤ 0. */
export function marks(data: SeriesData, logX: boolean, yScale: Scale): Marks {
  const nanX: number[] = [];
  const nanY: number[] = [];
  const pinfX: number[] = [];
  const ninfX: number[] = [];
  const belowX: number[] = [];
  let below = 0;
  let belowAtLeast = false;
  let lastFinite = NaN;
  for (let i = 0; i < data.n; i += 1) {
    const x = scaled(data.x[i]!, logX);
    const value = data.first[i]!;
    const own = data.last[i]!;
    const isOwnFinite = Number.isFinite(own);
    if (data.exact ? Number.isNaN(value) : (data.nanCount?.[i] ?? 0) > 0) {
      nanX.push(x);
      nanY.push(placed(isOwnFinite ? own : lastFinite, yScale));
    }
    if (data.exact ? value === Infinity : (data.pinfCount?.[i] ?? 0) > 0) pinfX.push(x);
    if (data.exact ? value === -Infinity : (data.ninfCount?.[i] ?? 0) > 0) ninfX.push(x);
    if (yScale === 'log' && data.min[i]! <= 0 && data.min[i]! > -Infinity) {
      belowX.push(scaled(data.x[i]! + (data.dxMin?.[i] ?? 0), logX));
      const isWhole = data.max[i]! <= 0;
      below += isWhole ? finiteCount(data, i) : 1;
      if (!isWhole) belowAtLeast = true;
    }
    if (isOwnFinite) lastFinite = own;
  }
  return {
    nanX: Float64Array.from(nanX),
    nanY: Float64Array.from(nanY),
    pinfX: Float64Array.from(pinfX),
    ninfX: Float64Array.from(ninfX),
    belowX: Float64Array.from(belowX),
    below,
    belowAtLeast,
  };
}

/**
 * Vertices in px, reused between draws.
 *
 * `starts` holds the vertex index of each subpath; `dots` and `dotted` are flat lists of x, y
 * (lone points) and x0, y0, x1, y1 (segments across holes).
 */
export class Path {
  xy = new Float32Array(1024);
  /** Number of vertices. */
  n = 0;
  readonly starts: number[] = [];
  readonly dots: number[] = [];
  readonly dotted: number[] = [];

  clear(): void {
    this.n = 0;
    this.starts.length = 0;
    this.dots.length = 0;
    this.dotted.length = 0;
  }

  /** Make room for `more` further vertices. */
  reserve(more: number): void {
    const needed = (this.n + more) * 2;
    if (needed <= this.xy.length) return;
    const grown = new Float32Array(Math.max(needed, this.xy.length * 2));
    grown.set(this.xy.subarray(0, this.n * 2));
    this.xy = grown;
  }
}

/** Vertices further out than this many px are pulled in; canvases lose precision beyond. */
const FAR_PX = 16_384;

/**
 * Append the visible part of a polyline to `out`.
 *
 * Vertices of one pixel column are merged into at most four: its first, lowest, highest and last,
 * in their own order. One vertex on either side of the view is kept so that lines reach the edge.
 */
export function trace(line: Polyline, view: Transform, out: Path): void {
  const { x, y, n, holes } = line;
  const { ax, bx, ay, by } = view;
  const from = Math.max(0, lowerBound(x, n, view.xMin) - 1);
  const to = Math.min(n - 1, upperBound(x, n, view.xMax));
  if (to < from) return;
  out.reserve(to - from + 1);
  const xy = out.xy;
  let size = out.n * 2;
  let hole = lowerBound(holes, holes.length, from + 1);
  let subpath = size;
  let isPenUp = true;
  let previousX = 0;
  let previousY = 0;
  let i = from;
  while (i <= to) {
    const first = y[i]!;
    if (first - first !== 0) {
      if (!isPenUp) closeSubpath(out, size, subpath);
      isPenUp = true;
      i += 1;
      continue;
    }
    let px = ax * x[i]! + bx;
    let py = ay * first + by;
    if (px < -FAR_PX || px > FAR_PX) {
      // The vertex beyond the edge: move it along its segment to just outside the view.
      const neighbour = px < 0 ? i + 1 : i - 1;
      const other = neighbour >= 0 && neighbour < n ? y[neighbour]! : NaN;
      const edge = px < 0 ? -FAR_PX : FAR_PX;
      const otherX = ax * (x[neighbour] ?? NaN) + bx;
      if (other - other === 0 && otherX !== px) {
        py += ((edge - px) / (otherX - px)) * (ay * other + by - py);
      }
      px = edge;
    }
    if (py > FAR_PX) py = FAR_PX;
    else if (py < -FAR_PX) py = -FAR_PX;
    while (hole < holes.length && holes[hole]! < i) hole += 1;
    const nextHole = hole < holes.length ? holes[hole]! : n;
    if (!isPenUp && nextHole === i) {
      closeSubpath(out, size, subpath);
      out.dotted.push(previousX, previousY, px, py);
      isPenUp = true;
    }
    if (isPenUp) {
      subpath = size;
      out.starts.push(size >>> 1);
      isPenUp = false;
    }
    xy[size++] = px;
    xy[size++] = py;
    previousX = px;
    previousY = py;

    // The rest of this pixel column.
    const columnEnd = Math.floor(px) + 1;
    const stop = nextHole > i ? nextHole : (holes[hole + 1] ?? n);
    let low = py;
    let lowX = px;
    let lowAt = i;
    let high = py;
    let highX = px;
    let highAt = i;
    let j = i + 1;
    for (; j <= to && j < stop; j += 1) {
      const value = y[j]!;
      if (value - value !== 0) break;
      const qx = ax * x[j]! + bx;
      if (qx >= columnEnd) break;
      let qy = ay * value + by;
      if (qy > FAR_PX) qy = FAR_PX;
      else if (qy < -FAR_PX) qy = -FAR_PX;
      if (qy < low) {
        low = qy;
        lowX = qx;
        lowAt = j;
      }
      if (qy > high) {
        high = qy;
        highX = qx;
        highAt = j;
      }
      previousX = qx;
      previousY = qy;
    }
    const final = j - 1;
    if (final > i) {
      if (lowAt > i && lowAt < final && lowAt < highAt) {
        xy[size++] = lowX;
        xy[size++] = low;
      }
      if (highAt > i && highAt < final) {
        xy[size++] = highX;
        xy[size++] = high;
      }
      if (lowAt > i && lowAt < final && lowAt > highAt) {
        xy[size++] = lowX;
        xy[size++] = low;
      }
      xy[size++] = previousX;
      xy[size++] = previousY;
    }
    i = j;
  }
  if (!isPenUp) closeSubpath(out, size, subpath);
  out.n = size >>> 1;
}

/** A subpath of one vertex is a lone point: a line would not show it. */
function closeSubpath(out: Path, size: number, subpath: number): void {
  if (size - subpath === 2) out.dots.push(out.xy[subpath]!, out.xy[subpath + 1]!);
}

function upperBound(x: ArrayLike<number>, n: number, value: number): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many vertices of an ordered column lie in [min, max]. */
export function countBetween(x: ArrayLike<number>, n: number, min: number, max: number): number {
  return Math.max(0, upperBound(x, n, max) - lowerBound(x, n, min));
}

export type DrawMode = 'plain' | 'envelope' | 'mean';

/** How a series is drawn in this view. `pxPerUnit` is in CSS px per unit of scale-space x. */
export function drawMode(
  data: SeriesData,
  logX: boolean,
  pxPerUnit: number,
  xMin: number,
  xMax: number,
): DrawMode {
  if (data.exact) return 'plain';
  if (data.n < 2) return 'envelope';
  // xMin and xMax are in scale space, the columns in data units.
  const low = logX ? 10 ** xMin : xMin;
  const high = logX ? 10 ** xMax : xMax;
  const from = Math.max(0, lowerBound(data.x, data.n, low) - 1);
  const to = Math.min(data.n - 1, lowerBound(data.x, data.n, high));
  const span = scaled(lastX(data, to), logX) - scaled(data.x[from]!, logX);
  if (!Number.isFinite(span)) return 'envelope';
  return (to - from + 1) / Math.max(1, span * pxPerUnit) >= DENSE_BUCKETS_PER_PX
    ? 'envelope'
    : 'mean';
}
