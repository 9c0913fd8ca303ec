// Terminal colours in text: escape sequences in, styled pieces out. Pure.

export interface Piece {
  text: string;
  /** CSS classes: `fg1` … `fg15`, `bg1` …, `bold`, `dim`, `italic`, `underline`. */
  classes: string;
  /** A colour beyond the sixteen, or null. */
  color: string | null;
}

interface Style {
  fg: number | null;
  bg: number | null;
  color: string | null;
  flags: Set<string>;
}

const ESCAPE = /\u001b\[([0-9;]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
const FLAGS: Record<number, string> = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline' };

/** What a terminal would show of a line: carriage returns have written over what stood before them. */
export function settled(text: string): string {
  const line = text.replace(/\r+$/, '');
  return line.slice(line.lastIndexOf('\r') + 1);
}

export function plain(text: string): string {
  return settled(text).replace(ESCAPE, '');
}

export function parseAnsi(text: string): Piece[] {
  const line = settled(text);
  if (!line.includes('\u001b')) return line === '' ? [] : [{ text: line, classes: '', color: null }];
  const pieces: Piece[] = [];
  const style: Style = { fg: null, bg: null, color: null, flags: new Set() };
  let from = 0;
  for (const match of line.matchAll(ESCAPE)) {
    push(pieces, line.slice(from, match.index), style);
    from = match.index + match[0].length;
    if (match[2] === 'm') apply(style, (match[1] ?? '').split(';').map(Number));
  }
  push(pieces, line.slice(from), style);
  return pieces;
}

function push(pieces: Piece[], text: string, style: Style): void {
  if (text === '') return;
  const classes = [...style.flags];
  if (style.fg !== null) classes.push(`fg${style.fg}`);
  if (style.bg !== null) classes.push(`bg${style.bg}`);
  pieces.push({ text, classes: classes.join(' '), color: style.color });
}

function apply(style: Style, codes: number[]): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code === 0) reset(style);
    else if (code in FLAGS) style.flags.add(FLAGS[code] as string);
    else if (code === 22) ['bold', 'dim'].forEach((flag) => style.flags.delete(flag));
    else if (code === 23) style.flags.delete('italic');
    else if (code === 24) style.flags.delete('underline');
    else if (code === 38 || code === 48) i += extended(style, codes, i);
    else simpleColor(style, code);
  }
}

function simpleColor(style: Style, code: number): void {
  if (code >= 30 && code <= 37) setForeground(style, code - 30, null);
  else if (code >= 90 && code <= 97) setForeground(style, code - 82, null);
  else if (code === 39) setForeground(style, null, null);
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code >= 100 && code <= 107) style.bg = code - 92;
  else if (code === 49) style.bg = null;
}

/** `38;5;n` and `38;2;r;g;b`. Returns how many further codes it took. */
function extended(style: Style, codes: number[], at: number): number {
  const isForeground = codes[at] === 38;
  if (codes[at + 1] === 5) {
    const index = codes[at + 2] ?? 0;
    if (isForeground) setForeground(style, index < 16 ? index : null, index < 16 ? null : paletteColor(index));
    return 2;
  }
  if (codes[at + 1] === 2) {
    const [r = 0, g = 0, b = 0] = codes.slice(at + 2, at + 5);
    if (isForeground) setForeground(style, null, `rgb(${r} ${g} ${b})`);
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

function reset(style: Style): void {
  style.fg = style.bg = style.color = null;
  style.flags.clear();
}
