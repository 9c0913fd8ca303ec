import { expect, test } from 'vitest';
import type { SeriesData } from '../../lib/series';
import { turnsBack } from './turning';

/** A series in buckets of `size` points. */
function bucketed(values: readonly number[], size: number): SeriesData {
  const parts = Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size),
  );
  const column = (of: (part: readonly number[]) => number) => Float64Array.from(parts, of);
  return {
    n: parts.length,
    first: column((part) => part[0] as number),
    min: column((part) => Math.min(...part)),
    max: column((part) => Math.max(...part)),
    last: column((part) => part.at(-1) as number),
  } as unknown as SeriesData;
}

test('a way back to the start is seen whatever the buckets, and only where there is one', () => {
  let state = 7;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  for (let turn = 0; turn < 400; turn += 1) {
    const values = [random()];
    const steps = 1 + Math.floor(random() * 60);
    for (let i = 0; i < steps; i += 1) values.push((values.at(-1) as number) + Math.floor(random() * 3) * 0.5);
    const size = 1 + Math.floor(random() * 9);
    expect(turnsBack(bucketed(values, size))).toBe(false);
    const at = 1 + Math.floor(random() * (values.length - 1));
    values[at] = (values[0] as number) - 0.01;
    expect(turnsBack(bucketed(values, size))).toBe(true);
  }
});

test('what is no number is no turn', () => {
  expect(turnsBack(bucketed([1, NaN, 2], 1))).toBe(false);
  expect(turnsBack(bucketed([1, NaN, 0.5], 1))).toBe(true);
});
