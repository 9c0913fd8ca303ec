import { expect, it } from 'vitest';
import { bucketsFor } from './budget';

it('asks one bucket a pixel while the budget allows', () => {
  expect(bucketsFor(3, 400, 1)).toBe(512);
  expect(bucketsFor(3, 380, 1)).toBe(384);
});

it('divides the budget among lines and panels', () => {
  expect(bucketsFor(100, 900, 1)).toBe(384); // 160 000 points ÷ 4 ÷ 100 = 400
  expect(bucketsFor(1000, 900, 1)).toBe(32); // 40
  expect(bucketsFor(100, 400, 12)).toBe(64); // 83
});

it('stays within bounds whatever is asked', () => {
  expect(bucketsFor(100_000, 400, 12)).toBe(24);
  expect(bucketsFor(0, 0, 0)).toBe(24);
  expect(bucketsFor(1, 9000, 1)).toBe(2048);
});

it('does not change for a few pixels more', () => {
  expect(bucketsFor(5, 401, 9)).toBe(bucketsFor(5, 420, 9));
});
