/**
 * Plots that are no line charts: axes, a canvas that follows its parent, rows with a common axis.
 *
 * Owns where values stand and how axes look; knows nothing of runs. `axis.ts` places and draws, `PlotCanvas.svelte`
 * keeps a sharp canvas; rows under one axis (bars, boxes) are `panels/parts/RowPlot.svelte`.
 */
import { fromScale, paddedRange, toScale, type Range } from '../../lib/scales';
import { fitTicks, linearTicks, logTicks, timeTicks, type Tick } from '../../lib/ticks';
import type { Ink } from '../theme';

/** What the axes of these plots can be. */
export type ScaleKind = 'linear' | 'log';

export interface Axis {
  readonly scale: ScaleKind;
  readonly range: Range;
  /** px of the range's ends. */
  readonly from: number;
  readonly to: number;
}

export function place(axis: Axis, value: number): number {
  const [low, high] = [toScale(axis.scale, axis.range.min), toScale(axis.scale, axis.range.max)];
  return axis.from + ((toScale(axis.scale, value) - low) / (high - low || 1)) * (axis.to - axis.from);
}

export function valueAtPx(axis: Axis, px: number): number {
  const [low, high] = [toScale(axis.scale, axis.range.min), toScale(axis.scale, axis.range.max)];
  return fromScale(axis.scale, low + ((px - axis.from) / (axis.to - axis.from || 1)) * (high - low));
}

/** The range of what can be drawn: finite, above 0 on a logarithmic axis. Null without any. */
export function rangeOf(values: Iterable<number>, scale: ScaleKind): Range | null {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (scale === 'log' && value <= 0)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : null;
}

/** Around points: a little room on both sides. */
export const roomyRange = (values: Iterable<number>, scale: ScaleKind): Range =>
  paddedRange(rangeOf(values, scale), scale, 0.05);

/** Under bars: 0 belongs to it, unless the axis is logarithmic, where a bar starts a little below the smallest. */
export function barRange(values: Iterable<number>, scale: ScaleKind): Range {
  const range = rangeOf(values, scale);
  if (scale === 'log') return range ? { min: range.min / 2, max: range.max * 1.15 } : { min: 0.1, max: 10 };
  const [min, max] = [Math.min(0, range?.min ?? 0), Math.max(0, range?.max ?? 0)];
  if (min === max) return { min: 0, max: 1 };
  const room = (max - min) * 0.04;
  return { min: min < 0 ? min - room : 0, max: max > 0 ? max + room : 0 };
}

export type AxisKind = 'number' | 'step' | 'time';

export function ticksOf(axis: Axis, count: number, kind: AxisKind = 'number'): Tick[] {
  const { min, max } = axis.range;
  if (axis.scale === 'log') return logTicks(min, max, count);
  return kind === 'time' ? timeTicks(min, max, count) : linearTicks(min, max, count, kind === 'step');
}

const LABEL_GAP = 12;

/** Ticks of a level axis, as many as have room. */
export function levelTicks(axis: Axis, measure: (text: string) => number, kind: AxisKind = 'number'): Tick[] {
  const room = Math.abs(axis.to - axis.from);
  return fitTicks((count) => ticksOf(axis, count, kind), (value) => place(axis, value), measure, room, LABEL_GAP, 40);
}

export function uprightTicks(axis: Axis, kind: AxisKind = 'number'): Tick[] {
  return ticksOf(axis, Math.max(2, Math.floor(Math.abs(axis.to - axis.from) / 28)), kind);
}

/** px of text in the axis font, without a canvas of one's own. */
export const textWidth = (text: string): number => text.length * 6.7;

/** Where points may stand, with room for the labels of both axes. */
export interface Plot {
  readonly x: Axis;
  readonly y: Axis;
}

export interface AxisLook {
  readonly scale: ScaleKind;
  readonly range: Range;
  readonly kind?: AxisKind;
  readonly title?: string;
}

const BOTTOM = 20;
const TITLE = 16;

export function layPlot(context: CanvasRenderingContext2D, width: number, height: number, x: AxisLook, y: AxisLook): Plot {
  const bottom = height - BOTTOM - (x.title ? TITLE : 0);
  const top = y.title ? TITLE + 6 : 8;
  const upright: Axis = { scale: y.scale, range: y.range, from: Math.max(top + 1, bottom), to: top };
  const labels = uprightTicks(upright, y.kind).map((tick) => context.measureText(tick.label).width);
  const left = Math.min(width / 2, Math.ceil(Math.max(18, ...labels)) + 12);
  return { x: { scale: x.scale, range: x.range, from: left, to: Math.max(left + 1, width - 12) }, y: upright };
}

/** Grid lines, labels and titles of both axes. */
export function drawAxes(context: CanvasRenderingContext2D, ink: Ink, plot: Plot, x: AxisLook, y: AxisLook): void {
  context.save();
  context.font = ink.font;
  context.strokeStyle = ink.hairline;
  context.fillStyle = ink.secondary;
  context.lineWidth = ink.stroke;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  for (const tick of uprightTicks(plot.y, y.kind)) {
    const at = Math.round(place(plot.y, tick.value)) + 0.5;
    line(context, plot.x.from, at, plot.x.to, at);
    context.fillText(tick.label, plot.x.from - 6, at);
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const tick of levelTicks(plot.x, (text) => context.measureText(text).width, x.kind)) {
    const at = Math.round(place(plot.x, tick.value)) + 0.5;
    line(context, at, plot.y.from, at, plot.y.to);
    context.fillText(tick.label, at, plot.y.from + 6);
  }
  if (x.title) {
    context.textAlign = 'right';
    context.fillText(clipped(context, x.title, plot.x.to - plot.x.from), plot.x.to, plot.y.from + 6 + TITLE);
  }
  if (y.title) {
    context.textAlign = 'left';
    context.fillText(clipped(context, y.title, plot.x.to - 4), 4, 3);
  }
  context.restore();
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

/** A text that fits, its end cut. */
export function clipped(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}
