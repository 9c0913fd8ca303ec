/** Where a chart's axes have their ticks, and how they are drawn: on the page and on a picture alike. */

import { toScale } from '../lib/scales';
import type { Range, Scale } from '../lib/scales';
import { fitTicks, xTicks, yTicks } from '../lib/ticks';
import type { Tick } from '../lib/ticks';
import type { XKind } from '../lib/numbers';
import { NO_DASH } from './scene';
import type { Pen } from './scene';
import type { Ink } from './theme';

export interface AxisPlace {
  readonly range: Range;
  readonly scale: Scale;
}

/** What the axes ask of the chart, anew at every draw. */
export interface AxisSource {
  readonly ink: Ink;
  readonly x: AxisPlace & { readonly kind: XKind };
  readonly y: AxisPlace;
  /** Null without lines on it: then there is no right axis. */
  readonly right: AxisPlace | null;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A tick in CSS px along its axis, from the left or the top of the plot. */
export interface PlacedTick extends Tick {
  readonly at: number;
}

export interface Axes {
  readonly x: readonly PlacedTick[];
  readonly y: readonly PlacedTick[];
  readonly right: readonly PlacedTick[];
}

export type Measure = (label: string) => number;

const LABEL_GAP_PX = 16;
const Y_LABEL_GAP_PX = 10;
const X_SPACING_PX = 56;
const Y_SPACING_PX = 24;
/** A tall plot has room for more, but nobody reads thirty. */
const Y_TICKS_MAX = 14;
const LABEL_HEIGHT_PX = 12;
const TICK_PX = 4;
const Y_TEXT_GAP_PX = 6;
/** Half the width of most labels, for one at the end of x. */
export const RIGHT_ROOM_PX = 18;
export const X_ROOM_PX = 24;
/** A tick this little beyond the end of x is still drawn. */
const X_BEYOND_PX = 3;
const Y_ROOM_MIN_PX = 34;
const Y_ROOM_STEP_PX = 6;

export function ticksOfY({ range, scale }: AxisPlace, height: number): PlacedTick[] {
  const low = toScale(scale, range.min);
  const perUnit = height / (toScale(scale, range.max) - low);
  const place = (value: number): number => (toScale(scale, value) - low) * perUnit;
  const ticks = fitTicks(
    (count) => yTicks(scale, range.min, range.max, count),
    place,
    () => LABEL_HEIGHT_PX,
    height,
    Y_LABEL_GAP_PX,
    Math.max(Y_SPACING_PX, height / Y_TICKS_MAX),
  );
  return ticks.map((tick) => ({ ...tick, at: height - place(tick.value) }));
}

/** Whole steps, so that the plot does not shift by a pixel with every new digit. */
export function roomOfY(ticks: readonly Tick[], measure: Measure): number {
  const room = Math.max(Y_ROOM_MIN_PX, ...ticks.map(({ label }) => measure(label) + 10));
  return Math.ceil(room / Y_ROOM_STEP_PX) * Y_ROOM_STEP_PX;
}

export function ticksOfX(
  { range, scale, kind }: AxisSource['x'],
  width: number,
  measure: Measure,
): PlacedTick[] {
  const low = toScale(scale, range.min);
  const perUnit = width / (toScale(scale, range.max) - low);
  const beyond = scale === 'log' ? 0 : X_BEYOND_PX / perUnit;
  const place = (value: number): number => (toScale(scale, value) - low) * perUnit;
  const ticks = fitTicks(
    // A run of 1500 steps ends at step 1499: its round 1500 still has a place, where it belongs.
    (count) => xTicks(kind, scale === 'log', range.min, range.max + beyond, count),
    place,
    measure,
    width,
    LABEL_GAP_PX,
    X_SPACING_PX,
  );
  return ticks.map((tick) => {
    const at = place(tick.value);
    const isCut = at + measure(tick.label) / 2 > width + RIGHT_ROOM_PX;
    return { ...tick, label: isCut ? '' : tick.label, at };
  });
}

/** Grid, axis line, ticks and labels around a plot that begins at the pen's origin. */
export function paintAxes(pen: Pen, axes: Axes, { width, height }: Size, ink: Ink, ratio: number): void {
  const crisp = (at: number): number => Math.round(at * ratio) + (ratio % 2 === 0 ? 0 : 0.5);
  const bottom = crisp(height);
  pen.globalAlpha = 1;
  pen.lineWidth = Math.max(1, Math.round(ratio));
  pen.strokeStyle = ink.hairline;
  pen.fillStyle = ink.secondary;
  pen.setLineDash(NO_DASH);
  pen.font = scaledFont(ink, 12, ratio);
  pen.beginPath();
  for (const { at } of axes.y) {
    pen.moveTo(0, crisp(at));
    pen.lineTo(width * ratio, crisp(at));
  }
  pen.moveTo(0, bottom);
  pen.lineTo(width * ratio, bottom);
  for (const { at } of axes.x) {
    pen.moveTo(crisp(at), bottom);
    pen.lineTo(crisp(at), bottom + TICK_PX * ratio);
  }
  pen.stroke();
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  for (const { at, label } of axes.y) pen.fillText(label, -Y_TEXT_GAP_PX * ratio, at * ratio);
  pen.textAlign = 'left';
  for (const { at, label } of axes.right) {
    pen.fillText(label, (width + Y_TEXT_GAP_PX) * ratio, at * ratio);
  }
  pen.textAlign = 'center';
  pen.textBaseline = 'top';
  const textTop = (height + 2 * TICK_PX) * ratio;
  for (const { at, label } of axes.x) pen.fillText(label, at * ratio, textTop);
}

export function scaledFont(ink: Ink, px: number, ratio: number, weight = ''): string {
  return weight + ink.font.replace('12px', `${px * ratio}px`);
}
