/** Trees of several runs beside each other, leaf by leaf. */

export type Leaf = string | number | boolean | null | readonly unknown[] | { readonly [key: string]: unknown };

export interface CompareRow {
  /** Key path with dots. */
  readonly path: string;
  /** One for each run; undefined where a run has no such key. */
  readonly values: readonly (Leaf | undefined)[];
  readonly differs: boolean;
}

/** Leaves in the order in which the first run that has them does; an empty branch is a leaf. */
export function compareTrees(trees: readonly { readonly [key: string]: unknown }[]): CompareRow[] {
  const leaves = trees.map((tree) => {
    const found = new Map<string, Leaf>();
    collect(tree, '', found);
    return found;
  });
  const paths = new Set<string>();
  for (const found of leaves) insertInOrder(paths, [...found.keys()]);
  return [...paths].map((path) => {
    const values = leaves.map((found) => found.get(path));
    const texts = new Set(values.map((value) => (value === undefined ? '' : JSON.stringify(value))));
    return { path, values, differs: texts.size > 1 };
  });
}

/** A key that only a later run has stands behind the one it follows there. */
function insertInOrder(known: Set<string>, paths: readonly string[]): void {
  if (paths.every((path) => known.has(path))) return;
  const order = [...known];
  let at = 0;
  for (const path of paths) {
    const place = order.indexOf(path);
    if (place >= 0) at = place + 1;
    else order.splice(at++, 0, path);
  }
  known.clear();
  for (const path of order) known.add(path);
}

function collect(tree: { readonly [key: string]: unknown }, prefix: string, found: Map<string, Leaf>): void {
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const isBranch = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    if (isBranch && !('_type' in (value as object))) collect(value as { [key: string]: unknown }, path, found);
    else found.set(path, value as Leaf);
  }
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
