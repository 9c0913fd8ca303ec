/** Which lines are near the pointer and what they are worth there. Works in CSS px of the plot. */

import { centreX } from '../lib/geometry';
import { finiteCount, lastX, nearestBucket } from '../lib/series';
import type { SeriesData } from '../lib/series';
import { fromScale, toScale } from '../lib/scales';
import type { Scale } from '../lib/scales';
import { isSmoothing } from '../lib/smoothing';
import type { Smoothing } from '../lib/smoothing';
import { shapesOf } from './shapes';

export const HOVER_ROWS_MAX = 12;

/** A line ends here when the pointer is further than this from its first or last point. */
const REACH_PX = 16;

/** Buckets on either side whose segments are measured. */
const NEIGHBOURS = 2;

export interface HoverView {
  readonly xScale: Scale;
  readonly yScale: Scale;
  /** CSS px = a · scale-space value + b. */
  readonly ax: number;
  readonly bx: number;
  readonly ay: number;
  readonly by: number;
  readonly smoothing: Smoothing;
  readonly span: number;
}

/** A line's bucket under the pointer. */
export interface Hit {
  /** Index in the lines given. */
  readonly line: number;
  readonly bucket: number;
  /** px from the pointer to the line as drawn. */
  readonly distance: number;
}

/** A line as the pointer finds it: the data that is drawn, and where. */
export interface Hoverable {
  readonly data: SeriesData;
  readonly view: HoverView;
}

/** Lines at the pointer's x, nearest first. */
export function hitsAt(lines: readonly Hoverable[], pointerX: number, pointerY: number): Hit[] {
  const hits: Hit[] = [];
  const first = lines[0]?.view;
  if (first === undefined) return hits;
  const x = fromScale(first.xScale, (pointerX - first.bx) / first.ax);
  for (let line = 0; line < lines.length; line += 1) {
    const { data, view } = lines[line]!;
    const bucket = nearestBucket(data, x);
    if (bucket < 0 || !reaches(data, view, pointerX)) continue;
    hits.push({ line, bucket, distance: distanceTo(data, bucket, view, pointerX, pointerY) });
  }
  // Two lines without a value here are infinitely far: Infinity - Infinity must not reach sort.
  return hits.sort((a, b) => a.distance - b.distance || 0);
}

/** What the line is worth at this x as it is drawn; NaN where it has not begun or has ended. */
export function shownAt({ data, view }: Hoverable, x: number): number {
  const bucket = nearestBucket(data, x);
  const px = view.ax * toScale(view.xScale, x) + view.bx;
  return bucket < 0 || !reaches(data, view, px) ? NaN : displayed(data, view)[bucket]!;
}

/** Whether the line has begun and not yet ended at this px. */
export function reaches(data: SeriesData, view: HoverView, pointerX: number): boolean {
  const place = (value: number): number => view.ax * toScale(view.xScale, value) + view.bx;
  const from = place(data.x[0]!);
  const to = place(lastX(data, data.n - 1));
  // A log axis has no place for x ≤ 0: such a line begins left of everything.
  return !(from > pointerX + REACH_PX) && !(to < pointerX - REACH_PX);
}

/** The values the line is drawn through: smoothed if it is. */
export function displayed(data: SeriesData, view: HoverView): ArrayLike<number> {
  if (!isSmoothing(view.smoothing)) return data.mean;
  const shapes = shapesOf(data, view.xScale === 'log', view.yScale);
  return shapes.curve(view.smoothing, view.span).curve.y;
}

function distanceTo(
  data: SeriesData,
  bucket: number,
  view: HoverView,
  pointerX: number,
  pointerY: number,
): number {
  const values = displayed(data, view);
  const px = (i: number): number => view.ax * toScale(view.xScale, centreX(data, i)) + view.bx;
  const py = (value: number): number => view.ay * toScale(view.yScale, value) + view.by;
  const from = Math.max(0, bucket - NEIGHBOURS);
  const to = Math.min(data.n - 1, bucket + NEIGHBOURS);
  let best = Infinity;
  let [previousX, previousY] = [NaN, NaN];
  for (let i = from; i <= to; i += 1) {
    const [x, y] = [px(i), py(values[i]!)];
    const distance = Number.isNaN(previousX + previousY)
      ? Math.hypot(x - pointerX, y - pointerY)
      : toSegment(pointerX, pointerY, previousX, previousY, x, y);
    if (distance < best) best = distance;
    [previousX, previousY] = [x, y];
  }
  if (data.exact || isSmoothing(view.smoothing)) return best;
  return Math.min(best, toEnvelope(data, bucket, view, pointerX, pointerY));
}

/** Inside a bucket's band the mean decides, weakly; outside it, the nearer extreme. */
function toEnvelope(
  data: SeriesData,
  bucket: number,
  view: HoverView,
  pointerX: number,
  pointerY: number,
): number {
  const x = view.ax * toScale(view.xScale, centreX(data, bucket)) + view.bx;
  if (Math.abs(x - pointerX) > REACH_PX / 2) return Infinity;
  const py = (value: number): number => view.ay * toScale(view.yScale, value) + view.by;
  const [top, bottom, mean] = [
    py(data.max[bucket]!),
    py(data.min[bucket]!),
    py(data.mean[bucket]!),
  ];
  if (pointerY >= top && pointerY <= bottom) return 0.25 * Math.abs(mean - pointerY) + 1;
  return Math.min(Math.abs(top - pointerY), Math.abs(bottom - pointerY)) + 1;
}

function toSegment(px: number, py: number, x0: number, y0: number, x1: number, y1: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const share =
    length === 0 ? 0 : Math.min(1, Math.max(0, ((px - x0) * dx + (py - y0) * dy) / length));
  return Math.hypot(x0 + share * dx - px, y0 + share * dy - py);
}

/** What a bucket holds, for a tooltip row. */
export function bucketValues(
  data: SeriesData,
  bucket: number,
  view: HoverView,
): {
  value: number;
  smoothed: number | null;
  min: number | null;
  max: number | null;
  count: number;
} {
  const count = data.count?.[bucket] ?? 1;
  const isSpread = count > 1 && finiteCount(data, bucket) > 0;
  return {
    value: isSpread ? data.mean[bucket]! : data.first[bucket]!,
    smoothed: isSmoothing(view.smoothing) ? displayed(data, view)[bucket]! : null,
    min: isSpread ? data.min[bucket]! : null,
    max: isSpread ? data.max[bucket]! : null,
    count,
  };
}
