/** Trees of several runs beside each other, leaf by leaf. */

export type Leaf = string | number | boolean | null | readonly unknown[] | { readonly [key: string]: unknown };

export interface CompareRow {
  /** Key path with dots. */
  readonly path: string;
  /** The keys of the path, outermost first. */
  readonly keys: readonly string[];
  /** One for each run; undefined where a run has no such key. */
  readonly values: readonly (Leaf | undefined)[];
  readonly differs: boolean;
}

interface Held {
  readonly keys: readonly string[];
  readonly value: Leaf;
}

/** Leaves in the order in which the first run that has them does; an empty branch is a leaf. */
export function compareTrees(trees: readonly { readonly [key: string]: unknown }[]): CompareRow[] {
  const leaves = trees.map((tree) => {
    const found = new Map<string, Held>();
    collect(tree, [], found);
    return found;
  });
  const paths = new Set<string>();
  for (const found of leaves) insertInOrder(paths, [...found.keys()]);
  return [...paths].map((path) => {
    const values = leaves.map((found) => found.get(path)?.value);
    const texts = new Set(values.map((value) => (value === undefined ? '' : JSON.stringify(value))));
    const keys = leaves.find((found) => found.has(path))!.get(path)!.keys;
    return { path, keys, values, differs: texts.size > 1 };
  });
}

/** A key that only a later run has stands behind the one it follows there. */
function insertInOrder(known: Set<string>, paths: readonly string[]): void {
  if (paths.every((path) => known.has(path))) return;
  const after = new Map<string | null, string[]>();
  let last: string | null = null;
  for (const path of paths) {
    if (known.has(path)) last = path;
    else after.set(last, [...(after.get(last) ?? []), path]);
  }
  const order = [...(after.get(null) ?? [])];
  for (const path of known) order.push(path, ...(after.get(path) ?? []));
  known.clear();
  for (const path of order) known.add(path);
}

function collect(tree: { readonly [key: string]: unknown }, above: readonly string[], found: Map<string, Held>): void {
  for (const [key, value] of Object.entries(tree)) {
    const keys = [...above, key];
    const isBranch = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    if (isBranch && !('_type' in (value as object))) collect(value as { [key: string]: unknown }, keys, found);
    else found.set(keys.join('.'), { keys, value: value as Leaf });
  }
}

/** A line of the tree that rows make: a branch to fold, or a row. */
export type CompareLine =
  | { readonly kind: 'branch'; readonly path: string; readonly key: string; readonly depth: number; readonly rows: number; readonly differing: number }
  | { readonly kind: 'leaf'; readonly key: string; readonly depth: number; readonly row: CompareRow };

interface Branch {
  readonly below: Map<string, Branch | CompareRow>;
  rows: number;
  differing: number;
}

/** Rows under their keys, each branch once and where its first row stands. */
export function compareLines(rows: readonly CompareRow[], folded: ReadonlySet<string> = new Set()): CompareLine[] {
  const root: Branch = { below: new Map(), rows: 0, differing: 0 };
  for (const row of rows) {
    let at = root;
    for (const key of row.keys.slice(0, -1)) {
      // A leaf of one run may be a branch of another: they stand beside each other.
      let next = at.below.get(`/${key}`) as Branch | undefined;
      if (next === undefined) at.below.set(`/${key}`, (next = { below: new Map(), rows: 0, differing: 0 }));
      at = next;
      at.rows += 1;
      if (row.differs) at.differing += 1;
    }
    at.below.set(`.${row.keys.at(-1)}`, row);
  }
  const lines: CompareLine[] = [];
  walk(root, '', 0, folded, lines);
  return lines;
}

function walk(branch: Branch, prefix: string, depth: number, folded: ReadonlySet<string>, lines: CompareLine[]): void {
  for (const [name, held] of branch.below) {
    const key = name.slice(1);
    if ('differs' in held) lines.push({ kind: 'leaf', key, depth, row: held });
    else {
      const path = prefix + key;
      lines.push({ kind: 'branch', path, key, depth, rows: held.rows, differing: held.differing });
      if (!folded.has(path)) walk(held, `${path}.`, depth + 1, folded, lines);
    }
  }
}

/** A table in Markdown; what would end a cell is escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const safe = (value: string): string => value.replace(/([\\|])/g, '\\$1').replace(/\s*\n\s*/g, '<br>');
  const line = (cells: readonly string[]): string => `| ${cells.map(safe).join(' | ')} |`;
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}

export interface Delta {
  readonly delta: number;
  /** Of the base; null where the base is 0. */
  readonly percent: number | null;
}

/** How far a number is from the base's; null where either is none, or they are equal. */
export function deltaOf(base: Leaf | undefined, value: Leaf | undefined): Delta | null {
  if (typeof base !== 'number' || typeof value !== 'number' || base === value) return null;
  const delta = value - base;
  return { delta, percent: base === 0 ? null : (delta / Math.abs(base)) * 100 };
}

/** Names that either or both of two runs have, and whether what they name is the same. */
export interface NamedPair<T> {
  readonly name: string;
  readonly kind: 'same' | 'changed' | 'added' | 'removed';
  readonly a: T | undefined;
  readonly b: T | undefined;
}

export function pairByName<T extends { readonly name: string }>(
  a: readonly T[],
  b: readonly T[],
  isSame: (a: T, b: T) => boolean,
): NamedPair<T>[] {
  const right = new Map(b.map((one) => [one.name, one]));
  const left = new Map(a.map((one) => [one.name, one]));
  const names = [...new Set([...left.keys(), ...right.keys()])].sort((x, y) => (x < y ? -1 : 1));
  return names.map((name) => {
    const [one, other] = [left.get(name), right.get(name)];
    const kind = !one ? 'added' : !other ? 'removed' : isSame(one, other) ? 'same' : 'changed';
    return { name, kind, a: one, b: other };
  });
}
