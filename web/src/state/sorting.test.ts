import { expect, it } from 'vitest';
import { clicked, parseSort, sortText } from './sorting';

it('reads and writes sort orders, odd names quoted', () => {
  const text = '-summary.val/acc,"config.a, b",created';
  expect(parseSort(text)).toEqual([
    { path: 'summary.val/acc', descending: true },
    { path: 'config.a, b', descending: false },
    { path: 'created', descending: false },
  ]);
  expect(sortText(parseSort(text))).toBe(text);
  expect(parseSort('')).toEqual([]);
});

it('cycles a column through descending, ascending, off', () => {
  const first = clicked([], 'lr', false);
  expect(sortText(first)).toBe('-lr');
  const second = clicked(first, 'lr', false);
  expect(sortText(second)).toBe('lr');
  expect(clicked(second, 'lr', false)).toEqual([]);
});

it('adds keys with Shift and keeps their order', () => {
  const two = clicked(parseSort('-lr'), 'loss', true);
  expect(sortText(two)).toBe('-lr,-loss');
  expect(sortText(clicked(two, 'lr', true))).toBe('lr,-loss');
  expect(sortText(clicked(two, 'loss', false))).toBe('loss');
});
