import { expect, it } from 'vitest';
import { exactSeries } from './fixtures';
import type { SeriesData } from './series';
import { sparkPath, sparkRange } from './spark';

it('fills the box from the lowest to the highest value', () => {
  expect(sparkPath(exactSeries([0, 1, 2], [1, 3, 2]), 20, 10)).toBe('M0 9L10 1L20 5');
});
it('leaves a gap where there is no finite value, and a point alone is a dot', () => {
  expect(sparkPath(exactSeries([0, 1, 2, 3, 4], [0, NaN, 1, 0, Infinity]), 30, 10)).toBe('M0 9h0.01M20 1L30 9');
});
it('draws a level line in the middle, and nothing of nothing', () => {
  expect(sparkPath(exactSeries([5, 6], [2, 2]), 10, 8)).toBe('M0 4L10 4');
  expect(sparkPath(exactSeries([5], [2]), 10, 8)).toBe('M5 4h0.01');
  expect(sparkPath(exactSeries([], []), 10, 8)).toBe('');
  expect(sparkPath(exactSeries([1], [NaN]), 10, 8)).toBe('');
});
it('keeps the extremes of a bucket, in the order they came', () => {
  const one = (value: number) => Float64Array.of(value);
  const spike: SeriesData = {
    ...exactSeries([0], [2]),
    exact: false,
    min: one(0),
    max: one(10),
    last: one(5),
    mean: one(2.1),
    dxMin: Float32Array.of(6),
    dxMax: Float32Array.of(3),
    dxLast: Float32Array.of(10),
  };
  expect(sparkPath(spike, 100, 12)).toBe('M0 9L30 1L60 11L100 6');
});
it('lines that are compared share their range', () => {
  const [low, high] = [exactSeries([0, 10], [0, 1]), exactSeries([0, 20], [2, 4])];
  const range = sparkRange([low, high]);
  expect(range).toEqual({ min: 0, max: 4, from: 0, to: 20 });
  expect(sparkPath(low, 20, 10, range)).toBe('M0 9L10 7');
});
