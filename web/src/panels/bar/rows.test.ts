import { describe, expect, it } from 'vitest';
import type { Run } from '../../api/types';
import type { LineGroups } from '../../state/groups';
import { barOptions, barRows } from './rows';

const runs = [3, 1, NaN, 2, -4].map(
  (value, at) => ({ id: `r${at}`, name: `run-${at}`, color: at, summary: { v: value } }) as unknown as Run,
);
const valueOf = (run: Run) => run.summary.v as number;
const groups = {
  list: [
    { key: 'a', label: 'a', colour: 1, runs: ['r0', 'r1'] },
    { key: 'b', label: 'b', colour: 2, runs: ['r2'] },
  ],
  line: 'mean',
  band: 'std',
} as unknown as LineGroups;

describe('bars', () => {
  it('are sorted, cut, and say what they leave out', () => {
    const options = barOptions({ most: 3 }, 'summary.v');
    const found = barRows(runs, null, valueOf, options);
    expect(found.rows.map((row) => row.value)).toEqual([3, 2, 1]);
    expect([found.left, found.without]).toEqual([1, 1]);
    expect(barRows(runs, null, valueOf, { ...options, sort: 'low' }).rows[0]!.value).toBe(-4);
    expect(barRows(runs, null, valueOf, { ...options, sort: 'list', most: 9 }).rows.map((row) => row.key)).toEqual([
      'r0',
      'r1',
      'r3',
      'r4',
    ]);
    expect(barRows(runs, null, valueOf, { ...options, log: true }).without).toBe(2);
  });

  it('of groups are means that reach', () => {
    const found = barRows(runs, groups, valueOf, barOptions({ reach: 'range' }, null));
    expect(found.rows).toMatchObject([{ key: 'a', n: 2, value: 2, low: 1, high: 3, run: null }]);
    expect(found.without).toBe(1);
    expect(barRows(runs, groups, valueOf, barOptions({ byGroup: false }, null)).rows).toHaveLength(4);
  });

  it('read options of any shape', () => {
    expect(barOptions({ path: 3, step: 'x', sort: 'no', most: -2 }, 'summary.loss')).toMatchObject({
      path: 'summary.loss',
      step: null,
      sort: 'high',
      most: 1,
    });
  });
});
