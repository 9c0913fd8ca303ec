import { describe, expect, it } from 'vitest';
import { bucketedSeries, exactSeries } from './fixtures';
import { groupSeries } from './grouping';
import type { GroupBand, GroupLine, Grouping } from './grouping';

const steps = [0, 1, 2, 3];
const members = [
  exactSeries(steps, [1, 2, 3, 4], 'a'),
  exactSeries(steps, [2, 4, 6, 8], 'b'),
  exactSeries(steps, [6, 6, 6, 6], 'c'),
];
const plain: Grouping = { line: 'mean', band: 'none' };

describe('groupSeries (ui-spec 5.5)', () => {
  it.each<[GroupLine, number[]]>([
    ['mean', [3, 4, 5, 6]],
    ['median', [2, 4, 6, 6]],
    ['min', [1, 2, 3, 4]],
    ['max', [6, 6, 6, 8]],
    ['sum', [9, 12, 15, 18]],
    ['last', [6, 6, 6, 6]],
  ])('%s', (line, expected) => {
    const grouped = groupSeries(members, { line, band: 'none' }, 'g');
    expect([...grouped.data.first]).toEqual(expected);
    expect([...grouped.data.x]).toEqual(steps);
    expect(grouped.band).toBeNull();
  });

  it.each<[GroupBand, number, number]>([
    ['min-max', 1, 6],
    ['quartiles', 1.5, 4],
    ['std', 3 - Math.sqrt(7), 3 + Math.sqrt(7)],
    ['standard-error', 3 - Math.sqrt(7 / 3), 3 + Math.sqrt(7 / 3)],
  ])('band %s', (band, low, high) => {
    const grouped = groupSeries(members, { line: 'mean', band }, 'g');
    expect(grouped.band!.low[0]).toBeCloseTo(low, 9);
    expect(grouped.band!.high[0]).toBeCloseTo(high, 9);
  });

  it('says where fewer than all contribute, after carrying a value two cells', () => {
    const short = exactSeries([0, 1], [5, 5]);
    const long = exactSeries([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1]);
    const grouped = groupSeries([short, long], plain, 'g');
    expect([...grouped.contributors]).toEqual([2, 2, 2, 2, 1, 1]);
    expect([...grouped.thin]).toEqual([0, 0, 0, 0, 1, 1]);
    expect([...grouped.data.first]).toEqual([3, 3, 3, 3, 1, 1]);
  });

  it('may stop at the shortest run', () => {
    const short = exactSeries([0, 1], [5, 5]);
    const long = exactSeries([0, 1, 2, 3], [1, 1, 1, 1]);
    expect([...groupSeries([short, long], { ...plain, stopAtShortest: true }, 'g').data.x]).toEqual(
      [0, 1],
    );
  });

  it('joins runs logged at different steps on real x', () => {
    const a = exactSeries([0, 10, 20, 30], [0, 0, 0, 0]);
    const b = exactSeries([3, 13, 23, 33], [2, 2, 2, 2]);
    const { data, contributors } = groupSeries([a, b], plain, 'g');
    const real = new Set([...a.x, ...b.x]);
    for (const place of data.x) expect(real.has(place)).toBe(true);
    expect([...contributors]).toEqual(
      contributors.length > 0 ? Array(contributors.length).fill(2) : [],
    );
    expect([...data.first].every((value) => value === 1)).toBe(true);
  });

  it('weighs buckets by their points and skips what is not finite', () => {
    const x = Float64Array.from({ length: 64 }, (_, i) => i);
    const y = x.map((i) => (i === 5 ? NaN : 2));
    const { data } = groupSeries(
      [
        bucketedSeries(x, y, 8),
        bucketedSeries(
          x,
          x.map(() => 4),
          8,
        ),
      ],
      plain,
      'g',
    );
    for (const value of data.first) expect(value).toBe(3);
  });

  it('nothing gives nothing', () => {
    expect(groupSeries([], plain, 'g').data.n).toBe(0);
  });
});
