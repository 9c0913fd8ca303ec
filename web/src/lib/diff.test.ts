import { describe, expect, it } from 'vitest';
import { applied, diff, type DiffPart } from './diff';

/** Numbers from 0 to 1, the same ones for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Length of the longest common subsequence, by the table. */
function common(a: readonly unknown[], b: readonly unknown[]): number {
  let before = new Array<number>(b.length + 1).fill(0);
  for (const item of a) {
    const row = [0];
    b.forEach((other, j) => row.push(item === other ? before[j]! + 1 : Math.max(before[j + 1]!, row[j]!)));
    before = row;
  }
  return before[b.length]!;
}

const kept = (parts: DiffPart[]) =>
  parts.filter((part) => part.kind === 'keep').reduce((sum, part) => sum + part.aTo - part.aFrom, 0);

describe('diff', () => {
  it('says what was taken out and put in', () => {
    const parts = diff(['a', 'b', 'c'], ['a', 'x', 'c']);
    expect(parts.map((part) => part.kind)).toEqual(['keep', 'delete', 'insert', 'keep']);
    expect(parts[1]).toEqual({ kind: 'delete', aFrom: 1, aTo: 2, bFrom: 1, bTo: 1 });
    expect(parts[2]).toEqual({ kind: 'insert', aFrom: 2, aTo: 2, bFrom: 1, bTo: 2 });
    expect(diff([], [])).toEqual([]);
    expect(diff(['a'], []).map((part) => part.kind)).toEqual(['delete']);
    expect(diff([], ['a']).map((part) => part.kind)).toEqual(['insert']);
  });

  // I-70: applying the diff to one file gives the other, and no shorter diff would.
  it('turns any list into any other, with as few edits as there can be', () => {
    const next = random(7);
    for (let round = 0; round < 1500; round += 1) {
      const letters = 1 + Math.floor(next() * 5);
      const list = () => Array.from({ length: Math.floor(next() * 14) }, () => Math.floor(next() * letters));
      const [a, b] = [list(), list()];
      const parts = diff(a, b);
      expect(applied(a, b, parts), JSON.stringify([a, b])).toEqual(b);
      expect(kept(parts), JSON.stringify([a, b])).toBe(common(a, b));
      for (const part of parts) {
        if (part.kind === 'keep') expect(a.slice(part.aFrom, part.aTo)).toEqual(b.slice(part.bFrom, part.bTo));
        if (part.kind === 'delete') expect(part.bFrom).toBe(part.bTo);
        if (part.kind === 'insert') expect(part.aFrom).toBe(part.aTo);
      }
      // The other way round takes the same number of edits.
      expect(kept(diff(b, a))).toBe(kept(parts));
    }
  });

  it('follows edits of a long file, and gives up shortness before time', () => {
    const next = random(3);
    const a = Array.from({ length: 5000 }, (_, i) => `line ${i}`);
    const b = a.flatMap((line) => (next() < 0.02 ? [] : next() < 0.02 ? [line, 'new'] : [line]));
    const parts = diff(a, b);
    expect(applied(a, b, parts)).toEqual(b);
    expect(kept(parts)).toBe(b.filter((line) => line !== 'new').length);
    const other = Array.from({ length: 6000 }, (_, i) => `other ${i}`);
    expect(applied(a, other, diff(a, other))).toEqual(other);
  });
});
