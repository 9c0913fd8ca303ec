import { describe, expect, it } from 'vitest';
import shared from '../../../tests/fixtures/smoothing.json';
import { bucketedSeries, exactSeries } from './fixtures';
import { isSmoothing, leadIn, smooth, smoothingLabel } from './smoothing';
import type { Curve, Smoothing } from './smoothing';

const N = 20_000;
const x = Float64Array.from({ length: N }, (_, i) => i);
let state = 11;
const y = x.map((i) => {
  state = (state * 16_807) % 2_147_483_647;
  return 2 * Math.exp(-i / 6000) + 0.4 * (state / 2_147_483_647 - 0.5);
});

/** The curve's value at an x, between its places. */
function at(curve: Curve, place: number): number {
  let i = 1;
  while (i < curve.x.length - 1 && curve.x[i]! < place) i += 1;
  const share = (place - curve.x[i - 1]!) / (curve.x[i]! - curve.x[i - 1]!);
  return curve.y[i - 1]! + share * (curve.y[i]! - curve.y[i - 1]!);
}

const KINDS: Smoothing[] = [
  { kind: 'ema', weight: 0.999 },
  { kind: 'ema-time', weight: 0.98 },
  { kind: 'gaussian', sigma: 400 },
  { kind: 'gaussian', sigma: 2, percent: true },
  { kind: 'mean', points: 1000 },
  { kind: 'median', points: 2000 },
];

describe('zoom does not change the curve (ui-spec 5.4)', () => {
  it.each(KINDS)('$kind: buckets give the curve of the points', (smoothing) => {
    const full = smooth(exactSeries(x, y), smoothing, N, false);
    for (const buckets of [200, 500, 2000]) {
      const coarse = smooth(bucketedSeries(x, y, buckets), smoothing, N, false);
      for (let place = 2000; place < N - 500; place += 777) {
        // A median of bucket means is not quite the median of the points.
        const digits = smoothing.kind === 'median' ? 1.2 : 1.5;
        expect(at(coarse, place)).toBeCloseTo(at(full, place), digits);
      }
    }
  });

  it('ema is exactly that of the points where a bucket is constant', () => {
    const steps = x.map((i) => Math.floor(i / 100) % 7);
    const smoothing = { kind: 'ema', weight: 0.95 } as const;
    const full = smooth(exactSeries(x, steps), smoothing, N, false);
    const coarse = smooth(bucketedSeries(x, steps, 200, 'run', 0, N), smoothing, N, false);
    coarse.x.forEach((place, i) => expect(coarse.y[i]).toBeCloseTo(full.y[place]!, 10));
  });

  it('a zoomed request with its lead-in enters the window where the full view left it', () => {
    for (const smoothing of KINDS) {
      const full = smooth(exactSeries(x, y), smoothing, 4000, false);
      const lead = leadIn(smoothing, 1, 4000);
      const low = Math.max(0, 8000 - lead);
      const high = 12_000 + (smoothing.kind.startsWith('ema') ? 0 : lead);
      const part = smooth(bucketedSeries(x, y, 400, 'run', low, high), smoothing, 4000, false);
      for (let place = 8050; place < 11_500; place += 500) {
        expect(at(part, place)).toBeCloseTo(at(full, place), 1.3);
      }
    }
  });
});

describe('exponential', () => {
  it('follows the formula: s ← w·s + (1−w)·m, shown s / (1 − w^N)', () => {
    const curve = smooth(exactSeries([0, 1, 2], [4, 2, 6]), { kind: 'ema', weight: 0.5 }, 1, false);
    const s1 = 0.5 * 4;
    const s2 = 0.5 * s1 + 0.5 * 2;
    const s3 = 0.5 * s2 + 0.5 * 6;
    expect([...curve.y]).toEqual([s1 / 0.5, s2 / 0.75, s3 / 0.875]);
  });

  it('a constant stays itself from the first point on', () => {
    for (const smoothing of KINDS) {
      const constant = bucketedSeries(
        x,
        x.map(() => 3.25),
        300,
      );
      const curve = smooth(constant, smoothing, N, false);
      for (const value of curve.y) expect(value).toBeCloseTo(3.25, 6);
    }
  });

  it('NaN and ±Inf pass the state on unchanged', () => {
    const smoothing = { kind: 'ema', weight: 0.9 } as const;
    const clean = smooth(exactSeries([0, 1, 2, 3], [1, 2, 3, 4]), smoothing, 1, false);
    const data = exactSeries([0, 1, 1.2, 1.5, 2, 3], [1, 2, NaN, Infinity, 3, 4]);
    const dirty = smooth(data, smoothing, 1, false);
    expect([...dirty.y].filter((value) => !Number.isNaN(value))).toEqual([...clean.y]);
  });

  it('weighs by distance on x when time-weighted', () => {
    const smoothing = { kind: 'ema-time', weight: 0.5 } as const;
    const near = smooth(exactSeries([0, 1], [0, 1]), smoothing, 1000, false);
    const far = smooth(exactSeries([0, 10], [0, 1]), smoothing, 1000, false);
    expect(near.y[1]!).toBeCloseTo(0.5 / (1 - 0.25), 10);
    expect(far.y[1]!).toBeGreaterThan(0.99);
  });
});

describe('the other kinds', () => {
  it('works in log space on a log axis and skips what is not positive', () => {
    const data = exactSeries([0, 1, 2, 3], [1, 100, 0, 1]);
    const curve = smooth(data, { kind: 'mean', points: 100 }, 1, true);
    expect(curve.y[0]).toBeCloseTo(10 ** (2 / 3), 6);
    expect(curve.y[2]).toBeNaN();
  });

  it('gaussian is normalised at the edges', () => {
    const line = exactSeries([0, 1, 2], [1, 1, 4]);
    const curve = smooth(line, { kind: 'gaussian', sigma: 1 }, 2, false);
    const [w1, w2] = [Math.exp(-0.5), Math.exp(-2)];
    expect(curve.y[0]).toBeCloseTo((1 + w1 + 4 * w2) / (1 + w1 + w2), 10);
  });

  it('median ignores a lone spike, mean does not', () => {
    const spike = exactSeries([0, 1, 2, 3, 4], [1, 1, 90, 1, 1]);
    expect([...smooth(spike, { kind: 'median', points: 3 }, 4, false).y]).toEqual([1, 1, 1, 1, 1]);
    expect(smooth(spike, { kind: 'mean', points: 3 }, 4, false).y[2]).toBeCloseTo(92 / 3, 10);
  });

  it('says what it is, and whether it does anything', () => {
    expect(smoothingLabel({ kind: 'ema', weight: 0.9 })).toBe('EMA 0.9');
    expect(smoothingLabel({ kind: 'none' })).toBe('');
    expect(isSmoothing({ kind: 'ema', weight: 0 })).toBe(false);
    expect(isSmoothing({ kind: 'median', points: 5 })).toBe(true);
  });
});

describe('the server smooths members of groups by the same formulas', () => {
  it.each(shared.cases)('$smoothing of series $series', ({ series, smoothing, span, log, y: expected }) => {
    const { x: places, dx_last: dx, mean, count } = shared.series[series]!;
    const data = {
      ...exactSeries(places, mean.map((value) => value ?? NaN)),
      exact: false,
      count: Uint32Array.from(count),
      dxLast: Float32Array.from(dx),
    };
    const curve = smooth(data, smoothing as Smoothing, span, log);
    expect(curve.y.length).toBe(expected.length);
    expected.forEach((value, i) => {
      if (value === null) expect(curve.y[i]).toBeNaN();
      else expect(Math.abs(curve.y[i]! - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(value)));
    });
  });
});
