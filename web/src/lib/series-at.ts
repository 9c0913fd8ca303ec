/** What a series was at a step: the last point known at or before it. */
import { lastX, type SeriesData } from './series';

export interface PointAt {
  readonly x: number;
  readonly value: number;
}

/**
 * The value and the x it was logged at. Where a bucket reaches beyond `x` the answer is its first point: a real one,
 * though perhaps not the last before `x`; buckets are to be narrow. Null before the first point.
 */
export function pointAt(data: SeriesData, x: number): PointAt | null {
  let found: PointAt | null = null;
  for (let i = 0; i < data.n && data.x[i]! <= x; i += 1) {
    const last = lastX(data, i);
    found = last <= x ? { x: last, value: data.last[i]! } : { x: data.x[i]!, value: data.first[i]! };
  }
  return found;
}
