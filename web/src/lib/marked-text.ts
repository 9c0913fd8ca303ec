/** Pieces of a line cut where marks begin and end, and text without characters that hide what it says. */

import type { Token, TokenKind } from './python';

export interface MarkedPiece {
  readonly kind: TokenKind;
  readonly text: string;
  readonly isMarked: boolean;
}

/** @param marks stretches [from, to) in order, apart from each other */
export function marked(tokens: readonly Token[], marks: readonly (readonly [number, number])[]): MarkedPiece[] {
  const pieces: MarkedPiece[] = [];
  let at = 0;
  let next = 0;
  for (const { kind, text } of tokens) {
    const end = at + text.length;
    let from = at;
    while (from < end) {
      while (next < marks.length && marks[next]![1] <= from) next += 1;
      const mark = marks[next];
      const isMarked = mark !== undefined && mark[0] <= from;
      const to = Math.min(end, mark === undefined ? end : isMarked ? mark[1] : mark[0]);
      pieces.push({ kind, text: text.slice(from - at, to - at), isMarked });
      from = to;
    }
    at = end;
  }
  return pieces;
}

// Left-to-right and right-to-left marks, embeddings, overrides and isolates, and characters of no width.
const HIDDEN = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** The text with characters that turn or hide it written as what they are (reliability 5.10). */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}
