import { describe, expect, it } from 'vitest';
import { RowHeights, SCROLL_MAX, scrollScale, topFor } from './rows';

describe('row heights', () => {
  it('are even until measured', () => {
    const heights = new RowHeights(20);
    expect(heights.offset(10)).toBe(200);
    expect(heights.indexAt(205, 100)).toBe(10);
    expect(heights.indexAt(1e9, 100)).toBe(99);
    expect(heights.indexAt(5, 0)).toBe(0);
  });

  it('agree with a plain sum after measuring some', () => {
    const heights = new RowHeights(18);
    const list = Array.from({ length: 500 }, () => 18);
    for (let k = 0; k < 200; k++) {
      const index = (k * 37) % 500;
      list[index] = 18 * (1 + (k % 4));
      heights.set(index, list[index]);
    }
    let top = 0;
    for (let index = 0; index < 500; index++) {
      expect(heights.offset(index)).toBe(top);
      expect(heights.indexAt(top, 500)).toBe(index);
      expect(heights.indexAt(top + (list[index] as number) - 1, 500)).toBe(index);
      top += list[index] as number;
    }
  });

  it('say by how much a row grew', () => {
    const heights = new RowHeights(18);
    expect(heights.set(3, 36)).toBe(18);
    expect(heights.set(3, 36)).toBe(0);
    expect(heights.set(3, 18)).toBe(-18);
    expect(heights.offset(10)).toBe(180);
  });
});

it('scales what browsers cannot scroll, so that the last row is reached', () => {
  expect(scrollScale(1000, 500)).toBe(1);
  const content = 10_000_000 * 18;
  expect((SCROLL_MAX - 500) * scrollScale(content, 500)).toBeCloseTo(content - 500, 3);
});

it('moves only as far as needed to show a row', () => {
  const heights = new RowHeights(20);
  expect(topFor(heights, 5, 'auto', 0, 200)).toBeNull();
  expect(topFor(heights, 30, 'auto', 0, 200)).toBe(420);
  expect(topFor(heights, 2, 'auto', 100, 200)).toBe(40);
  expect(topFor(heights, 30, 'end', 0, 200)).toBe(420);
  expect(topFor(heights, 30, 'center', 0, 200)).toBe(510);
});
