/**
 * Python text in pieces to colour. Not a parser: enough to read code by, never wrong about where a string ends.
 *
 * Works line by line, so that a long file costs what is shown of it once: `openString` carries a triple-quoted
 * string over line ends.
 */

export type TokenKind = 'text' | 'keyword' | 'string' | 'comment' | 'number' | 'builtin' | 'name' | 'decorator';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global ' +
    'if import in is lambda match nonlocal not or pass raise return try while with yield case'
  ).split(' '),
);
const BUILTINS = new Set(
  (
    'abs all any bool bytes callable dict enumerate filter float format getattr hasattr hash id input int isinstance ' +
    'issubclass iter len list map max min next object open print property range repr reversed round self set ' +
    'setattr slice sorted staticmethod str sum super tuple type zip cls Exception ValueError TypeError KeyError ' +
    'RuntimeError IndexError StopIteration NotImplementedError'
  ).split(' '),
);
/** Words that are keywords only where a statement begins. */
const SOFT = new Set(['match', 'case']);

const PIECE =
  /(?<comment>#.*)|(?<quote>\b[rRbBuUfFtT]{0,2}(?:"""|'''|"|')|"""|'''|"|')|(?<number>\b(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d[\d_]*)?[jJ]?)|\.\d[\d_]*(?:[eE][+-]?\d+)?)|(?<word>[\p{L}_][\p{L}\p{N}_]*)/gu;

/**
 * Pieces of a line, and the quotes that end the string in which the next line begins.
 *
 * @param openString the quotes that end the string in which this line begins; "" outside of one
 */
export function tokenizeLine(line: string, openString = ''): { tokens: Token[]; openString: string } {
  const tokens: Token[] = [];
  const push = (kind: TokenKind, text: string): void => {
    if (text !== '') tokens.push({ kind, text });
  };
  let at = 0;
  if (openString !== '') {
    const end = stringEnd(line, 0, openString);
    push('string', line.slice(0, end.at));
    if (!end.isClosed) return { tokens, openString };
    at = end.at;
    openString = '';
  }
  let isAfterDef = false;
  while (at < line.length) {
    PIECE.lastIndex = at;
    const found = PIECE.exec(line);
    if (found === null) break;
    const between = line.slice(at, found.index);
    const isDecorator = found.groups!.word !== undefined && /^\s*@$/.test(line.slice(0, found.index));
    if (isDecorator) {
      push('text', between.slice(0, -1));
      const name = /^[\p{L}\p{N}_.]+/u.exec(line.slice(found.index))![0];
      push('decorator', `@${name}`);
      at = found.index + name.length;
      continue;
    }
    push('text', between);
    const { comment, quote, number, word } = found.groups!;
    at = found.index + found[0].length;
    if (comment !== undefined) push('comment', comment);
    else if (number !== undefined) push('number', number);
    else if (quote !== undefined) {
      const marks = quote.replace(/[^"']/g, '');
      const end = stringEnd(line, at, marks);
      push('string', line.slice(found.index, end.at));
      at = end.at;
      if (!end.isClosed && marks.length === 3) openString = marks;
    } else if (word !== undefined) {
      const isAttribute = line[found.index - 1] === '.';
      push(isAfterDef ? 'name' : isAttribute ? 'text' : kindOf(word, line, found.index), word);
      isAfterDef = !isAttribute && (word === 'def' || word === 'class');
    }
  }
  push('text', line.slice(at));
  return { tokens: joined(tokens), openString };
}

function kindOf(word: string, line: string, at: number): TokenKind {
  if (SOFT.has(word)) return line.slice(0, at).trim() === '' && /:\s*(#.*)?$/.test(line) ? 'keyword' : 'text';
  if (KEYWORDS.has(word)) return 'keyword';
  return BUILTINS.has(word) ? 'builtin' : 'text';
}

function stringEnd(line: string, from: number, marks: string): { at: number; isClosed: boolean } {
  for (let at = from; at < line.length; at += 1) {
    // In a raw string too, a backslash keeps the quote behind it from ending the string.
    if (line[at] === '\\') at += 1;
    else if (line.startsWith(marks, at)) return { at: at + marks.length, isClosed: true };
  }
  return { at: line.length, isClosed: false };
}

function joined(tokens: readonly Token[]): Token[] {
  const all: Token[] = [];
  for (const token of tokens) {
    const last = all.at(-1);
    if (last?.kind === token.kind && token.kind === 'text') all[all.length - 1] = { kind: 'text', text: last.text + token.text };
    else all.push(token);
  }
  return all;
}

/** All lines of a text. */
export function tokenizePython(lines: readonly string[]): Token[][] {
  let openString = '';
  return lines.map((line) => {
    const done = tokenizeLine(line, openString);
    openString = done.openString;
    return done.tokens;
  });
}
