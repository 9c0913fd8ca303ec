/**
 * The part of a chart that uPlot does: axis layout, ticks, grid, crosshair and selection boxes.
 *
 * uPlot sees only scale space (log10 values on a log axis), always linear, and no data: ranges,
 * ticks and labels come from our own pure functions, lines are painted on our own canvas.
 */

import uPlot from 'uplot';
import { fitTicks, xTicks, yTicks } from '../lib/ticks';
import type { Tick } from '../lib/ticks';
import { toScale } from '../lib/scales';
import type { Range, Scale } from '../lib/scales';
import type { XKind } from '../lib/numbers';
import type { Ink } from './theme';

/** What the axes ask of the chart, anew at every draw. */
export interface AxisSource {
  readonly ink: Ink;
  readonly x: AxisPlace & { readonly kind: XKind };
  readonly y: AxisPlace;
  /** Null without lines on it: then there is no right axis. */
  readonly right: AxisPlace | null;
  readonly onLayout: () => void;
  readonly onDraw: () => void;
}

export interface AxisPlace {
  readonly range: Range;
  readonly scale: Scale;
}

/** The ticks drawn last, for pictures made elsewhere. */
export interface DrawnTicks {
  x: readonly Tick[];
  y: readonly Tick[];
  right: readonly Tick[];
}

const LABEL_GAP_PX = 16;
const Y_LABEL_GAP_PX = 10;
const X_SPACING_PX = 56;
/** Half the width of most labels, for one at the end of x. */
const RIGHT_ROOM_PX = 18;
/** A tick this little beyond the end of x is still drawn. */
const X_BEYOND_PX = 3;
const Y_SPACING_PX = 24;
const LABEL_HEIGHT_PX = 12;
const TICK_PX = 4;
const Y_ROOM_MIN_PX = 34;
const Y_ROOM_STEP_PX = 6;
const X_ROOM_PX = 24;

