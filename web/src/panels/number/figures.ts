// One number out of many series. Pure.
import type { SeriesData } from '../../lib/series';
import { mean, quantile } from '../../lib/grouping';

export const STATS = ['last', 'best', 'min', 'max'] as const;
export type Stat = (typeof STATS)[number];
export const JOINS = ['best', 'mean', 'median', 'min', 'max'] as const;
export type Join = (typeof JOINS)[number];

/** Of one run: its last finite value, its least or greatest. Null without any. */
export function statOf(data: SeriesData, stat: Stat, less: boolean): number | null {
  const wanted = stat === 'best' ? (less ? 'min' : 'max') : stat;
  let found: number | null = null;
  for (let i = 0; i < data.n; i += 1) {
    const value = (wanted === 'last' ? data.last : wanted === 'min' ? data.min : data.max)[i] as number;
    if (!Number.isFinite(value)) continue;
    if (found === null || wanted === 'last') found = value;
    else found = wanted === 'min' ? Math.min(found, value) : Math.max(found, value);
  }
  return found;
}

export interface Figure {
  value: number;
  n: number;
  /** The run that has it, where one has; null for a mean or median. */
  run: string | null;
}

export function figureOf(series: readonly SeriesData[], stat: Stat, join: Join, less: boolean): Figure | null {
  const found = series.flatMap((data) => {
    const value = statOf(data, stat, less);
    return value === null ? [] : [{ run: data.run, value }];
  });
  if (found.length === 0) return null;
  const values = found.map((one) => one.value);
  const n = found.length;
  if (join === 'mean') return { value: mean(values), n, run: null };
  if (join === 'median')
    return {
      value: quantile(
        [...values].sort((a, b) => a - b),
        0.5,
      ),
      n,
      run: null,
    };
  const isMin = join === 'min' || (join === 'best' && less);
  const best = found.reduce((a, b) => ((isMin ? b.value < a.value : b.value > a.value) ? b : a));
  return { value: best.value, n, run: best.run };
}
