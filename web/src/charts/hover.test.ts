import { describe, expect, it } from 'vitest';
import { bucketedSeries, exactSeries } from '../lib/fixtures';
import { bucketValues, hitsAt } from './hover';
import type { HoverView } from './hover';

/** 100 × 100 px for x and y from 0 to 10; y downwards. */
const VIEW: HoverView = {
  xScale: 'linear',
  yScale: 'linear',
  ax: 10,
  bx: 0,
  ay: -10,
  by: 100,
  smoothing: { kind: 'none' },
  span: 10,
};

describe('hitsAt', () => {
  const flat = exactSeries([0, 5, 10], [2, 2, 2]);
  const steep = exactSeries([0, 5, 10], [0, 5, 10]);

  it('orders lines by their distance as drawn, segments included', () => {
    expect(hitsAt([flat, steep], VIEW, 30, 68).map((hit) => hit.line)).toEqual([1, 0]);
    expect(hitsAt([flat, steep], VIEW, 30, 79).map((hit) => hit.line)).toEqual([0, 1]);
    expect(hitsAt([steep], VIEW, 30, 70)[0]!.distance).toBeCloseTo(0, 6);
  });

  it('leaves out a line that has ended', () => {
    const short = exactSeries([0, 1, 2], [1, 1, 1]);
    expect(hitsAt([short, flat], VIEW, 60, 90).map((hit) => hit.line)).toEqual([1]);
    expect(hitsAt([short, flat], VIEW, 30, 90).map((hit) => hit.line)).toEqual([0, 1]);
  });

  it('a spike is hit at its tip though the mean is far away', () => {
    const x = Float64Array.from({ length: 101 }, (_, i) => i / 10);
    const spiky = bucketedSeries(
      x,
      x.map((_, i) => (i === 50 ? 9 : 1)),
      10,
    );
    const hits = hitsAt([exactSeries([0, 10], [7, 7]), spiky], VIEW, 53, 11);
    expect(hits[0]!.line).toBe(1);
  });

  it('survives lines without a finite value', () => {
    const lost = exactSeries([0, 5, 10], [NaN, NaN, NaN]);
    const hits = hitsAt([lost, flat, exactSeries([], [])], VIEW, 50, 80);
    expect(hits.map((hit) => hit.line)).toEqual([1, 0]);
  });
});

describe('bucketValues', () => {
  it('a point is itself, NaN included; a bucket is its mean with its extremes', () => {
    expect(bucketValues(exactSeries([0, 1], [NaN, 2]), 0, VIEW)).toMatchObject({
      value: NaN,
      min: null,
      max: null,
      count: 1,
      smoothed: null,
    });
    const data = bucketedSeries([0, 1, 2, 3], [1, 3, 5, 9], 2);
    expect(bucketValues(data, 1, VIEW)).toMatchObject({ value: 7, min: 5, max: 9, count: 2 });
  });

  it('says both values where the line is smoothed', () => {
    const view = { ...VIEW, smoothing: { kind: 'ema', weight: 0.5 } } as const;
    const found = bucketValues(exactSeries([0, 1], [4, 2]), 1, view);
    expect(found.value).toBe(2);
    expect(found.smoothed).toBeCloseTo((0.5 * 2 + 0.5 * 2) / 0.75, 10);
  });
});
