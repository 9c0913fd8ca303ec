import { expect, it } from 'vitest';
import { retryDelay } from './events';

it('waits longer after each failure, never more than twenty seconds, with jitter', () => {
  expect(retryDelay(1, 1)).toBe(1000);
  expect(retryDelay(1, 0)).toBe(500);
  expect(retryDelay(4, 1)).toBe(8000);
  expect(retryDelay(50, 1)).toBe(20_000);
  expect(retryDelay(50, 0)).toBe(10_000);
});
