import { describe, expect, it } from 'vitest';
import { heatOf, stripOf } from './heat';

it('puts every bin where its values are, and steps until the next one', () => {
  const heat = heatOf(
    [
      { step: 0, counts: [2, 4], edges: [0, 1, 2] },
      { step: 4, counts: [6], edges: [0, 4] },
    ],
    100,
    4,
  );
  expect([heat.columns, heat.low, heat.high, heat.from, heat.to, heat.end]).toEqual([8, 0, 4, 0, 4, 8]);
  const column = (at: number) => [...heat.cells.slice(at * 4, at * 4 + 4)];
  expect(column(0)).toEqual([0.5, 1, 0, 0]);
  expect(column(3)).toEqual([0.5, 1, 0, 0]);
  expect(column(4)).toEqual([1, 1, 1, 1]);
  expect(column(7)).toEqual([1, 1, 1, 1]);
});

describe('stripOf', () => {
  it('takes means, goes on over short pauses, and leaves gaps open', () => {
    const x = [0, 1, 2, 3, 4, 5, 6, 7, 8, 40];
    const row = stripOf({ x, value: x.map((at) => (at === 40 ? 100 : at % 2 === 0 ? 0 : 50)), n: x.length }, 0, 50, 50, 100);
    expect([...row.cells.slice(0, 3)]).toEqual([0, 0.5, 0]);
    expect(row.cells[25]).toBeNaN();
    expect(row.cells[40]).toBe(1);
    expect(row.most).toBe(100);
    expect(row.mean).toBeCloseTo(30);
    const coarse = stripOf({ x: [0, 1, 2, 3], value: [0, 100, 50, 50], n: 4 }, 0, 3, 2, 100);
    expect([...coarse.cells]).toEqual([0.5, 0.5]);
    expect(stripOf({ x: [], value: [], n: 0 }, 0, 1, 4, 100).cells.every(Number.isNaN)).toBe(true);
  });
});
