/**
 * How far one series is from another: `b − a` over the x that both cover.
 *
 * A bucket of one point is that point, of several their mean. Where `a` has no bucket that begins at the same x, its
 * value lies on the straight line between its neighbours; both are told, since neither is what was logged.
 */
import type { SeriesData } from './series';

export interface Difference {
  readonly data: SeriesData;
  /** Every value is the difference of two logged points. */
  readonly isExact: boolean;
}

/** Null where the two have no x in common. */
export function differenceOf(a: SeriesData, b: SeriesData): Difference | null {
  const x: number[] = [];
  const value: number[] = [];
  let isExact = a.exact && b.exact;
  let at = 0;
  for (let i = 0; i < b.n; i += 1) {
    const place = b.x[i]!;
    while (at + 1 < a.n && a.x[at + 1]! <= place) at += 1;
    if (a.n === 0 || place < a.x[0]! || place > a.x[a.n - 1]!) continue;
    let base = a.mean[at]!;
    if (a.x[at] !== place) {
      const share = (place - a.x[at]!) / (a.x[at + 1]! - a.x[at]!);
      base += (a.mean[at + 1]! - base) * share;
      isExact = false;
    }
    x.push(place);
    value.push(b.mean[i]! - base);
  }
  if (x.length === 0) return null;
  return { data: pointsOf(b, Float64Array.from(x), Float64Array.from(value)), isExact };
}

function pointsOf(of: SeriesData, x: Float64Array, value: Float64Array): SeriesData {
  let [nan, pinf, ninf] = [0, 0, 0];
  for (const one of value) {
    if (Number.isNaN(one)) nan += 1;
    else if (one === Infinity) pinf += 1;
    else if (one === -Infinity) ninf += 1;
  }
  return {
    metric: of.metric,
    run: of.run,
    n: x.length,
    exact: true,
    total: x.length,
    nan,
    pinf,
    ninf,
    level: of.level,
    x,
    first: value,
    min: value,
    max: value,
    last: value,
    mean: value,
    count: null,
    dxMin: null,
    dxMax: null,
    dxLast: null,
    nanCount: null,
    pinfCount: null,
    ninfCount: null,
  };
}
