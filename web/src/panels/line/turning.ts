// Whether a metric that is used as an x axis goes back somewhere along the steps of a run. Pure.
import type { SeriesData } from '../../lib/series';

/** Buckets asked for. What turns within one and stays between its ends moves no line by more than its width. */
export const TURN_BUCKETS = 128;

/** `x` over steps. */
export function turnsBack({ n, first, min, max, last }: SeriesData): boolean {
  let before = -Infinity;
  for (let i = 0; i < n; i += 1) {
    const [from, to] = [first[i] as number, last[i] as number];
    if (from < before || from > (min[i] as number) || to < (max[i] as number)) return true;
    if (Number.isFinite(to)) before = to;
  }
  return false;
}
