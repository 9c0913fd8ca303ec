import { describe, expect, it } from 'vitest';
import { diffTexts, folded, linesOf, unified, wordMarks } from './diff-rows';

describe('texts beside each other', () => {
  it('counts lines without inventing a last one', () => {
    expect(linesOf('')).toEqual([]);
    expect(linesOf('a\r\nb\n')).toEqual(['a', 'b']);
    expect(linesOf('a\n\n')).toEqual(['a', '']);
  });

  it('puts a replaced line beside its replacement', () => {
    const { pairs, added, removed } = diffTexts('a\nb\nc\n', 'a\nx\ny\nc\n');
    expect(pairs).toEqual([
      { kind: 'same', a: 0, b: 0 },
      { kind: 'changed', a: 1, b: 1 },
      { kind: 'inserted', a: null, b: 2 },
      { kind: 'same', a: 2, b: 3 },
    ]);
    expect([added, removed]).toEqual([2, 1]);
    expect(unified(pairs).map(({ kind, a, b }) => [kind, a, b])).toEqual([
      ['same', 0, 0],
      ['deleted', 1, null],
      ['inserted', null, 1],
      ['inserted', null, 2],
      ['same', 2, 3],
    ]);
  });

  it('shows every line of both texts once, in order', () => {
    const a = 'one\ntwo\nthree\nfour\n';
    const b = 'zero\none\n2\nthree\n';
    const { pairs } = diffTexts(a, b);
    expect(pairs.flatMap((pair) => (pair.a === null ? [] : [pair.a]))).toEqual([0, 1, 2, 3]);
    expect(pairs.flatMap((pair) => (pair.b === null ? [] : [pair.b]))).toEqual([0, 1, 2, 3]);
  });

  it('may overlook white space', () => {
    expect(diffTexts('if x:\n  y\n', 'if x:\n    y\n').added).toBe(1);
    expect(diffTexts('if x:\n  y\n', 'if x:\n    y\n', { ignoreSpace: true }).added).toBe(0);
  });

  it('folds what is far from any change, and opens it again', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    const other = lines.map((line, i) => (i === 20 ? 'changed' : line));
    const { pairs } = diffTexts(lines.join('\n'), other.join('\n'));
    const rows = folded(pairs, 3);
    expect(rows.map((row) => (row.kind === 'fold' ? [row.from, row.to] : row.pair.a))).toEqual([
      [0, 17],
      17,
      18,
      19,
      20,
      21,
      22,
      23,
      [24, 40],
    ]);
    expect(folded(pairs, 3, new Set([0, 24]))).toHaveLength(40);
    expect(folded(diffTexts('a\nb\nc\nd\n', 'a\nb\nc\nd\n').pairs, 3)).toEqual([{ kind: 'fold', from: 0, to: 4 }]);
  });

  it('marks the words that changed', () => {
    expect(wordMarks('lr = 0.1', 'lr = 0.3')).toEqual({ a: [[7, 8]], b: [[7, 8]] });
    expect(wordMarks('import os', 'class Network:')).toBeNull();
  });
});
