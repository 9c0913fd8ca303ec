/** Draws figures (`lib/figures.ts`): axes with categories, moments or numbers, and the marks between them. */
import { extentOf, type Figure, type FigureAxis, type HeatMark, type Mark } from '../../lib/figures';
import { channelsOf, colourAt, VIRIDIS } from '../../lib/plotly-values';
import { runColor, sequentialColor, type Theme } from '../../lib/colours';
import { formatValue } from '../../lib/numbers';
import { fitTicks, type Tick } from '../../lib/ticks';
import type { Ink } from '../theme';
import { clipped, place, ticksOf, type Axis } from './axis';

export interface FigurePlot {
  readonly x: Axis;
  readonly y: Axis;
}

const TITLE = 17;
const LABEL = 18;
const NAMES_MAX = 0.35; // of the width, for names of categories

const scaleKind = (axis: FigureAxis) => (axis.kind === 'log' ? 'log' : 'linear');

function ticks(axis: FigureAxis, at: Axis, count: number): Tick[] {
  if (axis.kind !== 'category') return ticksOf(at, count, axis.kind === 'time' ? 'time' : 'number');
  const step = Math.max(1, Math.ceil(axis.categories.length / Math.max(1, count)));
  return axis.categories.flatMap((label, value) => (value % step === 0 ? [{ value, label }] : []));
}

export function layFigure(
  context: CanvasRenderingContext2D,
  figure: Figure,
  width: number,
  height: number,
): FigurePlot {
  const { x, y } = figure;
  const [xs, ys] = [extentOf(figure, 'x'), extentOf(figure, 'y')];
  const bottom = height - LABEL - (x.title ? TITLE : 0) - 4;
  const top = 8 + (y.title ? TITLE : 0);
  const upright: Axis = {
    scale: scaleKind(y),
    range: ys,
    from: y.isReversed ? top : Math.max(top + 1, bottom),
    to: y.isReversed ? Math.max(top + 1, bottom) : top,
  };
  const count = Math.max(2, Math.floor((bottom - top) / (y.kind === 'category' ? 16 : 28)));
  const labels = ticks(y, upright, count).map((tick) => context.measureText(tick.label).width);
  const left = Math.min(width * NAMES_MAX, Math.ceil(Math.max(16, ...labels)) + 12);
  const right = Math.max(left + 1, width - 12);
  const level: Axis = {
    scale: scaleKind(x),
    range: xs,
    from: x.isReversed ? right : left,
    to: x.isReversed ? left : right,
  };
  return { x: level, y: upright };
}

const colourOfMark = (mark: Mark, at: number, theme: Theme): string => mark.colour ?? runColor(at % 10, theme);

export const markColour = colourOfMark;

export function drawFigure(
  context: CanvasRenderingContext2D,
  ink: Ink,
  figure: Figure,
  plot: FigurePlot,
  hidden: ReadonlySet<string>,
): void {
  const heats = figure.marks.filter((mark) => mark.kind === 'heat');
  if (heats.length === 0) axes(context, ink, figure, plot, true);
  const [left, right] = [Math.min(plot.x.from, plot.x.to), Math.max(plot.x.from, plot.x.to)];
  const [top, bottom] = [Math.min(plot.y.from, plot.y.to), Math.max(plot.y.from, plot.y.to)];
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  figure.marks.forEach((mark, at) => {
    if (mark.name !== '' && hidden.has(mark.name)) return;
    context.globalAlpha = mark.opacity;
    const colour = colourOfMark(mark, at, ink.theme);
    context.fillStyle = colour;
    context.strokeStyle = colour;
    if (mark.kind === 'heat') heat(context, ink, mark, plot);
    else if (mark.kind === 'rects') {
      for (const rect of mark.rects) {
        const [x0, x1] = [place(plot.x, rect.x0), place(plot.x, rect.x1)];
        const [y0, y1] = [place(plot.y, rect.y0), place(plot.y, rect.y1)];
        context.fillRect(
          Math.min(x0, x1),
          Math.min(y0, y1),
          Math.max(1, Math.abs(x1 - x0)),
          Math.max(1, Math.abs(y1 - y0)),
        );
      }
    } else points(context, ink, mark, plot);
  });
  context.restore();
  if (heats.length > 0) axes(context, ink, figure, plot, false);
}

