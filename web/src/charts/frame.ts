/**
 * The box of a chart: where axes and plot stand, the canvas of the axes, and what floats over the
 * plot (crosshair, the box being dragged).
 */

import { paintAxes, RIGHT_ROOM_PX, roomOfY, ticksOfX, ticksOfY, X_ROOM_PX } from './axes';
import type { Axes, AxisSource, Size } from './axes';

const TOP_PX = 8;
const OUTER_MIN_PX = 60;
const PLOT_MIN_PX = 20;
const WIDTHS_MAX = 4000;

export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

export class ChartFrame {
  /** The axes; named for those who do not see the picture. */
  readonly canvas = document.createElement('canvas');
  /** Every line. */
  readonly lines = layer();
  /** The lit line and the values at the crosshair. */
  readonly overlay = layer();
  /** The plot between the axes, where pointers are heard. */
  readonly plot = part('kiseki-plot');
  axes: Axes = { x: [], y: [], right: [] };
  /** In CSS px from the chart's corner. */
  box: Box = { left: 0, top: TOP_PX, width: 0, height: 0 };
  private outer: Size;
  private readonly crosshair = part('kiseki-crosshair');
  private readonly selection = part('kiseki-selection');
  private readonly root: HTMLElement;

  constructor(root: HTMLElement) {
    this.root = root;
    this.outer = sizeOf(root);
    this.canvas.setAttribute('role', 'img');
    this.crosshair.hidden = true;
    this.selection.hidden = true;
    this.plot.append(this.lines, this.overlay, this.crosshair, this.selection);
    root.append(this.canvas, this.plot);
  }

  get ratio(): number {
    return devicePixelRatio || 1;
  }

  /** Follow the element's size. @returns whether it has another one */
  fit(): boolean {
    const size = sizeOf(this.root);
    const isSame = size.width === this.outer.width && size.height === this.outer.height;
    this.outer = size;
    return !isSame;
  }

  /** Find places for the ticks, and with them for the plot; draw the axes. */
  draw(source: AxisSource): void {
    this.layOut(source);
    const { ratio, box } = this;
    resized(this.canvas, this.outer, ratio);
    const context = this.canvas.getContext('2d')!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.translate(Math.round(box.left * ratio), Math.round(box.top * ratio));
    paintAxes(context, this.axes, box, source.ink, ratio);
  }

  layOut(source: AxisSource): void {
    const measure = (label: string): number => labelWidth(this.canvas, source.ink.font, label);
    const height = Math.max(PLOT_MIN_PX, this.outer.height - TOP_PX - X_ROOM_PX);
    const y = ticksOfY(source.y, height);
    const right = source.right === null ? [] : ticksOfY(source.right, height);
    const left = roomOfY(y, measure);
    const beyond = source.right === null ? RIGHT_ROOM_PX : roomOfY(right, measure);
    const width = Math.max(PLOT_MIN_PX, this.outer.width - left - beyond);
    this.axes = { x: ticksOfX(source.x, width, measure), y, right };
    const box = { left, top: TOP_PX, width, height };
    const before = this.box;
    if (box.left !== before.left || box.width !== before.width || box.height !== before.height) {
      this.box = box;
      const { style } = this.plot;
      style.left = `${left}px`;
      style.top = `${TOP_PX}px`;
      style.width = `${width}px`;
      style.height = `${height}px`;
    }
    resized(this.lines, box, this.ratio);
    resized(this.overlay, box, this.ratio);
  }

  /** CSS px from the plot's left edge; null puts the crosshair away. */
  setCrosshair(left: number | null): void {
    this.crosshair.hidden = left === null;
    if (left !== null) this.crosshair.style.transform = `translateX(${Math.round(left)}px)`;
  }

  setSelection(box: Box | null): void {
    this.selection.hidden = box === null;
    if (box === null) return;
    const { style } = this.selection;
    style.left = `${box.left}px`;
    style.top = `${box.top}px`;
    style.width = `${box.width}px`;
    style.height = `${box.height}px`;
  }

  remove(): void {
    this.canvas.remove();
    this.plot.remove();
  }
}

function layer(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.setAttribute('aria-hidden', 'true');
  return canvas;
}

function part(name: string): HTMLElement {
  const element = document.createElement('div');
  element.className = name;
  return element;
}

/** Setting a canvas's size empties it, so only where it changes. */
function resized(canvas: HTMLCanvasElement, size: Size, ratio: number): void {
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function sizeOf(element: HTMLElement): Size {
  return {
    width: Math.max(OUTER_MIN_PX, Math.floor(element.clientWidth)),
    height: Math.max(OUTER_MIN_PX, Math.floor(element.clientHeight)),
  };
}

const widths = new Map<string, number>();

/** CSS px of a label; measured once, for axes draw at every frame of a zoom. */
function labelWidth(canvas: HTMLCanvasElement, font: string, label: string): number {
  const known = widths.get(label);
  if (known !== undefined) return known;
  const context = canvas.getContext('2d')!;
  context.font = font;
  const { width } = context.measureText(label);
  if (widths.size >= WIDTHS_MAX) widths.clear();
  widths.set(label, width);
  return width;
}
