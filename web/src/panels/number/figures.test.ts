import { expect, it } from 'vitest';
import type { SeriesData } from '../../lib/series';
import { pointAt } from '../../lib/series-at';
import { figureOf, statOf } from './figures';

function series(run: string, values: number[]): SeriesData {
  const y = Float64Array.from(values);
  const x = Float64Array.from(values, (_, i) => i * 10);
  return {
    run,
    metric: 'm',
    n: y.length,
    exact: true,
    x,
    first: y,
    min: y,
    max: y,
    last: y,
    mean: y,
    dxLast: null,
  } as unknown as SeriesData;
}

it('one number of a run, and of many', () => {
  const one = series('a', [3, 1, NaN, 2, Infinity]);
  expect([statOf(one, 'last', true), statOf(one, 'best', true), statOf(one, 'best', false)]).toEqual([2, 1, 3]);
  expect(statOf(series('b', [NaN]), 'min', true)).toBeNull();
  const all = [one, series('b', [9, 7]), series('c', [NaN])];
  expect(figureOf(all, 'last', 'best', true)).toEqual({ value: 2, n: 2, run: 'a' });
  expect(figureOf(all, 'last', 'mean', true)).toEqual({ value: 4.5, n: 2, run: null });
  expect(figureOf(all, 'max', 'max', true)).toEqual({ value: 9, n: 2, run: 'b' });
  expect(figureOf([], 'last', 'best', true)).toBeNull();
});

it('a value at a step is the last one known there', () => {
  const data = series('a', [5, 6, 7]);
  expect([pointAt(data, -1), pointAt(data, 0), pointAt(data, 19), pointAt(data, 99)]).toEqual([
    null,
    { x: 0, value: 5 },
    { x: 10, value: 6 },
    { x: 20, value: 7 },
  ]);
  const bucket = { ...data, dxLast: Float32Array.of(4, 4, 4), last: Float64Array.of(50, 60, 70) } as SeriesData;
  expect([pointAt(bucket, 12), pointAt(bucket, 14)]).toEqual([
    { x: 10, value: 6 },
    { x: 14, value: 60 },
  ]);
});
