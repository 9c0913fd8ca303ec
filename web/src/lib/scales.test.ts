import { describe, expect, it } from 'vitest';
import { bucketedSeries, exactSeries } from './fixtures';
import {
  addXExtent,
  addYExtent,
  covers,
  Extent,
  fromScale,
  outlierRange,
  paddedRange,
  symlogBend,
  toScale,
  xRange,
  zoomAbout,
} from './scales';

describe('ranges', () => {
  it('ignore NaN and ±Inf', () => {
    const extent = new Extent();
    addYExtent(extent, exactSeries([0, 1, 2, 3], [2, NaN, Infinity, 5]), null);
    expect(extent.range).toEqual({ min: 2, max: 5 });
    expect(new Extent().range).toBeNull();
  });

  it('ignore what a log axis cannot show', () => {
    const extent = new Extent('log');
    addYExtent(extent, exactSeries([0, 1, 2], [-1, 0, 5]), null);
    expect(extent.range).toEqual({ min: 5, max: 5 });
    const along = new Extent('log');
    addXExtent(along, exactSeries([0, 3, 9], [1, 1, 1]), 'log');
    expect(along.range).toEqual({ min: 3, max: 9 });
  });

  it('take only what is visible, and buckets that reach into it', () => {
    const data = bucketedSeries([0, 1, 2, 3, 4, 5, 6, 7], [9, 1, 2, 3, 4, 5, 6, 7], 4);
    const extent = new Extent();
    addYExtent(extent, data, { min: 3, max: 5 });
    expect(extent.range).toEqual({ min: 2, max: 5 });
  });

  it('never reach for zero', () => {
    const { min, max } = paddedRange({ min: 100, max: 101 }, 'linear');
    expect(min).toBeGreaterThan(99);
    expect(max).toBeLessThan(102);
  });

  it('a constant and nothing at all have a range too', () => {
    for (const value of [0, 5, -3e-9, 1e30]) {
      const { min, max } = paddedRange({ min: value, max: value }, 'linear');
      expect(min).toBeLessThan(value);
      expect(max).toBeGreaterThan(value);
    }
    expect(paddedRange(null, 'log').min).toBeGreaterThan(0);
    expect(xRange({ min: 7, max: 7 }, 'linear')).toEqual({ min: 6.5, max: 7.5 });
  });
});

describe('outliers', () => {
  const y = Float64Array.from({ length: 1000 }, (_, i) => (i < 5 ? 1e6 : i / 1000));
  const x = y.map((_, i) => i);

  it('are cut at the percentiles and counted', () => {
    const { range, outside } = outlierRange([exactSeries(x, y)], null, 'linear', 1);
    expect(range!.max).toBeLessThan(1);
    expect(outside).toBeGreaterThanOrEqual(5);
  });

  it('in buckets the extremes weigh one point each', () => {
    const { range } = outlierRange([bucketedSeries(x, y, 100)], null, 'linear', 1);
    expect(range!.max).toBeLessThan(1e6);
  });
});

describe('zoom', () => {
  it('keeps its centre, in log space on a log axis', () => {
    expect(zoomAbout({ min: 0, max: 10 }, 'linear', 2, 0.5)).toEqual({ min: 1, max: 6 });
    const { min, max } = zoomAbout({ min: 1, max: 1e4 }, 'log', 100, 0.5);
    expect(min).toBeCloseTo(10, 9);
    expect(max).toBeCloseTo(1000, 6);
  });

  it('knows what a range covers', () => {
    expect(covers(null, { min: 0, max: 1 })).toBe(true);
    expect(covers({ min: 0, max: 1 }, { min: 0.2, max: 1 })).toBe(true);
    expect(covers({ min: 0, max: 1 }, { min: 0.2, max: 1.1 })).toBe(false);
  });
});

describe('a symlog scale', () => {
  it('goes there and back, keeps the order, and is linear about 0', () => {
    let state = 3;
    const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
    for (let i = 0; i < 1000; i += 1) {
      const scale = { bend: 10 ** (8 * random() - 4) };
      const value = (random() - 0.5) * 10 ** (16 * random() - 8);
      const more = value + Math.abs(value) * 1e-3;
      expect(fromScale(scale, toScale(scale, value)) / value).toBeCloseTo(1, 9);
      expect(toScale(scale, more)).toBeGreaterThan(toScale(scale, value));
      expect(toScale(scale, -value)).toBe(-toScale(scale, value));
    }
    const slope = toScale({ bend: 1000 }, 2) / toScale({ bend: 1000 }, 1);
    expect(slope).toBeCloseTo(2, 2);
  });

  it('bends below the middle of the values', () => {
    const x = [0, 1, 2, 3, 4];
    expect(symlogBend([exactSeries(x, [0, -3, 4, 5000, NaN])])).toBe(1);
    expect(symlogBend([exactSeries(x, [0, 2e-4, -3e-4, 5e-4, 1])])).toBeCloseTo(1e-4, 12);
    expect(symlogBend([])).toBe(1);
  });
});
