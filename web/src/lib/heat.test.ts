import { expect, it } from 'vitest';
import { heatOf } from './heat';

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
