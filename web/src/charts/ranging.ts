/**
 * When axes move. Outward at once, inward after a while, and not at all while somebody zooms or
 * reads: what came meanwhile is told, and waits.
 */

import type { Range } from '../lib/scales';
import type { Smoothing } from '../lib/smoothing';
import { fitX, fitY } from './fitting';
import type { HeldLines } from './held';
import type { ChartOptions, YAxis } from './types';
import { sameRange } from './view';
import type { View } from './view';

const SHRINK_AFTER_MS = 5000;
const AXES: readonly YAxis[] = ['left', 'right'];
const NO_SMOOTHING: Smoothing = { kind: 'none' };

export interface RangingHost {
  readonly options: ChartOptions;
  /** Somebody reads a value or is in the middle of a gesture. */
  readonly isBusy: boolean;
  readonly isRead: boolean;
  redraw(): void;
}

export class Ranging {
  outside = 0;
  private newestX = NaN;
  private heldFromX = NaN;
  private shrinkTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly view: View;
  private readonly lines: HeldLines;
  private readonly host: RangingHost;

  constructor(view: View, lines: HeldLines, host: RangingHost) {
    this.view = view;
    this.lines = lines;
    this.host = host;
  }

  get isHeld(): boolean {
    return !Number.isNaN(this.heldFromX);
  }

  stop(): void {
    clearTimeout(this.shrinkTimer);
  }

  applyScales(): void {
    const { options } = this.host;
    this.view.xScale = options.xScale ?? 'linear';
    this.view.yScale = this.lines.scaleFor(options.yScale ?? 'linear', 'left', this.view.yScale);
    const right = options.rightScale ?? 'linear';
    this.view.rightScale = this.lines.scaleFor(right, 'right', this.view.rightScale);
  }

  fitX(): void {
    this.view.homeX = this.extentX();
    this.newestX = this.view.homeX.max;
  }

  fitY(): void {
    clearTimeout(this.shrinkTimer);
    this.shrinkTimer = undefined;
    const { left, right } = this.fitted();
    this.view.homeY = left;
    this.view.homeRight = right;
  }

  /** New data came. */
  afterData(isLive: boolean): void {
    this.applyScales();
    if (!isLive) {
      this.heldFromX = NaN;
      this.fitX();
      this.fitY();
      return;
    }
    if (this.host.isBusy || this.view.isZoomed) {
      if (!this.isHeld) this.heldFromX = this.newestX;
      this.newestX = this.extentX().max;
      this.host.options.onHeld?.(Math.max(0, this.newestX - this.heldFromX));
      return;
    }
    this.release();
  }

  /** Let go of held axes without looking at y. */
  follow(): void {
    if (!this.isHeld) return;
    this.heldFromX = NaN;
    this.fitX();
    this.host.options.onHeld?.(0);
  }

  /** Let the axes go where the data is: outward at once, inward after a while. */
  release(): void {
    if (this.isHeld) this.host.options.onHeld?.(0);
    this.heldFromX = NaN;
    this.fitX();
    const { view } = this;
    const wanted = this.fitted();
    view.homeY = union(view.homeY, wanted.left);
    view.homeRight = union(view.homeRight, wanted.right);
    if (sameRange(view.homeY, wanted.left) && sameRange(view.homeRight, wanted.right)) return;
    this.shrinkTimer ??= setTimeout(() => {
      this.shrinkTimer = undefined;
      if (this.host.isRead || view.isZoomed) return;
      this.fitY();
      this.host.redraw();
    }, SHRINK_AFTER_MS);
  }

  private extentX(): Range {
    return fitX(this.lines.parts, this.view.xScale);
  }

  private fitted(): Record<YAxis, Range> {
    const { options } = this.host;
    const { view } = this;
    let outside = 0;
    const ranges = AXES.map((axis) => {
      const isLeft = axis === 'left';
      const fit = fitY(
        this.lines.on(axis).map((line) => ({
          data: this.lines.dataOf(line, view.x),
          band: line.input.band ?? null,
        })),
        {
          visible: view.zoom.x,
          xScale: view.xScale,
          yScale: isLeft ? view.yScale : view.rightScale,
          smoothing: options.smoothing ?? NO_SMOOTHING,
          rawLine: options.rawLine ?? true,
          span: view.x.max - view.x.min,
          outlierPercent: options.outlierPercent ?? 0,
          min: (isLeft ? options.yMin : options.rightMin) ?? null,
          max: (isLeft ? options.yMax : options.rightMax) ?? null,
          limit: isLeft ? (options.yLimit ?? null) : null,
        },
      );
      outside += fit.outside;
      return fit.range;
    });
    if (outside !== this.outside) {
      this.outside = outside;
      options.onOutside?.(outside);
    }
    return { left: ranges[0]!, right: ranges[1]! };
  }
}


function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
