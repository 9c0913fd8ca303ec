// Where sections and panels stand, in px, without asking the document: only what is near the viewport is mounted. Pure.
import { PANEL_ROWS_MAX, type Panel, type Section } from '../state/layout';

export const SECTION_HEADER = 36;
export const GAP = 10;
const SECTION_FOOT = 14;
const NOTE_HEIGHT = 28;
/** A section without panels says how to fill it. */
const EMPTY_HEIGHT = 64;
const PANEL_MIN_WIDTH = 230;
/** More than this in one section asks for a narrower choice. */
export const PANELS_PER_SECTION_MAX = 2000;
/** Part of a viewport height that is mounted above and below it. */
const MARGIN = 0.25;

const HEIGHTS = [360, 300, 236, 212, 196, 184];

export interface GridShape {
  columns: number;
  panelHeight: number;
}

export function gridShape(width: number, wantedColumns: number): GridShape {
  const fitting = Math.max(1, Math.floor((width + GAP) / (PANEL_MIN_WIDTH + GAP)));
  const columns = Math.min(wantedColumns, fitting);
  const height = HEIGHTS[columns - 1] ?? 184;
  return { columns, panelHeight: columns === 1 && width < 600 ? 260 : height };
}

/** A panel's cells, as far as the grid has them. */
export function cellsOf(panel: Panel, columns: number): { width: number; height: number } {
  const clamp = (value: number | undefined, max: number) => Math.min(max, Math.max(1, Math.round(value ?? 1) || 1));
  return { width: clamp(panel.spec.width, columns), height: clamp(panel.spec.height, PANEL_ROWS_MAX) };
}

export interface Cell {
  row: number;
  column: number;
  width: number;
  height: number;
}

/** Panels row by row in their order: each stands at the first free place behind the one before it. */
export function flow(panels: readonly Panel[], columns: number): { cells: Cell[]; rows: number } {
  const cells: Cell[] = [];
  /** First free row of each column. */
  const free = new Array<number>(columns).fill(0);
  let row = 0;
  let column = 0;
  let rows = 0;
  for (const panel of panels) {
    const { width, height } = cellsOf(panel, columns);
    const fits = () => {
      for (let c = column; c < column + width; c++) if ((free[c] as number) > row) return false;
      return true;
    };
    while (column + width > columns || !fits()) {
      column += 1;
      if (column + width <= columns) continue;
      column = 0;
      row += 1;
    }
    cells.push({ row, column, width, height });
    free.fill(row + height, column, column + width);
    rows = Math.max(rows, row + height);
    column += width;
  }
  return { cells, rows };
}

export interface SectionPlace {
  section: Section;
  grid: GridShape;
  top: number;
  height: number;
  /** One for each panel that has a place: fewer than the section's when there are too many. */
  cells: readonly Cell[];
}

export function placeSections(
  sections: readonly Section[],
  shapeOf: (section: Section) => GridShape,
  flowOf: typeof flow = flow,
): SectionPlace[] {
  let top = 0;
  return sections.map((section) => {
    const grid = shapeOf(section);
    const isCut = section.panels.length > PANELS_PER_SECTION_MAX;
    const panels = isCut ? section.panels.slice(0, PANELS_PER_SECTION_MAX) : section.panels;
    const { cells, rows } = section.folded ? { cells: [], rows: 0 } : flowOf(panels, grid.columns);
    const content = rows > 0 ? rows * (grid.panelHeight + GAP) - GAP : EMPTY_HEIGHT;
    const body = section.folded ? 0 : content + SECTION_FOOT + (isCut ? NOTE_HEIGHT : 0);
    const place = { section, grid, top, height: SECTION_HEADER + body, cells };
    top += place.height;
    return place;
  });
}

/** First and last-plus-one panel of a section to mount for a viewport from `scrollTop`. */
export function panelWindow(place: SectionPlace, scrollTop: number, viewHeight: number): [number, number] {
  const from = scrollTop - viewHeight * MARGIN - place.top - SECTION_HEADER;
  const to = scrollTop + viewHeight * (1 + MARGIN) - place.top - SECTION_HEADER;
  const pitch = place.grid.panelHeight + GAP;
  // Rows never fall along the list; a panel that begins further up may reach down into view.
  const first = firstInRow(place.cells, Math.floor(from / pitch) - (PANEL_ROWS_MAX - 1));
  const end = firstInRow(place.cells, Math.max(0, Math.ceil(to / pitch)));
  let start = first;
  while (start < end && isAbove(place.cells[start] as Cell, from, pitch)) start += 1;
  return [start, end];
}

const isAbove = (cell: Cell, from: number, pitch: number) => (cell.row + cell.height) * pitch <= from;

/** Index of the first cell of this row or one below it. */
function firstInRow(cells: readonly Cell[], row: number): number {
  let low = 0;
  let high = cells.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cells[middle] as Cell).row < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function isNear(place: SectionPlace, scrollTop: number, viewHeight: number): boolean {
  const margin = viewHeight * MARGIN;
  return place.top < scrollTop + viewHeight + margin && place.top + place.height > scrollTop - margin;
}

/** Sections that are near, found without looking at all of them. */
export function nearSections(places: readonly SectionPlace[], scrollTop: number, viewHeight: number): SectionPlace[] {
  let low = 0;
  let high = places.length;
  const from = scrollTop - viewHeight * MARGIN;
  while (low < high) {
    const middle = (low + high) >> 1;
    const place = places[middle] as SectionPlace;
    if (place.top + place.height <= from) low = middle + 1;
    else high = middle;
  }
  const near: SectionPlace[] = [];
  for (; low < places.length && isNear(places[low] as SectionPlace, scrollTop, viewHeight); low++) {
    near.push(places[low] as SectionPlace);
  }
  return near;
}
