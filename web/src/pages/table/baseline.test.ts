import { expect, it } from 'vitest';
import type { Run } from '../../api/types';
import { cellDifference, difference } from './baseline';
import { columnOf, type Column } from './columns';

it('says by how much, which way, and whether that is better', () => {
  expect(difference(0.25, 0.5, 'minimize')).toEqual({ text: '−0.25', arrow: '▼', better: true, percent: '−50 %' });
  expect(difference(0.25, 0.5, 'maximize')?.better).toBe(false);
  expect(difference(3, 1)).toEqual({ text: '+2', arrow: '▲', better: null, percent: '+200 %' });
  expect(difference(1, 0)?.percent).toBeNull();
  expect(difference(-1, -2, 'maximize')).toMatchObject({ text: '+1', better: true });
});

it('says nothing where there is nothing to say', () => {
  for (const [value, base] of [
    [1, 1],
    ['NaN', 1],
    [1, 'Infinity'],
    ['adam', 1],
    [undefined, 1],
    [1, undefined],
    [true, 1],
  ] as const) {
    expect(difference(value, base)).toBeNull();
  }
});

it('never turns round with its sides', () => {
  let state = 3;
  const random = () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 31 - 1;
  for (let i = 0; i < 500; i++) {
    const [a, b] = [random(), random()];
    const [there, back] = [difference(a, b, 'minimize'), difference(b, a, 'minimize')];
    expect(there?.better).toBe(!back?.better);
    expect(there?.arrow).not.toBe(back?.arrow);
    expect(there?.text.slice(1)).toBe(back?.text.slice(1));
  }
});

it('compares what was measured, not the baseline with itself', () => {
  const run = (id: string, loss: number) =>
    ({ id, summary: { loss, _step: 3 }, config: { lr: loss } }) as unknown as Run;
  const loss = columnOf('summary.loss', 'number') as Column;
  expect(cellDifference(run('a', 1), run('b', 2), loss)?.text).toBe('−1');
  expect(cellDifference(run('a', 1), run('a', 1), loss)).toBeNull();
  expect(cellDifference(run('a', 1), null, loss)).toBeNull();
  expect(cellDifference(run('a', 1), run('b', 2), columnOf('created') as Column)).toBeNull();
});
