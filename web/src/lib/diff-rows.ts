/** A diff of two texts as rows to show: side by side or one under the other, with far unchanged lines folded away. */

import { diff, type DiffPart } from './diff';

/** Line `a` of the one text beside line `b` of the other; null where a text has nothing there. Counted from 0. */
export interface LinePair {
  readonly kind: 'same' | 'changed' | 'deleted' | 'inserted';
  readonly a: number | null;
  readonly b: number | null;
}

export type DiffRow =
  | { readonly kind: 'line'; readonly pair: LinePair }
  /** Unchanged lines that are not shown: pairs `from` up to `to`. */
  | { readonly kind: 'fold'; readonly from: number; readonly to: number };

export interface TextDiff {
  readonly a: readonly string[];
  readonly b: readonly string[];
  /** Side by side: a deleted and an inserted line in one place stand beside each other. */
  readonly pairs: readonly LinePair[];
  readonly added: number;
  readonly removed: number;
}

/** Lines of a text without their ends; a last line end begins no further line. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

export interface DiffOptions {
  /** Lines that differ in nothing but white space are the same. */
  readonly ignoreSpace?: boolean;
}

export function diffTexts(a: string, b: string, options: DiffOptions = {}): TextDiff {
  const [left, right] = [linesOf(a), linesOf(b)];
  const seen = (line: string): string => (options.ignoreSpace ? line.replace(/\s+/g, ' ').trim() : line);
  const parts = diff(left.map(seen), right.map(seen));
  const count = (kind: DiffPart['kind']): number =>
    parts.reduce((sum, part) => sum + (part.kind === kind ? part.aTo - part.aFrom + part.bTo - part.bFrom : 0), 0);
  return { a: left, b: right, pairs: pairsOf(parts), added: count('insert'), removed: count('delete') };
}

function pairsOf(parts: readonly DiffPart[]): LinePair[] {
  const pairs: LinePair[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]!;
    const next = parts[at + 1];
    if (part.kind === 'keep') {
      for (let i = 0; i < part.aTo - part.aFrom; i += 1) {
        pairs.push({ kind: 'same', a: part.aFrom + i, b: part.bFrom + i });
      }
    } else if (part.kind === 'delete' && next?.kind === 'insert') {
      pushReplaced(pairs, part, next);
      at += 1;
    } else {
      for (let a = part.aFrom; a < part.aTo; a += 1) pairs.push({ kind: 'deleted', a, b: null });
      for (let b = part.bFrom; b < part.bTo; b += 1) pairs.push({ kind: 'inserted', a: null, b });
    }
  }
  return pairs;
}

function pushReplaced(pairs: LinePair[], deleted: DiffPart, inserted: DiffPart): void {
  const [n, m] = [deleted.aTo - deleted.aFrom, inserted.bTo - inserted.bFrom];
  for (let i = 0; i < Math.max(n, m); i += 1) {
    const a = i < n ? deleted.aFrom + i : null;
    const b = i < m ? inserted.bFrom + i : null;
    pairs.push({ kind: a === null ? 'inserted' : b === null ? 'deleted' : 'changed', a, b });
  }
}

/** One under the other: what is gone before what is new, a changed line as both. */
export function unified(pairs: readonly LinePair[]): LinePair[] {
  const rows: LinePair[] = [];
  let held: LinePair[] = [];
  const release = (): void => {
    rows.push(...held);
    held = [];
  };
  for (const pair of pairs) {
    if (pair.kind === 'same') release();
    if (pair.kind === 'changed') {
      rows.push({ kind: 'deleted', a: pair.a, b: null });
      held.push({ kind: 'inserted', a: null, b: pair.b });
    } else if (pair.kind === 'inserted') held.push(pair);
    else rows.push(pair);
  }
  release();
  return rows;
}

/**
 * Rows with unchanged lines folded unless they are near a change.
 *
 * @param opened indexes of pairs at which folds were opened
 */
export function folded(
  pairs: readonly LinePair[],
  context: number,
  opened: ReadonlySet<number> = new Set(),
): DiffRow[] {
  const rows: DiffRow[] = [];
  for (let at = 0; at < pairs.length; ) {
    if (pairs[at]!.kind !== 'same') {
      rows.push({ kind: 'line', pair: pairs[at]! });
      at += 1;
      continue;
    }
    let end = at;
    while (end < pairs.length && pairs[end]!.kind === 'same') end += 1;
    const from = at === 0 ? 0 : at + context;
    const to = end === pairs.length ? end : end - context;
    // A fold of one or two lines would take the room of what it hides.
    const isFolded = to - from > 2 && !opened.has(from);
    for (let i = at; i < (isFolded ? from : end); i += 1) rows.push({ kind: 'line', pair: pairs[i]! });
    if (isFolded) {
      rows.push({ kind: 'fold', from, to });
      for (let i = to; i < end; i += 1) rows.push({ kind: 'line', pair: pairs[i]! });
    }
    at = end;
  }
  return rows;
}

/** Where two lines differ: stretches [from, to) of each. */
export interface LineMarks {
  readonly a: readonly (readonly [number, number])[];
  readonly b: readonly (readonly [number, number])[];
}

const WORDS = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;
const MARKED_MAX = 2000;
/** Lines with less in common are not the same line changed. */
const ALIKE_MIN = 0.35;

/** The words that differ between two lines in one place; null where next to everything does. */
export function wordMarks(a: string, b: string): LineMarks | null {
  if (a.length > MARKED_MAX || b.length > MARKED_MAX) return null;
  const left = a.match(WORDS) ?? [];
  const right = b.match(WORDS) ?? [];
  const marks = { a: [] as [number, number][], b: [] as [number, number][] };
  let [i, j, alike] = [0, 0, 0];
  for (const part of diff(left, right)) {
    const taken = left.slice(part.aFrom, part.aTo).join('').length;
    const given = right.slice(part.bFrom, part.bTo).join('').length;
    if (part.kind === 'keep') alike += taken;
    if (part.kind === 'delete') marks.a.push([i, i + taken]);
    if (part.kind === 'insert') marks.b.push([j, j + given]);
    i += taken;
    j += given;
  }
  return alike >= ALIKE_MIN * Math.max(a.trim().length, b.trim().length) ? marks : null;
}
