// Terminal colours in text: escape sequences in, styled pieces out. Pure.

export interface Piece {
  text: string;
  /** CSS classes: `fg1` … `fg15`, `bg1` …, `bold`, `dim`, `italic`, `underline`, `struck`, `inverse`, `own` (own colours). */
  classes: string;
  /** Colours beyond the sixteen, or null. */
  color: string | null;
  background: string | null;
  /** Part of what is searched for. */
  isHit?: boolean;
}

interface Style {
  fg: number | null;
  bg: number | null;
  color: string | null;
  background: string | null;
  flags: Set<string>;
}

const ESCAPE = /\u001b\[([0-9;:?]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
/** Codes that switch something on, and those that switch it off. */
const FLAGS: Record<number, string> = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline', 7: 'inverse', 9: 'struck' };
const ENDS: Record<number, readonly string[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['struck'],
};

/** What a terminal would show of a line: carriage returns have written over what stood before them. */
export function settled(text: string): string {
  const line = text.replace(/\r+$/, '');
  return line.slice(line.lastIndexOf('\r') + 1);
}

/** What a line showed before it settled, oldest first. */
export function redrawn(text: string): string[] {
  return text
    .replace(/\r+$/, '')
    .split('\r')
    .slice(0, -1)
    .filter((part) => part !== '');
}

export function plain(text: string): string {
  return settled(text).replace(ESCAPE, '');
}

export function parseAnsi(text: string): Piece[] {
  const line = settled(text);
  if (!line.includes('\u001b')) return line === '' ? [] : [{ text: line, classes: '', color: null, background: null }];
  const pieces: Piece[] = [];
  const style: Style = { fg: null, bg: null, color: null, background: null, flags: new Set() };
  let from = 0;
  for (const match of line.matchAll(ESCAPE)) {
    push(pieces, line.slice(from, match.index), style);
    from = match.index + match[0].length;
    if (match[2] === 'm') apply(style, (match[1] ?? '').split(/[;:]/).map(Number));
  }
  push(pieces, line.slice(from), style);
  return pieces;
}

/** The pieces cut where what is searched for begins and ends, also across colours. Case is ignored. */
export function findIn(pieces: readonly Piece[], search: string): Piece[] {
  if (search === '') return [...pieces];
  const text = pieces
    .map((piece) => piece.text)
    .join('')
    .toLowerCase();
  const wanted = search.toLowerCase();
  const cuts: { at: number; isHit: boolean }[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    cuts.push({ at, isHit: true }, { at: at + wanted.length, isHit: false });
  }
  const found: Piece[] = [];
  let [start, next, isHit] = [0, 0, false];
  for (const piece of pieces) {
    const end = start + piece.text.length;
    let from = start;
    while (next < cuts.length && cuts[next]!.at < end) {
      const cut = cuts[next]!;
      if (cut.at > from) found.push({ ...piece, text: piece.text.slice(from - start, cut.at - start), isHit });
      from = Math.max(from, cut.at);
      isHit = cut.isHit;
      next += 1;
    }
    if (end > from) found.push({ ...piece, text: piece.text.slice(from - start), isHit });
    start = end;
  }
  return found;
}

function push(pieces: Piece[], text: string, style: Style): void {
  if (text === '') return;
  const classes = [...style.flags];
  if (style.fg !== null) classes.push(`fg${style.fg}`);
  if (style.bg !== null) classes.push(`bg${style.bg}`);
  // A colour that the program chose is fitted to the page's background only where it did not choose one too.
  if (style.bg !== null || style.background !== null || style.flags.has('inverse')) classes.push('own');
  pieces.push({ text, classes: classes.join(' '), color: style.color, background: style.background });
}

function apply(style: Style, codes: number[]): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code === 0) reset(style);
    else if (code in FLAGS) style.flags.add(FLAGS[code] as string);
    else if (code in ENDS) for (const flag of ENDS[code]!) style.flags.delete(flag);
    else if (code === 38 || code === 48) i += extended(style, codes, i);
    else simpleColor(style, code);
  }
}

function simpleColor(style: Style, code: number): void {
  if (code >= 30 && code <= 37) setForeground(style, code - 30, null);
  else if (code >= 90 && code <= 97) setForeground(style, code - 82, null);
  else if (code === 39) setForeground(style, null, null);
  else if (code >= 40 && code <= 47) setBackground(style, code - 40, null);
  else if (code >= 100 && code <= 107) setBackground(style, code - 92, null);
  else if (code === 49) setBackground(style, null, null);
}

/** `38;5;n` and `38;2;r;g;b`; returns how many codes belong to it. */
function extended(style: Style, codes: readonly number[], at: number): number {
  const set = codes[at] === 38 ? setForeground : setBackground;
  if (codes[at + 1] === 5) {
    const index = codes[at + 2] ?? 0;
    set(style, index < 16 ? index : null, index < 16 ? null : paletteColor(index));
    return 2;
  }
  if (codes[at + 1] === 2) {
    const [r = 0, g = 0, b = 0] = codes.slice(at + 2, at + 5);
    set(style, null, `rgb(${r} ${g} ${b})`);
    return 4;
  }
  return 0;
}

function paletteColor(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}

function setForeground(style: Style, index: number | null, color: string | null): void {
  style.fg = index;
  style.color = color;
}

function setBackground(style: Style, index: number | null, color: string | null): void {
  style.bg = index;
  style.background = color;
}

function reset(style: Style): void {
  style.fg = style.bg = style.color = style.background = null;
  style.flags.clear();
}
