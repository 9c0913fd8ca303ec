import { describe, expect, it } from 'vitest';
import { differenceOf } from './difference';
import { random } from './random.fixture';
import type { SeriesData } from './series';

function series(run: string, x: number[], value: number[], exact = true): SeriesData {
  const column = Float64Array.from(value);
  return {
    metric: 'loss', run, n: x.length, exact, total: x.length, nan: 0, pinf: 0, ninf: 0, level: 'points',
    x: Float64Array.from(x), first: column, min: column, max: column, last: column, mean: column,
    count: null, dxMin: null, dxMax: null, dxLast: null, nanCount: null, pinfCount: null, ninfCount: null,
  };
}

describe('differenceOf', () => {
  it('is exact where both were logged at the same steps', () => {
    const found = differenceOf(series('a', [0, 1, 2, 3], [1, 2, NaN, 4]), series('b', [1, 2, 3, 4], [5, 5, 5, 5]))!;
    expect([...found.data.x]).toEqual([1, 2, 3]);
    expect([...found.data.mean]).toEqual([3, NaN, 1]);
    expect(found.data.nan).toBe(1);
    expect(found.isExact).toBe(true);
    expect(found.data.run).toBe('b');
  });

  it('says so where it had to draw a line between points, or take means', () => {
    const between = differenceOf(series('a', [0, 10], [0, 10]), series('b', [5], [7]))!;
    expect([...between.data.mean]).toEqual([2]);
    expect(between.isExact).toBe(false);
    expect(differenceOf(series('a', [0], [1], false), series('b', [0], [1]))!.isExact).toBe(false);
  });

  it('is nothing where they have no x in common', () => {
    expect(differenceOf(series('a', [0, 1], [0, 0]), series('b', [5, 6], [1, 1]))).toBeNull();
    expect(differenceOf(series('a', [], []), series('b', [5], [1]))).toBeNull();
  });

  it('is zero between a series and itself, and turns its sign with its sides', () => {
    const next = random(31);
    for (let round = 0; round < 300; round += 1) {
      const steps = [...new Set(Array.from({ length: 20 }, () => Math.floor(next() * 60)))].sort((p, q) => p - q);
      const one = series('a', steps, steps.map(() => next()));
      const other = series('b', steps, steps.map(() => next()));
      expect([...differenceOf(one, one)!.data.mean].every((value) => value === 0)).toBe(true);
      const there = differenceOf(one, other)!;
      const back = differenceOf(other, one)!;
      expect([...there.data.x]).toEqual(steps);
      expect(there.isExact).toBe(true);
      there.data.mean.forEach((value, i) => expect(value).toBe(-back.data.mean[i]! + 0));
    }
  });
});