function points(
  context: CanvasRenderingContext2D,
  ink: Ink,
  mark: Extract<Mark, { kind: 'points' }>,
  plot: FigurePlot,
) {
  const count = Math.min(mark.x.length, mark.y.length);
  const px = (i: number) => place(plot.x, mark.x[i]!);
  const py = (i: number) => place(plot.y, mark.y[i]!);
  if (mark.lines) {
    context.lineWidth = 1.5 * ink.stroke;
    context.setLineDash(mark.isDashed ? [6, 3] : []);
    context.lineJoin = 'round';
    context.beginPath();
    let isDown = false;
    for (let i = 0; i < count; i += 1) {
      const [x, y] = [px(i), py(i)];
      if (!Number.isFinite(x) || !Number.isFinite(y)) isDown = false;
      else if (!isDown) {
        context.moveTo(x, y);
        isDown = true;
      } else {
        if (mark.isStepped) context.lineTo(x, py(i - 1));
        context.lineTo(x, y);
      }
    }
    context.stroke();
    context.setLineDash([]);
    if (mark.isFilled && count > 1) {
      const floor = place(plot.y, Math.max(plot.y.range.min, Math.min(0, plot.y.range.max)));
      context.lineTo(px(count - 1), floor);
      context.lineTo(px(0), floor);
      context.globalAlpha = mark.opacity * 0.18;
      context.fill();
      context.globalAlpha = mark.opacity;
    }
  }
  if (!mark.markers) return;
  const size = count > 5000 ? 1.5 : count > 500 ? 2 : 3;
  for (let i = 0; i < count; i += 1) {
    const [x, y] = [px(i), py(i)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (mark.colours.length > 0) context.fillStyle = mark.colours[i] ?? context.fillStyle;
    context.beginPath();
    context.arc(x, y, Math.max(1, mark.sizes[i] ?? size), 0, 7);
    context.fill();
  }
}

export function heatColour(mark: HeatMark, value: number, theme: Theme): string {
  const share = (value - mark.low) / (mark.high - mark.low || 1);
  if (mark.scale) return colourAt(mark.scale, share);
  // Nothing is the paper, much is the ink: as histograms over steps.
  if (mark.isWritten) {
    const [from, to] = theme === 'dark' ? ['#161a21', '#5b7fd6'] : ['#ffffff', '#3a66c4'];
    return colourAt(
      [
        [0, from],
        [1, to],
      ],
      share,
    );
  }
  return theme === 'dark' ? sequentialColor(share, theme) : colourAt(VIRIDIS, share);
}

function heat(context: CanvasRenderingContext2D, ink: Ink, mark: HeatMark, plot: FigurePlot): void {
  mark.z.forEach((row, i) => {
    row.forEach((value, j) => {
      if (!Number.isFinite(value)) return;
      const [x0, x1] = [place(plot.x, mark.xEdges[j]!), place(plot.x, mark.xEdges[j + 1]!)].map(Math.round) as [
        number,
        number,
      ];
      const [y0, y1] = [place(plot.y, mark.yEdges[i]!), place(plot.y, mark.yEdges[i + 1]!)].map(Math.round) as [
        number,
        number,
      ];
      const colour = heatColour(mark, value, ink.theme);
      context.fillStyle = colour;
      const [w, h] = [Math.max(1, Math.abs(x1 - x0)), Math.max(1, Math.abs(y1 - y0))];
      context.fillRect(Math.min(x0, x1), Math.min(y0, y1), w, h);
      const text = mark.isWritten && row.length <= 40 ? formatValue(value) : '';
      if (text === '' || w < context.measureText(text).width + 4 || h < 14) return;
      const [r, g, b] = channelsOf(colour);
      context.fillStyle = 0.299 * r + 0.587 * g + 0.114 * b > 140 ? '#16181d' : '#ffffff';
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.fillText(text, (x0 + x1) / 2, (y0 + y1) / 2);
    });
  });
}

function axes(context: CanvasRenderingContext2D, ink: Ink, figure: Figure, plot: FigurePlot, hasGrid: boolean): void {
  const { x, y } = figure;
  const [left, right] = [Math.min(plot.x.from, plot.x.to), Math.max(plot.x.from, plot.x.to)];
  const [top, bottom] = [Math.min(plot.y.from, plot.y.to), Math.max(plot.y.from, plot.y.to)];
  context.save();
  context.font = ink.font;
  context.strokeStyle = ink.hairline;
  context.fillStyle = ink.secondary;
  context.lineWidth = ink.stroke;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const line = (x1: number, y1: number, x2: number, y2: number) => {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  };
  const rows = Math.max(2, Math.floor((bottom - top) / (y.kind === 'category' ? 16 : 28)));
  for (const tick of ticks(y, plot.y, rows)) {
    const at = Math.round(place(plot.y, tick.value)) + 0.5;
    if (hasGrid && y.kind !== 'category') line(left, at, right, at);
    context.fillText(clipped(context, tick.label, left - 8), left - 6, at);
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  const measure = (text: string) => context.measureText(text).width;
  const level =
    x.kind === 'category'
      ? categoryTicks(x, plot.x, measure)
      : fitTicks(
          (count) => ticks(x, plot.x, count),
          (value) => place(plot.x, value),
          measure,
          right - left,
          12,
          40,
        );
  for (const tick of level) {
    const at = Math.round(place(plot.x, tick.value)) + 0.5;
    if (hasGrid && x.kind !== 'category') line(at, top, at, bottom);
    context.fillText(tick.label, at, bottom + 5);
  }
  if (x.title) {
    context.textAlign = 'right';
    context.fillText(clipped(context, x.title, right - left), right, bottom + 5 + TITLE);
  }
  if (y.title) {
    context.textAlign = 'left';
    context.fillText(clipped(context, y.title, right - 4), 4, 3);
  }
  context.restore();
}

/** Every name that has room, cut to it; or every second, third …. */
function categoryTicks(axis: FigureAxis, at: Axis, measure: (text: string) => number): Tick[] {
  const room = Math.abs(place(at, 1) - place(at, 0));
  const step = Math.max(1, Math.ceil(34 / Math.max(1, room)));
  return axis.categories.flatMap((name, value) => {
    if (value % step !== 0) return [];
    let label = name;
    while (label.length > 2 && measure(label) > room * step - 6) label = `${label.slice(0, -2)}…`;
    return [{ value, label }];
  });
}

export interface Near {
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly colour: string;
  readonly rows: readonly (readonly [string, string])[];
}

const said = (axis: FigureAxis, value: number): string => {
  if (axis.kind === 'category') return axis.categories[Math.round(value)] ?? '';
  return axis.kind === 'time' ? new Date(value * 1000).toLocaleString() : formatValue(value);
};

/** What stands at a place of the picture: the cell or bar there, or the nearest point within reach. */
export function nearIn(
  figure: Figure,
  plot: FigurePlot,
  theme: Theme,
  hidden: ReadonlySet<string>,
  left: number,
  top: number,
): Near | null {
  const [nameX, nameY] = [figure.x.title || 'x', figure.y.title || 'y'];
  let best: { away: number; near: Near } | null = null;
  figure.marks.forEach((mark, at) => {
    if (mark.name !== '' && hidden.has(mark.name)) return;
    const colour = colourOfMark(mark, at, theme);
    if (mark.kind === 'points') {
      for (let i = 0; i < Math.min(mark.x.length, mark.y.length); i += 1) {
        const [x, y] = [place(plot.x, mark.x[i]!), place(plot.y, mark.y[i]!)];
        const away = Math.hypot(x - left, y - top);
        if (!(away < 24) || (best && away >= best.away)) continue;
        const rows: [string, string][] = [
          [nameX, said(figure.x, mark.x[i]!)],
          [nameY, said(figure.y, mark.y[i]!)],
        ];
        const text = mark.texts[i];
        if (text) rows.push(['', text]);
        best = { away, near: { x, y, name: mark.name, colour: mark.colours[i] ?? colour, rows } };
      }
    } else if (mark.kind === 'rects') {
      for (const rect of mark.rects) {
        const [x0, x1] = [place(plot.x, rect.x0), place(plot.x, rect.x1)];
        const [y0, y1] = [place(plot.y, rect.y0), place(plot.y, rect.y1)];
        const isIn =
          left >= Math.min(x0, x1) - 1 &&
          left <= Math.max(x0, x1) + 1 &&
          top >= Math.min(y0, y1) - 1 &&
          top <= Math.max(y0, y1) + 1;
        if (!isIn || best) continue;
        const rows = rectRows(figure, rect, nameX, nameY);
        best = { away: 0, near: { x: left, y: top, name: mark.name, colour, rows } };
      }
    } else {
      const column =
        mark.xEdges.findIndex((edge, j) => j > 0 && isBetween(plot.x, mark.xEdges[j - 1]!, edge, left)) - 1;
      const row = mark.yEdges.findIndex((edge, i) => i > 0 && isBetween(plot.y, mark.yEdges[i - 1]!, edge, top)) - 1;
      const value = mark.z[row]?.[column];
      if (value === undefined || best) return;
      const middle = (edges: readonly number[], i: number) => (edges[i]! + edges[i + 1]!) / 2;
      const rows: [string, string][] = [
        [nameX, said(figure.x, middle(mark.xEdges, column))],
        [nameY, said(figure.y, middle(mark.yEdges, row))],
        ['', formatValue(value)],
      ];
      best = { away: 0, near: { x: left, y: top, name: mark.name, colour: heatColour(mark, value, theme), rows } };
    }
  });
  return (best as { near: Near } | null)?.near ?? null;
}

function rectRows(
  figure: Figure,
  rect: { x0: number; x1: number; y0: number; y1: number; text: string },
  nameX: string,
  nameY: string,
): [string, string][] {
  const end = (axis: FigureAxis, from: number, to: number): string => {
    if (axis.kind === 'category') return said(axis, (from + to) / 2);
    return from === 0 ? said(axis, to) : `${said(axis, from)} – ${said(axis, to)}`;
  };
  const rows: [string, string][] = [
    [nameX, end(figure.x, rect.x0, rect.x1)],
    [nameY, end(figure.y, rect.y0, rect.y1)],
  ];
  if (rect.text) rows.push(['', rect.text]);
  return rows;
}

function isBetween(axis: Axis, a: number, b: number, px: number): boolean {
  const [from, to] = [place(axis, a), place(axis, b)];
  return px >= Math.min(from, to) && px < Math.max(from, to);
}
