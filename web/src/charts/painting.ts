/** Lines onto a canvas. Everything here is in device px; a line's scene says how to get there. */

import { countBetween, drawMode, Path, trace } from '../lib/geometry';
import type { Polyline } from '../lib/geometry';
import { toScale } from '../lib/scales';
import type { SeriesData } from '../lib/series';
import { isSmoothing } from '../lib/smoothing';
import { paintBelowCount, paintEdgeArrows, paintMarks } from './marks';
import { inside, NO_DASH } from './scene';
import type { PaintedLine, Pen } from './scene';
import { shapesOf } from './shapes';

const RAW_ALPHA = 0.25;
const BAND_ALPHA = 0.13;
const BANDS_MAX = 20;
const DOT_SPACING_PX = 8;
const INHERITED_SHARE = 0.55;
const HOLE_DASH = [1, 3];
const THIN_DASH = [4, 3];
const LIT_BASELINE_DASH = [7, 3];

interface Stroke {
  /** In CSS px. */
  readonly width: number;
  readonly alpha: number;
  /** Instead of the line's own. */
  readonly dash?: readonly number[];
}

/** A path this many times as long as its box is wide and high goes to and fro: its dashes would be noise. */
const RESTLESS_TIMES = 3;

/** Reused by every draw; painting is synchronous and never nested. */
const path = new Path();

/**
 * More lines than this are one px wide. Without a GPU a stroke of one device px is painted ten times as fast as a wider
 * one (measured: 100 noisy lines of 2,480 vertices in 40 instead of 490 ms), and so many cover each other anyway.
 */
const WIDE_MAX = 50;

/**
 * Vertices of one stroke of a wide line: what a stroke costs without a GPU grows faster than its length (measured: 20
 * such lines in 37 instead of 106 ms). Pieces overlap by a segment, so that no joint shows.
 */
const PIECE = 32;

/** Width in CSS px and opacity of an ordinary line among `count`. */
export function lineStyle(count: number): { width: number; alpha: number } {
  if (count > 300) return { width: 0.75, alpha: 0.6 };
  return { width: count > WIDE_MAX ? 1 : 1.5, alpha: 1 };
}

/** Every line, in the order given; a smoothed line's raw form lies under all curves. */
export function paintLines(pen: Pen, lines: readonly PaintedLine[]): void {
  const first = lines[0];
  if (first === undefined) return;
  const { smoothing, rawLine, isClipped, ink } = first.scene;
  pen.lineJoin = 'bevel';
  const style = lineStyle(lines.length);
  const isSmoothed = isSmoothing(smoothing);
  // Many bands cost much and show nothing; beyond the limit the lit line alone has its band.
  const banded = lines.filter((line) => line.band !== null);
  if (banded.length <= BANDS_MAX) for (const line of banded) paintBand(pen, line);
  if (isSmoothed && rawLine) {
    for (const line of lines) paintRaw(pen, line, { width: 1, alpha: RAW_ALPHA * style.alpha });
  }
  for (const line of lines) {
    const width = (line.rank === 'baseline' ? 2.5 : style.width) * ink.stroke;
    paintWhole(pen, line, { width, alpha: style.alpha }, isSmoothed ? paintCurve : paintRaw);
  }
  paintAllMarks(pen, lines);
  if (isClipped) for (const line of lines) paintEdgeArrows(pen, line);
  pen.globalAlpha = 1;
}

export function paintAllMarks(pen: Pen, lines: readonly PaintedLine[]): void {
  for (const line of lines) paintMarks(pen, line);
  paintBelowCount(pen, lines);
}

/** One line on top of the others. The baseline keeps its width and is told by its dashes. */
export function paintHighlight(pen: Pen, line: PaintedLine): void {
  const { smoothing, rawLine, ink } = line.scene;
  pen.lineJoin = 'bevel';
  const width = 2.5 * ink.stroke;
  const dash = line.rank === 'baseline' ? { dash: LIT_BASELINE_DASH } : {};
  if (line.band !== null) paintBand(pen, line);
  if (isSmoothing(smoothing)) {
    if (rawLine) paintRaw(pen, line, { width: 1, alpha: 0.45 });
    paintWhole(pen, line, { width, alpha: 1, ...dash }, paintCurve);
  } else {
    const isDense = modeOf(line) === 'envelope';
    paintWhole(pen, line, { width: isDense ? 1.5 : width, alpha: 1, ...dash }, paintRaw);
  }
  paintMarks(pen, line);
  pen.globalAlpha = 1;
}

