import { describe, expect, it } from 'vitest';
import { seeded } from './random';
import { cellText, joined, joinKey, rowsShown, tableOf, type LoggedTable } from './tables';

const table: LoggedTable = {
  columns: ['id', 'label', 'score'],
  rows: [
    [1, 'cat', 0.5],
    [2, 'dog', 'NaN'],
    [10, 'cat 2', null],
    [3, 'cat 10', '-Infinity'],
  ],
};

describe('tables', () => {
  it('are read, or not', () => {
    expect(tableOf({ columns: ['a', 1], data: [[1], 'x'] })).toEqual({ columns: ['a', '1'], rows: [[1]] });
    expect([tableOf(null), tableOf({ columns: 3 })]).toEqual([null, null]);
  });

  it('sort numbers as numbers, names as people do, what is missing last', () => {
    expect(rowsShown(table, '', { column: 0, direction: -1 })).toEqual([2, 3, 1, 0]);
    expect(rowsShown(table, '', { column: 1, direction: 1 })).toEqual([0, 2, 3, 1]);
    expect(rowsShown(table, '', { column: 2, direction: 1 })).toEqual([3, 0, 1, 2]);
    expect(rowsShown(table, '', { column: 2, direction: -1 })).toEqual([0, 3, 1, 2]);
  });

  it('keep the rows with every word, in one column where it is named', () => {
    expect(rowsShown(table, 'CAT', null)).toEqual([0, 2, 3]);
    expect(rowsShown(table, 'label:cat 10', null)).toEqual([2, 3]);
    expect(rowsShown(table, 'id:1', null)).toEqual([0, 2]);
    expect(rowsShown(table, 'score:cat', null)).toEqual([]);
  });

  it('are joined without losing or doubling a row', () => {
    const random = seeded(8);
    for (let turn = 0; turn < 200; turn += 1) {
      const make = (): LoggedTable => ({
        columns: ['k', 'v'],
        rows: Array.from({ length: Math.floor(random() * 8) }, () => [Math.floor(random() * 5), Math.floor(random() * 3)]),
      });
      const [a, b] = [make(), make()];
      const found = joined(a, b, 'k', ['A', 'B'])!;
      const left = found.rows.filter((_, at) => found.sides[at] !== 'right').map((row) => [row[0], row[1]]);
      const right = found.rows.filter((_, at) => found.sides[at] !== 'left').map((row) => [row[0], row[2]]);
      const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
      expect(left).toEqual(a.rows);
      expect(sorted(right)).toEqual(sorted(b.rows));
      found.rows.forEach((row, at) => {
        const isChanged = found.sides[at] === 'both' && cellText(row[1]) !== cellText(row[2]);
        expect(found.changed.has(`${at}:2`)).toBe(isChanged);
      });
      // Keys that both have are paired as often as they can be.
      for (let key = 0; key < 5; key += 1) {
        const times = (one: LoggedTable) => one.rows.filter((row) => row[0] === key).length;
        const paired = found.rows.filter((row, at) => row[0] === key && found.sides[at] === 'both').length;
        expect(paired).toBe(Math.min(times(a), times(b)));
      }
    }
    expect(joined(table, { columns: ['x'], rows: [] }, 'id', ['A', 'B'])).toBeNull();
  });

  it('know pictures by their bytes, and which column to join on', () => {
    const picture = (path: string, sha256: string): LoggedTable => ({ columns: ['k', 'p'], rows: [[1, { path, sha256 }]] });
    expect(joined(picture('a', 'x'), picture('b', 'x'), 'k', ['A', 'B'])!.changed.size).toBe(0);
    expect(joined(picture('a', 'x'), picture('a', 'y'), 'k', ['A', 'B'])!.changed.size).toBe(1);
    expect(joinKey({ columns: ['score', 'name'], rows: [[0.5, 'a'], [0.7, 'b']] }, { columns: ['name', 'score'], rows: [] })).toBe('name');
    expect(joinKey({ columns: ['a'], rows: [] }, { columns: ['b'], rows: [] })).toBeNull();
  });
});