export function createAxes(
  element: HTMLElement,
  source: () => AxisSource,
  size: Size,
  drawn: DrawnTicks,
): uPlot {
  const never = (): null => null;
  const options: uPlot.Options = {
    width: size.width,
    height: size.height,
    padding: [8, RIGHT_ROOM_PX, 0, 0],
    legend: { show: false },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    cursor: {
      x: true,
      y: false,
      points: { show: false },
      drag: { x: false, y: false, setScale: false },
      // Pointers are ours: uPlot knows neither touch nor the modifier keys.
      bind: {
        mousedown: never,
        mouseup: never,
        click: never,
        dblclick: never,
        mousemove: never,
        mouseleave: never,
        mouseenter: never,
      },
    },
    scales: {
      x: { time: false, auto: false, range: () => scaleRange(source().x) },
      y: { auto: false, range: () => scaleRange(source().y) },
      right: { auto: false, range: () => scaleRange(source().right ?? source().y) },
    },
    series: [
      {},
      { scale: 'y', paths: never, points: { show: false } },
      { scale: 'right', paths: never, points: { show: false } },
    ],
    axes: [xAxis(source, drawn), yAxis(source, drawn, 'y'), yAxis(source, drawn, 'right')],
    hooks: {
      setSize: [() => source().onLayout()],
      draw: [() => source().onDraw()],
    },
  };
  return new uPlot(options, [[], [], []], element);
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Apply the source's ranges now; one synchronous draw. */
export function redrawAxes(plot: uPlot, source: AxisSource): void {
  const [xMin, xMax] = scaleRange(source.x);
  const [yMin, yMax] = scaleRange(source.y);
  const [rightMin, rightMax] = scaleRange(source.right ?? source.y);
  plot.batch(() => {
    plot.setScale('x', { min: xMin, max: xMax });
    plot.setScale('y', { min: yMin, max: yMax });
    plot.setScale('right', { min: rightMin, max: rightMax });
  });
}

function scaleRange({ range, scale }: AxisPlace): [number, number] {
  return [toScale(scale, range.min), toScale(scale, range.max)];
}

function xAxis(source: () => AxisSource, drawn: DrawnTicks): uPlot.Axis {
  let ticks: Tick[] = [];
  return {
    scale: 'x',
    size: X_ROOM_PX,
    gap: 4,
    font: source().ink.font,
    stroke: () => source().ink.secondary,
    grid: { show: false },
    ticks: { stroke: () => source().ink.hairline, width: 1, size: TICK_PX },
    border: { show: true, stroke: () => source().ink.hairline, width: 1 },
    splits: (plot) => {
      const { range, scale, kind } = source().x;
      const room = plot.bbox.width / uPlot.pxRatio;
      const low = toScale(scale, range.min);
      const perUnit = room / (toScale(scale, range.max) - low);
      const beyond = scale === 'log' ? 0 : X_BEYOND_PX / perUnit;
      const place = (value: number): number => (toScale(scale, value) - low) * perUnit;
      const width = (label: string): number => labelWidth(plot, source().ink.font, label);
      ticks = fitTicks(
        // A run of 1500 steps ends at step 1499: its round 1500 still has a place, where it belongs.
        (count) => xTicks(kind, scale === 'log', range.min, range.max + beyond, count),
        place,
        width,
        room,
        LABEL_GAP_PX,
        X_SPACING_PX,
      ).map((tick) => {
        const isCut = place(tick.value) + width(tick.label) / 2 > room + RIGHT_ROOM_PX;
        return isCut ? { ...tick, label: '' } : tick;
      });
      drawn.x = ticks;
      return ticks.map((tick) => toScale(scale, tick.value));
    },
    values: () => ticks.map((tick) => tick.label),
  };
}

function yAxis(
  source: () => AxisSource,
  drawn: DrawnTicks,
  which: 'y' | 'right',
): uPlot.Axis {
  let ticks: Tick[] = [];
  const isRight = which === 'right';
  return {
    scale: which,
    side: isRight ? 1 : 3,
    gap: 6,
    font: source().ink.font,
    stroke: () => source().ink.secondary,
    grid: { show: !isRight, stroke: () => source().ink.hairline, width: 1 },
    ticks: { show: false },
    border: { show: false },
    size: (plot, labels: string[] | null) => {
      if (isRight && source().right === null) return 0;
      const widths = (labels ?? []).map((label) => labelWidth(plot, source().ink.font, label));
      const room = Math.max(Y_ROOM_MIN_PX, ...widths.map((width) => width + 10));
      // Whole steps, so that the plot does not shift by a pixel with every new digit.
      return Math.ceil(room / Y_ROOM_STEP_PX) * Y_ROOM_STEP_PX;
    },
    splits: (plot) => {
      const place = source()[which];
      ticks = place === null ? [] : ticksOf(plot, place);
      drawn[which] = ticks;
      return ticks.map((tick) => toScale(place!.scale, tick.value));
    },
    values: () => ticks.map((tick) => tick.label),
  };
}

function ticksOf(plot: uPlot, { range, scale }: AxisPlace): Tick[] {
  const room = Math.max(20, plot.bbox.height / uPlot.pxRatio);
  const low = toScale(scale, range.min);
  const perUnit = room / (toScale(scale, range.max) - low);
  return fitTicks(
    (count) => yTicks(scale, range.min, range.max, count),
    (value) => (toScale(scale, value) - low) * perUnit,
    () => LABEL_HEIGHT_PX,
    room,
    Y_LABEL_GAP_PX,
    Y_SPACING_PX,
  );
}

const widths = new Map<string, number>();
const WIDTHS_MAX = 4000;

/** CSS px of a label; measured once, for axes draw at every frame of a zoom. */
function labelWidth(plot: uPlot, font: string, label: string): number {
  const known = widths.get(label);
  if (known !== undefined) return known;
  const previous = plot.ctx.font;
  plot.ctx.font = font;
  const width = plot.ctx.measureText(label).width;
  plot.ctx.font = previous;
  if (widths.size >= WIDTHS_MAX) widths.clear();
  widths.set(label, width);
  return width;
}
