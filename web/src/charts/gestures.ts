/**
 * Pointers, wheel and keys on a plot, translated into what they mean.
 *
 *   drag          zoom x            Shift-drag   zoom a box      Alt-drag, two fingers   pan
 *   Ctrl-wheel    zoom at pointer   double click reset           Backspace               back
 *   ← →           crosshair         ↑ ↓          series          Enter                   pin
 *   Shift-wheel   more rows         + − 0        zoom, reset     C                       copy
 */

export interface Point {
  /** CSS px from the plot's left and top edge. */
  readonly x: number;
  readonly y: number;
}

/** What a gesture may do to the chart. Shares are of the plot's width and height. */
export interface GestureTarget {
  /** The crosshair stands somewhere. */
  readonly isRead: boolean;
  hoverAt(point: Point): void;
  leave(): void;
  /** The box being dragged; null when it is gone. */
  selectBox(from: Point, to: Point, isBox: boolean): void;
  clearBox(): void;
  zoomToBox(from: Point, to: Point, isBox: boolean): void;
  /** Move the view by this many px. Not final until `settle`. */
  panBy(dx: number, dy: number): void;
  /** Scale about a point. Not final until `settle`. */
  zoomAt(point: Point, factor: number): void;
  beginGesture(): void;
  settle(): void;
  reset(): void;
  back(): void;
  pin(): void;
  /** Move the crosshair by buckets of the focused line. */
  stepCrosshair(buckets: number): void;
  /** Move the focus to the next line above (-1) or below (1). */
  stepLine(direction: number): void;
  zoomCentre(factor: number): void;
  /** Show the values of lines further away. @returns whether there are any */
  scrollRows(rows: number): boolean;
  /** @returns whether there was anything to copy */
  copy(): boolean;
}

const DRAG_THRESHOLD_PX = 4;
const WHEEL_SETTLE_MS = 120;
const SCROLLED_ROWS = 4;
const PAGE_ROWS = 12;
const WHEEL_ZOOM_PER_PX = 0.0022;

type Mode = 'none' | 'pressed' | 'box-x' | 'box' | 'pan' | 'pinch';

/** @returns the way to let go of every listener. */
export function attachGestures(
  plot: HTMLElement,
  root: HTMLElement,
  target: GestureTarget,
): () => void {
  const gestures = new Gestures(plot, target);
  const controller = new AbortController();
  const { signal } = controller;
  plot.addEventListener('pointerdown', gestures.down, { signal });
  plot.addEventListener('pointermove', gestures.move, { signal });
  plot.addEventListener('pointerup', gestures.up, { signal });
  plot.addEventListener('pointercancel', gestures.cancel, { signal });
  plot.addEventListener('pointerleave', gestures.out, { signal });
  plot.addEventListener('dblclick', () => target.reset(), { signal });
  plot.addEventListener('wheel', gestures.wheel, { signal, passive: false });
  root.addEventListener('keydown', (event) => onKey(event, root, target), { signal });
  root.addEventListener('blur', () => target.leave(), { signal });
  return () => {
    controller.abort();
    gestures.stop();
  };
}

class Gestures {
  private mode: Mode = 'none';
  private from: Point = { x: 0, y: 0 };
  private last: Point = { x: 0, y: 0 };
  private readonly fingers = new Map<number, Point>();
  private wheelTimer: ReturnType<typeof setTimeout> | undefined;
  private frame = 0;
  private pending: Point | null = null;
  private readonly plot: HTMLElement;
  private readonly target: GestureTarget;

  constructor(plot: HTMLElement, target: GestureTarget) {
    this.plot = plot;
    this.target = target;
  }

  stop(): void {
    clearTimeout(this.wheelTimer);
    cancelAnimationFrame(this.frame);
  }

