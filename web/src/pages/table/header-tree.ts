// The header of the table as a tree along the key paths: neighbours that share their outer keys stand under one title.
//
//   optimizer        │ train        row 0
//        │ betas     │              row 1
//   lr   │ 0   │ 1   │ loss │ acc   the columns themselves
//
// Pure.
import type { Column } from './columns';

export const DEPTH_MAX = 3;

/** A column as it is shown: one of its own, or a folded title that stands for several. */
export interface ShownColumn {
  column: Column;
  /** Titles above it; the same text at the same place is one title. */
  outer: readonly string[];
  label: string;
  /** Columns that a folded title hides, this one included; empty where nothing is folded. */
  folded: readonly Column[];
  /** The title that unfolds it. */
  foldKey: string | null;
  isPinned: boolean;
}

export interface HeaderCell {
  /** Names the title: its group and outer keys; '' above columns that have none here. */
  key: string;
  label: string;
  /** Where it begins among the shown columns, and how many it spans. */
  start: number;
  span: number;
}

/** The outer keys of a column, at most two: what is deeper is part of the innermost one. */
function outerKeys(column: Column): string[] {
  const keys = column.keys.slice(0, -1);
  return keys.length < DEPTH_MAX ? [...keys] : [...keys.slice(0, DEPTH_MAX - 2), keys.slice(DEPTH_MAX - 2).join(' ▸ ')];
}

const keyOf = (column: Column, outer: readonly string[]) => `${column.group}:${outer.join(' ▸ ')}`;

/** Columns in order, those under a folded title as one. Pinned ones come first. */
export function shownColumns(
  columns: readonly Column[],
  pinned: ReadonlySet<string>,
  folded: ReadonlySet<string>,
): ShownColumn[] {
  const shown: ShownColumn[] = [];
  const ordered = [
    ...columns.filter(({ path }) => pinned.has(path)),
    ...columns.filter(({ path }) => !pinned.has(path)),
  ];
  for (const column of ordered) {
    const outer = outerKeys(column);
    const isPinned = pinned.has(column.path);
    const depth = outer.findIndex((_, i) => folded.has(keyOf(column, outer.slice(0, i + 1))));
    if (depth < 0) {
      shown.push({ column, outer, label: column.label, folded: [], foldKey: null, isPinned });
      continue;
    }
    const foldKey = keyOf(column, outer.slice(0, depth + 1));
    const last = shown.at(-1);
    if (last?.foldKey === foldKey && last.isPinned === isPinned) {
      shown[shown.length - 1] = { ...last, folded: [...last.folded, column] };
    } else {
      const label = outer[depth] as string;
      shown.push({ column, outer: outer.slice(0, depth), label, folded: [column], foldKey, isPinned });
    }
  }
  return shown;
}

/** Rows of titles above the columns' own labels. */
export function headerRows(shown: readonly ShownColumn[]): HeaderCell[][] {
  const depth = Math.max(0, ...shown.map(({ outer }) => outer.length));
  return Array.from({ length: depth }, (_, level) => {
    const row: HeaderCell[] = [];
    shown.forEach(({ column, outer, isPinned }, at) => {
      const path = level < outer.length ? outer.slice(0, level + 1) : [];
      const key = path.length === 0 ? '' : keyOf(column, path);
      const last = row.at(-1);
      const before = shown[at - 1];
      if (last && last.key === key && key !== '' && before?.isPinned === isPinned) last.span += 1;
      else row.push({ key, label: path.at(-1) ?? '', start: at, span: 1 });
    });
    return row;
  });
}
