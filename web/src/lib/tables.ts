/** Logged tables: sorted, filtered, and two of them side by side. Rows are never moved: what is shown is a list of places. */

export interface LoggedTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** A table file's content; null where it is none. */
export function tableOf(file: unknown): LoggedTable | null {
  if (typeof file !== 'object' || file === null) return null;
  const { columns, data } = file as { columns?: unknown; data?: unknown };
  if (!Array.isArray(columns) || !Array.isArray(data)) return null;
  return { columns: columns.map(String), rows: data.filter((row): row is unknown[] => Array.isArray(row)) };
}

const natural = new Intl.Collator('en', { numeric: true });
const WORDS: Record<string, number> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

function numberIn(value: unknown): number | null {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value in WORDS ? (WORDS[value] as number) : null;
}

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Numbers before texts, what is missing (and NaN) last in either direction. */
export function compareCells(a: unknown, b: unknown, direction: 1 | -1): number {
  const [x, y] = [rankOf(a), rankOf(b)];
  if (x !== y) return x === 2 || y === 2 ? x - y : (x - y) * direction;
  if (x === 2) return 0;
  if (x === 0) {
    const [m, n] = [numberIn(a) as number, numberIn(b) as number];
    return m === n ? 0 : (m < n ? -1 : 1) * direction;
  }
  return natural.compare(cellText(a), cellText(b)) * direction;
}

function rankOf(value: unknown): 0 | 1 | 2 {
  if (value === null || value === undefined || value === '') return 2;
  const number = numberIn(value);
  if (number === null) return 1;
  return Number.isNaN(number) ? 2 : 0;
}

export interface Sorting {
  readonly column: number;
  readonly direction: 1 | -1;
}

/** Places of the rows that hold every word in some cell, or in the column named before a colon: `label:cat`. */
export function rowsShown(table: LoggedTable, filter: string, sorting: Sorting | null): number[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean).map((word) => wordOf(word, table.columns));
  const places: number[] = [];
  table.rows.forEach((row, at) => {
    if (words.every(({ text, column }) => holds(row, text, column))) places.push(at);
  });
  if (sorting === null) return places;
  const { column, direction } = sorting;
  return places.sort((a, b) => compareCells(table.rows[a]![column], table.rows[b]![column], direction) || a - b);
}

function wordOf(word: string, columns: readonly string[]): { text: string; column: number } {
  const cut = word.indexOf(':');
  const column = cut > 0 ? columns.findIndex((name) => name.toLowerCase() === word.slice(0, cut)) : -1;
  return column < 0 ? { text: word, column: -1 } : { text: word.slice(cut + 1), column };
}

function holds(row: readonly unknown[], text: string, column: number): boolean {
  if (column >= 0) return cellText(row[column]).toLowerCase().includes(text);
  return row.some((value) => cellText(value).toLowerCase().includes(text));
}

export interface Joined extends LoggedTable {
  /** Cells of the right table that differ from the left one's, as `row:column`. */
  readonly changed: ReadonlySet<string>;
  /** Where each row stands. */
  readonly sides: readonly ('both' | 'left' | 'right')[];
  readonly key: string;
}

/**
 * Two tables joined on a column: the key, then for every other column both values. Equal keys are paired in their
 * order, so nothing is multiplied and nothing is lost. Null where either table lacks the column.
 */
export function joined(left: LoggedTable, right: LoggedTable, key: string, names: readonly [string, string]): Joined | null {
  const [at, other] = [left.columns.indexOf(key), right.columns.indexOf(key)];
  if (at < 0 || other < 0) return null;
  const columns = [...new Set([...left.columns, ...right.columns])].filter((name) => name !== key);
  const waiting = new Map<string, (readonly unknown[])[]>();
  for (const row of right.rows) {
    const text = cellText(row[other]);
    waiting.set(text, [...(waiting.get(text) ?? []), row]);
  }
  const places = columns.map((name) => [left.columns.indexOf(name), right.columns.indexOf(name)] as const);
  const rows: unknown[][] = [];
  const sides: ('both' | 'left' | 'right')[] = [];
  const changed = new Set<string>();
  const add = (mine: readonly unknown[] | null, theirs: readonly unknown[] | null): void => {
    const row: unknown[] = [mine ? mine[at] : theirs?.[other]];
    for (const [a, b] of places) {
      const [x, y] = [a < 0 ? undefined : mine?.[a], b < 0 ? undefined : theirs?.[b]];
      if (mine && theirs && a >= 0 && b >= 0 && contentOf(x) !== contentOf(y)) changed.add(`${rows.length}:${row.length + 1}`);
      row.push(x, y);
    }
    rows.push(row);
    sides.push(mine && theirs ? 'both' : mine ? 'left' : 'right');
  };
  for (const row of left.rows) add(row, waiting.get(cellText(row[at]))?.shift() ?? null);
  for (const rest of waiting.values()) for (const row of rest) add(null, row);
  const heads = columns.flatMap((name) => [`${name} · ${names[0]}`, `${name} · ${names[1]}`]);
  return { columns: [key, ...heads], rows, changed, sides, key };
}

/** A picture is the same where its bytes are, wherever it is stored. */
function contentOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'sha256' in value) return String(value.sha256);
  return cellText(value);
}

/** A column to join on: the first both have whose values on the left are all different; else any both have. */
export function joinKey(left: LoggedTable, right: LoggedTable): string | null {
  const both = left.columns.filter((name) => right.columns.includes(name));
  const isKey = (name: string): boolean => {
    const at = left.columns.indexOf(name);
    const seen = new Set(left.rows.map((row) => cellText(row[at])));
    return seen.size === left.rows.length && left.rows.every((row) => typeof row[at] !== 'object' && !isFraction(row[at]));
  };
  return both.find(isKey) ?? both[0] ?? null;
}

const isFraction = (value: unknown): boolean => typeof value === 'number' && !Number.isInteger(value);