/** A line with its inherited part thinner: the same strokes on either side of where it began. */
function paintWhole(
  pen: Pen,
  line: PaintedLine,
  stroke: Stroke,
  paint: (pen: Pen, line: PaintedLine, stroke: Stroke) => void,
): void {
  const { transform, logX, width, height } = line.scene;
  const from = logX ? Math.log10(line.inheritedTo) : line.inheritedTo;
  const px = transform.ax * from + transform.bx;
  if (!(px > 0)) {
    paint(pen, line, stroke);
    return;
  }
  const parts: [number, number, Stroke][] = [
    [0, px, { ...stroke, width: stroke.width * INHERITED_SHARE, alpha: stroke.alpha * 0.75 }],
    [px, width, stroke],
  ];
  for (const [left, right, style] of parts) {
    if (right <= left) continue;
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, Math.min(right, width) - left, height);
    pen.clip();
    paint(pen, line, style);
    pen.restore();
  }
}

function modeOf({ data, scene }: PaintedLine): 'plain' | 'envelope' | 'mean' {
  const { transform, pixelRatio, logX } = scene;
  return drawMode(data, logX, transform.ax / pixelRatio, transform.xMin, transform.xMax);
}

function paintRaw(pen: Pen, line: PaintedLine, style: Stroke): void {
  const { scene } = line;
  const shapes = shapesOf(line.data, scene.logX, scene.yScale);
  const mode = modeOf(line);
  const polyline = shapes.line(mode);
  strokeParted(pen, line, polyline, style);
  if (mode === 'mean') paintWhiskers(pen, line, style);
  if (line.data.exact) paintDots(pen, line, polyline, style);
}

function paintCurve(pen: Pen, line: PaintedLine, style: Stroke): void {
  const { data, scene } = line;
  const shapes = shapesOf(data, scene.logX, scene.yScale);
  strokeParted(pen, line, shapes.curve(scene.smoothing, scene.span).line, style);
}

/** Where fewer than all of a group contribute the line is dashed. */
function strokeParted(pen: Pen, line: PaintedLine, polyline: Polyline, style: Stroke): void {
  const { data, scene, thin } = line;
  if (thin === null || !thin.includes(1)) {
    strokeLine(pen, line, polyline, style);
    return;
  }
  const parts = shapesOf(data, scene.logX, scene.yScale).parted(polyline, thin);
  strokeLine(pen, line, parts.thin, { ...style, dash: THIN_DASH });
  strokeLine(pen, line, parts.full, style);
}

/** Stroke a polyline's subpaths, its dotted holes and its lone points. */
function strokeLine(pen: Pen, line: PaintedLine, polyline: Polyline, style: Stroke): void {
  const { pixelRatio: ratio, transform } = line.scene;
  path.clear();
  trace(polyline, transform, path);
  const dash = style.dash ?? (line.dash.length > 0 && isRestless(path) ? NO_DASH : line.dash);
  pen.globalAlpha = style.alpha;
  pen.strokeStyle = line.colour;
  pen.fillStyle = line.colour;
  pen.lineWidth = style.width * ratio;
  pen.setLineDash(dash.length > 0 ? dash.map((length) => length * ratio) : NO_DASH);
  // A dash runs through the whole line, and where one can see through a stroke its overlaps would show.
  const isWide = pen.lineWidth > 1 && style.alpha === 1 && dash.length === 0;
  strokePath(pen, isWide && pen.isWhole !== true ? PIECE : Infinity);
  if (path.dotted.length > 0) strokeHoles(pen, ratio);
  if (path.dots.length > 0) fillDots(pen, path.dots, Math.max(2, style.width) * ratio);
}

function strokePath(pen: Pen, piece: number): void {
  const { xy, starts, n } = path;
  pen.beginPath();
  let room = piece;
  for (let s = 0; s < starts.length; s += 1) {
    const from = starts[s]! * 2;
    const to = (s + 1 < starts.length ? starts[s + 1]! : n) * 2;
    pen.moveTo(xy[from]!, xy[from + 1]!);
    for (let k = from + 2; k < to; k += 2) {
      pen.lineTo(xy[k]!, xy[k + 1]!);
      room -= 1;
      if (room > 0 || k + 2 >= to) continue;
      pen.stroke();
      pen.beginPath();
      pen.moveTo(xy[k - 2]!, xy[k - 1]!);
      pen.lineTo(xy[k]!, xy[k + 1]!);
      room = piece;
    }
  }
  pen.stroke();
}