  readonly down = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse' && event.button !== 0) return;
    const point = this.place(event);
    if (event.pointerType === 'touch') {
      this.fingers.set(event.pointerId, point);
      if (this.fingers.size === 2) this.begin('pinch', point);
      else this.hover(point);
      return;
    }
    this.plot.setPointerCapture(event.pointerId);
    this.from = point;
    this.last = point;
    this.mode = 'pressed';
  };

  readonly move = (event: PointerEvent): void => {
    const point = this.place(event);
    if (this.mode === 'pinch') {
      this.pinch(event.pointerId, point);
      return;
    }
    if (this.mode === 'pressed' && this.isDragged(point)) {
      this.begin(event.altKey ? 'pan' : event.shiftKey ? 'box' : 'box-x', this.from);
    }
    if (this.mode === 'pan') {
      this.target.panBy(point.x - this.last.x, point.y - this.last.y);
      this.last = point;
    } else if (this.mode === 'box' || this.mode === 'box-x') {
      this.target.selectBox(this.from, this.inside(point), this.mode === 'box');
      this.last = point;
    } else if (this.mode === 'none') {
      this.hover(point);
    }
  };

  readonly up = (event: PointerEvent): void => {
    const point = this.place(event);
    const { mode } = this;
    this.fingers.delete(event.pointerId);
    if (mode === 'pinch' && this.fingers.size > 0) return;
    this.mode = 'none';
    if (mode === 'pressed') {
      // The place of the click itself: what was hovered last may be a frame old.
      this.pending = null;
      this.target.hoverAt(point);
      this.target.pin();
    } else if (mode === 'box' || mode === 'box-x') {
      this.target.clearBox();
      this.target.zoomToBox(this.from, this.inside(point), mode === 'box');
    } else if (mode === 'pan' || mode === 'pinch') this.target.settle();
  };

  readonly cancel = (event: PointerEvent): void => {
    this.fingers.delete(event.pointerId);
    if (this.mode === 'box' || this.mode === 'box-x') this.target.clearBox();
    else if (this.mode === 'pan' || this.mode === 'pinch') this.target.settle();
    this.mode = 'none';
    this.target.leave();
  };

  readonly out = (event: PointerEvent): void => {
    if (this.mode !== 'none' || event.pointerType === 'touch') return;
    this.pending = null;
    this.target.leave();
  };

  readonly wheel = (event: WheelEvent): void => {
    if (event.shiftKey && !event.ctrlKey) {
      const by = Math.sign(event.deltaY || event.deltaX) * SCROLLED_ROWS;
      if (this.target.scrollRows(by)) event.preventDefault();
      return;
    }
    // Without Ctrl the wheel scrolls the page, always.
    if (!event.ctrlKey) return;
    event.preventDefault();
    if (this.wheelTimer === undefined) this.target.beginGesture();
    const px = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.target.zoomAt(
      this.place(event),
      Math.exp(Math.max(-200, Math.min(200, px)) * WHEEL_ZOOM_PER_PX),
    );
    clearTimeout(this.wheelTimer);
    this.wheelTimer = setTimeout(() => {
      this.wheelTimer = undefined;
      this.target.settle();
    }, WHEEL_SETTLE_MS);
  };

  private begin(mode: Mode, point: Point): void {
    this.mode = mode;
    this.last = point;
    this.pending = null;
    if (mode === 'pan' || mode === 'pinch') this.target.beginGesture();
    this.target.leave();
  }

  private pinch(id: number, point: Point): void {
    const before = this.fingers.get(id);
    const other = [...this.fingers].find(([key]) => key !== id)?.[1];
    if (before === undefined || other === undefined) return;
    this.fingers.set(id, point);
    const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
    this.target.panBy((point.x - before.x) / 2, (point.y - before.y) / 2);
    const apart = Math.abs(point.x - other.x);
    const wasApart = Math.abs(before.x - other.x);
    if (apart > 20 && wasApart > 20) this.target.zoomAt(middle, wasApart / apart);
  }

  /** Hovers are answered once a frame, with the newest place. */
  private hover(point: Point): void {
    const isScheduled = this.pending !== null;
    this.pending = point;
    if (isScheduled) return;
    this.frame = requestAnimationFrame(() => {
      const newest = this.pending;
      this.pending = null;
      if (newest !== null) this.target.hoverAt(newest);
    });
  }

  private isDragged(point: Point): boolean {
    return (
      Math.abs(point.x - this.from.x) > DRAG_THRESHOLD_PX ||
      Math.abs(point.y - this.from.y) > DRAG_THRESHOLD_PX
    );
  }

  private place(event: MouseEvent): Point {
    const box = this.plot.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private inside(point: Point): Point {
    const clamp = (value: number, size: number): number => Math.min(size, Math.max(0, value));
    return { x: clamp(point.x, this.plot.clientWidth), y: clamp(point.y, this.plot.clientHeight) };
  }
}

function onKey(event: KeyboardEvent, root: HTMLElement, target: GestureTarget): void {
  if (event.target !== root || event.ctrlKey || event.metaKey || event.altKey) return;
  const far = event.shiftKey ? 10 : 1;
  const actions: Record<string, () => unknown> = {
    ArrowLeft: () => target.stepCrosshair(-far),
    ArrowRight: () => target.stepCrosshair(far),
    ArrowUp: () => target.stepLine(-1),
    ArrowDown: () => target.stepLine(1),
    '+': () => target.zoomCentre(0.5),
    '=': () => target.zoomCentre(0.5),
    '-': () => target.zoomCentre(2),
    '0': () => target.reset(),
    Backspace: () => target.back(),
    Enter: () => target.pin(),
    PageUp: () => target.scrollRows(-PAGE_ROWS),
    PageDown: () => target.scrollRows(PAGE_ROWS),
    c: () => target.copy(),
    // Without a crosshair to put away it closes what the panel is open in.
    ...(target.isRead ? { Escape: () => target.leave() } : {}),
  };
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}
