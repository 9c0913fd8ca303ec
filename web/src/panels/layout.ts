// Where sections and panels stand, in px, without asking the document: only what is near the viewport is mounted. Pure.
import type { Section } from '../state/sections';

export const SECTION_HEADER = 36;
export const GAP = 10;
const SECTION_FOOT = 14;
const NOTE_HEIGHT = 28;
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

export interface SectionPlace {
  section: Section;
  folded: boolean;
  top: number;
  height: number;
  /** Panels that have a place: fewer than the section's when there are too many. */
  shown: number;
}

export function placeSections(
  sections: readonly Section[],
  isFolded: (section: Section) => boolean,
  grid: GridShape,
): SectionPlace[] {
  let top = 0;
  return sections.map((section) => {
    const folded = isFolded(section);
    const shown = Math.min(section.metrics.length, PANELS_PER_SECTION_MAX);
    const rows = Math.ceil(shown / grid.columns);
    const note = shown < section.metrics.length ? NOTE_HEIGHT : 0;
    const body = folded ? 0 : rows * (grid.panelHeight + GAP) - GAP + SECTION_FOOT + note;
    const place = { section, folded, top, height: SECTION_HEADER + body, shown };
    top += place.height;
    return place;
  });
}

/** First and last-plus-one panel of a section to mount for a viewport from `scrollTop`. */
export function panelWindow(
  place: SectionPlace,
  grid: GridShape,
  scrollTop: number,
  viewHeight: number,
): [number, number] {
  if (place.folded) return [0, 0];
  const from = scrollTop - viewHeight * MARGIN - place.top - SECTION_HEADER;
  const to = scrollTop + viewHeight * (1 + MARGIN) - place.top - SECTION_HEADER;
  const pitch = grid.panelHeight + GAP;
  const firstRow = Math.max(0, Math.floor(from / pitch));
  const lastRow = Math.ceil(to / pitch);
  return [Math.min(place.shown, firstRow * grid.columns), Math.max(0, Math.min(place.shown, lastRow * grid.columns))];
}

export function isNear(place: SectionPlace, scrollTop: number, viewHeight: number): boolean {
  const margin = viewHeight * MARGIN;
  return place.top < scrollTop + viewHeight + margin && place.top + place.height > scrollTop - margin;
}
