import { describe, expect, it } from 'vitest';
import { hasLineage, lineagePicture, ownSteps, type LineageRun } from './lineage';

const plain: LineageRun = { id: 'a', name: 'net-a', attempt: 1, next_step: 10, attempts: [{ attempt: 1, kind: 'start', parent_step: null, rows: 10 }], parent: null, lineage: [{ run: 'a', name: 'net-a', attempt: 1, from_step: null, to_step: null }], forks: [] };

describe('lineage', () => {
  it('is nothing for a run that was started once', () => {
    expect(hasLineage(plain)).toBe(false);
    expect(ownSteps(plain, 1)).toEqual([]);
  });

  it('leaves the lane before at the step gone back to', () => {
    const run: LineageRun = {
      ...plain,
      attempt: 2,
      next_step: 25,
      attempts: [
        { attempt: 1, kind: 'start', parent_step: null, rows: 20 },
        { attempt: 2, kind: 'rewind', parent_step: 9, rows: 25 },
      ],
      lineage: [
        { run: 'a', name: 'net-a', attempt: 1, from_step: null, to_step: 9 },
        { run: 'a', name: 'net-a', attempt: 2, from_step: 10, to_step: null },
      ],
    };
    const { lanes, end } = lineagePicture(run);
    expect(lanes.map(({ kind, attempt, from, to, parent }) => [kind, attempt, from, to, parent])).toEqual([
      ['attempt', 1, 0, 19, null],
      ['attempt', 2, 9, 24, 0],
    ]);
    expect(end).toBe(24);
    const forked = { ...run, forks: [5, 9, 10].map((step) => ({ run: `f${step}`, name: 'fork', step })) };
    expect(lineagePicture(forked).lanes.slice(2).map((lane) => lane.parent)).toEqual([0, 0, 1]);
    expect(ownSteps(run, 2)).toEqual([9]);
    expect(ownSteps(run, 1)).toEqual([]);
  });

  it('shows where a fork comes from and who forked it', () => {
    const run: LineageRun = {
      ...plain,
      id: 'c',
      next_step: 31,
      attempts: [{ attempt: 1, kind: 'fork', parent_step: 19, rows: 31 }],
      parent: { run: 'b', name: 'net-b', attempt: 1, step: 19 },
      lineage: [
        { run: 'a', name: 'net-a', attempt: 1, from_step: null, to_step: 9 },
        { run: 'b', name: 'net-b', attempt: 1, from_step: 10, to_step: 19 },
        { run: 'c', name: 'net-a', attempt: 1, from_step: 20, to_step: null },
      ],
      forks: [{ run: 'd', name: 'net-d', step: 25 }],
    };
    expect(hasLineage(run)).toBe(true);
    expect(lineagePicture(run).lanes.map(({ kind, run, from, to, parent }) => [kind, run, from, to, parent])).toEqual([
      ['ancestor', 'a', 0, 9, null],
      ['ancestor', 'b', 9, 19, 0],
      ['attempt', 'c', 19, 30, 1],
      ['fork', 'd', 25, 25, 2],
    ]);
    expect(ownSteps(run, 1)).toEqual([9, 19]);
  });
});
