import { expect, it } from 'vitest';
import { sparkPath } from './spark';

it('fills the box from the lowest to the highest value', () => {
  expect(sparkPath([0, 1, 2], [1, 3, 2], 20, 10)).toBe('M0 10L10 0L20 5');
});
it('leaves a gap where there is no finite value', () => {
  expect(sparkPath([0, 1, 2, 3], [0, NaN, 1, Infinity], 30, 10)).toBe('M0 10M20 0');
});
it('draws a level line in the middle, and nothing of nothing', () => {
  expect(sparkPath([5, 6], [2, 2], 10, 8)).toBe('M0 4L10 4');
  expect(sparkPath([5], [2], 10, 8)).toBe('M0 4');
  expect(sparkPath([], [], 10, 8)).toBe('');
  expect(sparkPath([1], [NaN], 10, 8)).toBe('');
});
