import { describe, expect, it } from 'vitest';
import { compareTrees, deltaOf, pairByName } from './compare';

describe('runs beside each other', () => {
  it('have the leaves of all, each where the run that has it puts it', () => {
    const rows = compareTrees([
      { lr: 0.1, model: { depth: 2, layers: [1, 2] }, seed: 1 },
      { lr: 0.1, model: { depth: 4, act: 'relu', layers: [1, 2] }, seed: 1, extra: {} },
    ]);
    expect(rows.map((row) => [row.path, row.differs, ...row.values])).toEqual([
      ['lr', false, 0.1, 0.1],
      ['model.depth', true, 2, 4],
      ['model.act', true, undefined, 'relu'],
      ['model.layers', false, [1, 2], [1, 2]],
      ['seed', false, 1, 1],
      ['extra', true, undefined, {}],
    ]);
    expect(compareTrees([{}, {}])).toEqual([]);
  });

  it('differ by so much', () => {
    expect(deltaOf(2, 3)).toEqual({ delta: 1, percent: 50 });
    expect(deltaOf(-2, -3)).toEqual({ delta: -1, percent: -50 });
    expect(deltaOf(0, 3)).toEqual({ delta: 3, percent: null });
    expect(deltaOf(2, 2)).toBeNull();
    expect(deltaOf('2', 3)).toBeNull();
  });

  it('have files in common, and not', () => {
    const files = (text: string) => text.split(' ').map((one) => ({ name: one[0] as string, hash: one[1] as string }));
    const pairs = pairByName(files('a1 b1 c1'), files('b1 c2 d1'), (a, b) => a.hash === b.hash);
    expect(pairs.map((pair) => [pair.name, pair.kind])).toEqual([
      ['a', 'removed'],
      ['b', 'same'],
      ['c', 'changed'],
      ['d', 'added'],
    ]);
  });
});
