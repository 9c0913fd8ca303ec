import { describe, expect, it } from 'vitest';
import { bucketedSeries, exactSeries } from '../lib/fixtures';
import type { SeriesData } from '../lib/series';
import { bucketValues, hitsAt, shownAt } from './hover';
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

const on = (series: readonly SeriesData[], view = VIEW) => series.map((data) => ({ data, view }));

describe('hitsAt', () => {
  const flat = exactSeries([0, 5, 10], [2, 2, 2]);
  const steep = exactSeries([0, 5, 10], [0, 5, 10]);

  it('orders lines by their distance as drawn, segments included', () => {
    expect(hitsAt(on([flat, steep]), 30, 68).map((hit) => hit.line)).toEqual([1, 0]);
    expect(hitsAt(on([flat, steep]), 30, 79).map((hit) => hit.line)).toEqual([0, 1]);
    expect(hitsAt(on([steep]), 30, 70)[0]!.distance).toBeCloseTo(0, 6);
  });

  it('leaves out a line that has ended', () => {
    const short = exactSeries([0, 1, 2], [1, 1, 1]);
    expect(hitsAt(on([short, flat]), 60, 90).map((hit) => hit.line)).toEqual([1]);
    expect(hitsAt(on([short, flat]), 30, 90).map((hit) => hit.line)).toEqual([0, 1]);
  });

  it('a spike is hit at its tip though the mean is far away', () => {
    const x = Float64Array.from({ length: 101 }, (_, i) => i / 10);
    const spiky = bucketedSeries(
      x,
      x.map((_, i) => (i === 50 ? 9 : 1)),
      10,
    );
    const hits = hitsAt(on([exactSeries([0, 10], [7, 7]), spiky]), 53, 11);
    expect(hits[0]!.line).toBe(1);
  });

  it('measures each line on its own axis', () => {
    // On an axis from 0 to 100, the flat line of 2 lies at the foot of the plot.
    const other = { ...VIEW, ay: -1 };
    const lines = [...on([steep]), ...on([flat], other)];
    expect(hitsAt(lines, 30, 97).map((hit) => hit.line)).toEqual([1, 0]);
    expect(shownAt(lines[1]!, 3)).toBe(2);
  });

  it('has no value where a line has not begun or has ended', () => {
    const [line] = on([exactSeries([4, 5], [1, 3])]);
    expect(shownAt(line!, 4.9)).toBe(3);
    expect(shownAt(line!, 1)).toBeNaN();
    expect(shownAt(line!, 9)).toBeNaN();
  });

  it('survives lines without a finite value', () => {
    const lost = exactSeries([0, 5, 10], [NaN, NaN, NaN]);
    const hits = hitsAt(on([lost, flat, exactSeries([], [])]), 50, 80);
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