/** Whether a path turns back so often that dashes on it could not be seen as such. */
function isRestless({ xy, starts, n }: Path): boolean {
  let [length, left, right, top, bottom] = [0, Infinity, -Infinity, Infinity, -Infinity];
  let start = 0;
  for (let i = 0; i < n; i += 1) {
    const [x, y] = [xy[2 * i]!, xy[2 * i + 1]!];
    if (starts[start] === i) start += 1;
    else length += Math.hypot(x - xy[2 * i - 2]!, y - xy[2 * i - 1]!);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return length > RESTLESS_TIMES * (right - left + bottom - top);
}

function strokeHoles(pen: Pen, ratio: number): void {
  const { dotted } = path;
  pen.setLineDash(HOLE_DASH.map((length) => length * ratio));
  pen.beginPath();
  for (let k = 0; k < dotted.length; k += 4) {
    pen.moveTo(dotted[k]!, dotted[k + 1]!);
    pen.lineTo(dotted[k + 2]!, dotted[k + 3]!);
  }
  pen.stroke();
}

function fillDots(pen: Pen, dots: readonly number[], radius: number): void {
  pen.beginPath();
  for (let k = 0; k < dots.length; k += 2) {
    pen.moveTo(dots[k]! + radius, dots[k + 1]!);
    pen.arc(dots[k]!, dots[k + 1]!, radius, 0, 2 * Math.PI);
  }
  pen.fill();
}

/** Points of an exact series where they stand apart, and always when there are at most two. */
function paintDots(pen: Pen, line: PaintedLine, polyline: Polyline, style: Stroke): void {
  const { x, y, n } = polyline;
  const { width, height, pixelRatio } = line.scene;
  const { ax, bx, ay, by, xMin, xMax } = line.scene.transform;
  const visible = countBetween(x, n, xMin, xMax);
  const span = Math.min(x[n - 1]!, xMax) - Math.max(x[0]!, xMin);
  const spacing = visible < 2 ? Infinity : (span * ax) / (visible - 1) / pixelRatio;
  if (n > 2 && !(spacing > DOT_SPACING_PX)) return;
  const radius = Math.max(2.25, style.width * 1.5) * pixelRatio;
  const dots: number[] = [];
  for (let i = 0; i < n; i += 1) {
    if (x[i]! < xMin || x[i]! > xMax || !Number.isFinite(y[i]!)) continue;
    const py = ay * y[i]! + by;
    if (py < -0.5 || py > height + 0.5) continue;
    dots.push(inside(ax * x[i]! + bx, radius, width), inside(py, radius, height));
  }
  pen.globalAlpha = style.alpha;
  pen.fillStyle = line.colour;
  fillDots(pen, dots, radius);
}

function paintWhiskers(pen: Pen, line: PaintedLine, style: Stroke): void {
  const { scene } = line;
  const { ax, bx, ay, by, xMin, xMax } = scene.transform;
  const { x, from, to } = shapesOf(line.data, scene.logX, scene.yScale).whiskers;
  if (x.length === 0) return;
  pen.globalAlpha = style.alpha;
  pen.strokeStyle = line.colour;
  pen.lineWidth = Math.min(style.width, 1.25) * scene.pixelRatio;
  pen.setLineDash(NO_DASH);
  pen.beginPath();
  for (let i = 0; i < x.length; i += 1) {
    const at = x[i]!;
    if (at < xMin || at > xMax) continue;
    const px = ax * at + bx;
    pen.moveTo(px, ay * from[i]! + by);
    pen.lineTo(px, ay * to[i]! + by);
  }
  pen.stroke();
}

/** The area between low and high, broken where either is unknown. */
function paintBand(pen: Pen, line: PaintedLine): void {
  const { data, scene } = line;
  const { ax, bx, ay, by } = scene.transform;
  const { low, high } = line.band!;
  const { x, n } = bandLine(data, line);
  const y = (value: number): number => ay * toScale(scene.yScale, value) + by;
  pen.globalAlpha = BAND_ALPHA;
  pen.fillStyle = line.colour;
  let from = 0;
  while (from < n) {
    let to = from;
    while (to < n && Number.isFinite(y(low[to]!)) && Number.isFinite(y(high[to]!))) to += 1;
    if (to - from > 1) {
      pen.beginPath();
      for (let i = from; i < to; i += 1) pen.lineTo(ax * x[i]! + bx, y(high[i]!));
      for (let i = to - 1; i >= from; i -= 1) pen.lineTo(ax * x[i]! + bx, y(low[i]!));
      pen.fill();
    }
    from = to + 1;
  }
}

function bandLine(data: SeriesData, { scene }: PaintedLine): Polyline {
  return shapesOf(data, scene.logX, scene.yScale).line('mean');
}
