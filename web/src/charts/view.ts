/**
 * What part of the data a chart shows: zoom and its history, automatic ranges, and when they may
 * move. Axes grow at once, shrink only after a while, and stay put while zoomed or hovered.
 */

import { covers, shifted, toScale, fromScale, zoomAbout } from '../lib/scales';
import type { Range, Scale } from '../lib/scales';
import type { XKind } from '../lib/numbers';

export interface Zoom {
  readonly x: Range | null;
  readonly y: Range | null;
}

export const UNZOOMED: Zoom = { x: null, y: null };

const HISTORY_MAX = 50;
/** Pan may leave at most this share of the window empty. */
const PAN_SLACK = 0.5;

export class View {
  zoom: Zoom = UNZOOMED;
  /** The automatic ranges in force. */
  homeX: Range = { min: 0, max: 1 };
  homeY: Range = { min: 0, max: 1 };
  /** Of the right axis, which zooms along with the left one. */
  homeRight: Range = { min: 0, max: 1 };
  xScale: 'linear' | 'log' = 'linear';
  yScale: Scale = 'linear';
  rightScale: Scale = 'linear';
  xKind: XKind = 'step';
  private readonly history: Zoom[] = [];
  private before: Zoom | null = null;

  get x(): Range {
    return this.zoom.x ?? this.homeX;
  }

  get y(): Range {
    return this.zoom.y ?? this.homeY;
  }

  /** The right axis shows the same share of itself as the left one. */
  get yRight(): Range {
    const { y } = this.zoom;
    if (y === null) return this.homeRight;
    const [low, high] = [toScale(this.yScale, this.homeY.min), toScale(this.yScale, this.homeY.max)];
    const from = toScale(this.rightScale, this.homeRight.min);
    const span = toScale(this.rightScale, this.homeRight.max) - from;
    const at = (value: number): number =>
      fromScale(
        this.rightScale,
        from + ((toScale(this.yScale, value) - low) / (high - low)) * span,
      );
    return { min: at(y.min), max: at(y.max) };
  }

  get isZoomed(): boolean {
    return this.zoom.x !== null || this.zoom.y !== null;
  }

  /** Remember where a gesture began: one step of the history, however many moves it takes. */
  begin(): void {
    this.before ??= this.zoom;
  }

  /** End the gesture. @returns whether the view changed. */
  settle(): boolean {
    const { before } = this;
    this.before = null;
    if (before === null || same(before, this.zoom)) return false;
    this.history.push(before);
    if (this.history.length > HISTORY_MAX) this.history.shift();
    return true;
  }

  /** Zoom in one step. @returns whether the view changed. */
  set(zoom: Zoom): boolean {
    this.begin();
    this.zoom = this.limited(zoom);
    return this.settle();
  }

  /** Go where an address says, even before any data says what there is. */
  jump(zoom: Zoom): boolean {
    this.begin();
    this.zoom = zoom;
    return this.settle();
  }

  /** @returns whether there was a step to go back to. */
  back(): boolean {
    const previous = this.history.pop();
    if (previous === undefined) return false;
    this.zoom = previous;
    return true;
  }

  panX(share: number): void {
    const { min, max } = shifted(this.x, this.xScale, share);
    const low = toScale(this.xScale, min);
    const high = toScale(this.xScale, max);
    const slack = (high - low) * PAN_SLACK;
    const homeLow = toScale(this.xScale, this.homeX.min) - slack;
    const homeHigh = toScale(this.xScale, this.homeX.max) + slack;
    const back = Math.max(0, homeLow - low) - Math.max(0, high - homeHigh);
    const x = {
      min: fromScale(this.xScale, low + back),
      max: fromScale(this.xScale, high + back),
    };
    this.zoom = { ...this.zoom, x };
  }

  panY(share: number): void {
    this.zoom = { ...this.zoom, y: shifted(this.y, this.yScale, share) };
  }

  scaleX(centre: number, factor: number): void {
    this.zoom = this.limited({ ...this.zoom, x: zoomAbout(this.x, this.xScale, centre, factor) });
  }

  /** Not narrower than the numbers can tell apart, not wider than everything. */
  private limited(zoom: Zoom): Zoom {
    if (zoom.x === null) return zoom;
    const { min, max } = zoom.x;
    const smallest = Math.max(
      this.xKind === 'step' ? 1 : 0,
      Math.abs(max) * 1e-11,
      Number.MIN_VALUE,
    );
    let x: Range = zoom.x;
    if (max - min < smallest) {
      const middle = (min + max) / 2;
      x = { min: middle - smallest / 2, max: middle + smallest / 2 };
    }
    return covers(x, this.homeX) ? { x: null, y: zoom.y } : { x, y: zoom.y };
  }
}

function same(a: Zoom, b: Zoom): boolean {
  return sameRange(a.x, b.x) && sameRange(a.y, b.y);
}

export function sameRange(a: Range | null, b: Range | null): boolean {
  if (a === null || b === null) return a === b;
  return a.min === b.min && a.max === b.max;
}
