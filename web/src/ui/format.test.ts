import { describe, expect, it } from 'vitest';
import { ago, asNumber, cell, exact, splitPath, valueAt } from './format';

const tree = { lr: 0.1, model: { depth: 4, 'a.b': 7 }, 'train/loss': 'NaN', betas: [0.9, 0.99], none: null };

describe('values of trees', () => {
  it('are found by path, nested, with dots in keys, in lists', () => {
    expect(valueAt(tree, 'model.depth')).toBe(4);
    expect(valueAt(tree, 'model.a.b')).toBe(7);
    expect(valueAt(tree, 'model.a\\.b')).toBe(7);
    expect(valueAt(tree, 'betas.1')).toBe(0.99);
    expect(valueAt(tree, 'train/loss')).toBe('NaN');
    expect(valueAt(tree, 'none')).toBeNull();
    for (const path of ['x', 'model.x', 'lr.x', 'model\\.depth']) expect(valueAt(tree, path)).toBeUndefined();
  });

  it('paths part at dots that are not escaped', () => {
    expect(splitPath('a.b\\.c.d\\\\')).toEqual(['a', 'b.c', 'd\\']);
  });

  it('are written shortly in cells, in full beside', () => {
    expect(cell(0.123456)).toBe('0.1235');
    expect(exact(0.123456)).toBe('0.123456');
    expect(cell('NaN')).toBe('NaN');
    expect(cell('-Infinity')).toBe('−Inf');
    expect(cell([1, 2])).toBe('[1,2]');
    expect(cell(undefined)).toBe('');
    expect(cell(true)).toBe('true');
    expect(asNumber('Infinity')).toBe(Infinity);
    expect(asNumber('12')).toBeNull();
  });
});

it('says how long ago something was', () => {
  const now = 1_700_000_000_000;
  const at = (seconds: number) => ago((now / 1000 - seconds) * 1e6, now);
  expect([at(3), at(42), at(125), at(7300), at(200_000)]).toEqual([
    'just now',
    '42 s ago',
    '2 min ago',
    '2 h ago',
    '2 d ago',
  ]);
  expect(ago(null)).toBe('');
  expect(at(-50)).toBe('just now');
});
