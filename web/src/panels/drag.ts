// Dragging: the pointer's way until it lets go, and where a dragged panel would stand.
import { GAP, SECTION_HEADER, type SectionPlace } from './layout';

const THRESHOLD_PX = 5;
const EDGE_PX = 48;
const SCROLL_MAX_PX = 18;

export interface DragHandlers {
  /** The pointer, in px of the window. */
  move: (x: number, y: number) => void;
  drop: () => void;
  /** After the drop, or when it was called off. */
  end: () => void;
}

/** Follows a pressed pointer. Near the edges of the scroller it scrolls; Escape calls it off. */
export function followPointer(event: PointerEvent, scroller: HTMLElement, on: DragHandlers): void {
  const start = { x: event.clientX, y: event.clientY };
  let at = start;
  let moves = false;
  let frame = 0;
  const stop = new AbortController();
  const { signal } = stop;

  function finish(drops: boolean) {
    cancelAnimationFrame(frame);
    stop.abort();
    if (moves && drops) on.drop();
    if (moves) on.end();
  }

  function scroll() {
    const box = scroller.getBoundingClientRect();
    const above = box.top + EDGE_PX - at.y;
    const below = at.y - (box.bottom - EDGE_PX);
    const by = above > 0 ? -above : below > 0 ? below : 0;
    if (by !== 0) {
      scroller.scrollTop += Math.max(-SCROLL_MAX_PX, Math.min(SCROLL_MAX_PX, by / 3));
      on.move(at.x, at.y);
    }
    frame = requestAnimationFrame(scroll);
  }

  addEventListener(
    'pointermove',
    (next) => {
      if (next.pointerId !== event.pointerId) return;
      at = { x: next.clientX, y: next.clientY };
      if (!moves && Math.hypot(at.x - start.x, at.y - start.y) < THRESHOLD_PX) return;
      if (!moves) frame = requestAnimationFrame(scroll);
      moves = true;
      on.move(at.x, at.y);
    },
    { signal },
  );
  addEventListener('pointerup', () => finish(true), { signal });
  addEventListener('pointercancel', () => finish(false), { signal });
  addEventListener(
    'keydown',
    (key) => {
      if (key.key !== 'Escape') return;
      key.preventDefault();
      key.stopPropagation();
      finish(false);
    },
    { signal, capture: true },
  );
}

export interface DropTarget {
  key: string;
  /** Before which of the section's panels, as they stand now. */
  before: number;
  /** The line that shows it, in px of the sections' space. */
  line: { top: number; left: number; width: number; height: number };
}

/** Where a panel dropped at this point goes: before the panel it is on the left half of, else behind it. */
export function dropTarget(places: readonly SectionPlace[], x: number, y: number, width: number): DropTarget | null {
  const place = places.findLast((one) => one.top <= y) ?? places[0];
  if (!place) return null;
  const { section, grid, cells } = place;
  const top = place.top + SECTION_HEADER;
  if (section.folded || cells.length === 0) {
    const line = { top: top - 2, left: 0, width, height: 2 };
    return { key: section.key, before: section.panels.length, line };
  }
  const pitch = { x: (width + GAP) / grid.columns, y: grid.panelHeight + GAP };
  const row = Math.max(0, Math.floor((y - top) / pitch.y));
  const column = Math.min(grid.columns - 1, Math.max(0, Math.floor(x / pitch.x)));
  const on = cells.findIndex(
    (cell) =>
      row >= cell.row && row < cell.row + cell.height && column >= cell.column && column < cell.column + cell.width,
  );
  const hit = cells[on];
  const isRight = hit !== undefined && x > (hit.column + hit.width / 2) * pitch.x;
  const place_ = row * grid.columns + column;
  const before = hit
    ? on + Number(isRight)
    : cells.filter((cell) => cell.row * grid.columns + cell.column < place_).length;
  const beside = hit ?? cells[Math.max(0, before - 1)];
  if (!beside) return null;
  const edge = hit && !isRight ? beside.column : beside.column + beside.width;
  const line = {
    top: top + beside.row * pitch.y,
    left: edge * pitch.x - GAP / 2 - 1,
    width: 2,
    height: beside.height * pitch.y - GAP,
  };
  return { key: section.key, before, line };
}
