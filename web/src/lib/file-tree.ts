/** Paths as a tree to fold: folders first, each in natural order. */

export interface Named {
  readonly path: string;
  readonly size: number;
}

export type TreeItem<F extends Named> =
  | { readonly kind: 'folder'; readonly path: string; readonly name: string; readonly depth: number; readonly files: number; readonly size: number }
  | { readonly kind: 'file'; readonly path: string; readonly name: string; readonly depth: number; readonly file: F };

interface Folder<F> {
  folders: Map<string, Folder<F>>;
  files: { name: string; file: F }[];
  count: number;
  size: number;
}

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Rows in order. A search keeps files whose path holds all its words, and opens every folder. */
export function treeOf<F extends Named>(files: readonly F[], search = '', folded: ReadonlySet<string> = new Set()): TreeItem<F>[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const root = emptyFolder<F>();
  for (const file of files) {
    const lower = file.path.toLowerCase();
    if (words.every((word) => lower.includes(word))) insert(root, file);
  }
  const rows: TreeItem<F>[] = [];
  walk(root, '', 0, words.length > 0 ? new Set() : folded, rows);
  return rows;
}

function emptyFolder<F>(): Folder<F> {
  return { folders: new Map(), files: [], count: 0, size: 0 };
}

function insert<F extends Named>(root: Folder<F>, file: F): void {
  const parts = file.path.split('/');
  const name = parts.pop()!;
  let folder = root;
  for (const part of parts) {
    let next = folder.folders.get(part);
    if (next === undefined) folder.folders.set(part, (next = emptyFolder<F>()));
    folder = next;
    folder.count += 1;
    folder.size += file.size;
  }
  folder.files.push({ name, file });
}

function walk<F extends Named>(folder: Folder<F>, prefix: string, depth: number, folded: ReadonlySet<string>, rows: TreeItem<F>[]): void {
  for (const [name, below] of [...folder.folders].sort(([a], [b]) => natural.compare(a, b))) {
    const path = prefix + name;
    rows.push({ kind: 'folder', path, name, depth, files: below.count, size: below.size });
    if (!folded.has(path)) walk(below, `${path}/`, depth + 1, folded, rows);
  }
  for (const { name, file } of folder.files.sort((a, b) => natural.compare(a.name, b.name))) {
    rows.push({ kind: 'file', path: file.path, name, depth, file });
  }
}
