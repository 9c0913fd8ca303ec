/** Lines onto a canvas. Everything here is in device px; the scene says how to get there. */

import { countBetween, drawMode, Path, trace } from '../lib/geometry';
import type { Marks, Polyline, Transform, Whiskers } from '../lib/geometry';
import { isSmoothing } from '../lib/smoothing';
import type { Smoothing } from '../lib/smoothing';
import type { SeriesData } from '../lib/series';
import { shapesOf } from './shapes';
import type { Band, XRule } from './types';
import type { Ink } from './theme';

export interface Scene {
  readonly transform: Transform;
  /** Plot size in device px. */
  readonly width: number;
  readonly height: number;
  readonly pixelRatio: number;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly smoothing: Smoothing;
  readonly rawLine: boolean;
  /** Width of the visible x range in data units. */
  readonly span: number;
  /** Values may lie beyond the y range on purpose (outliers): say where. */
  readonly isClipped: boolean;
  readonly ink: Ink;
}

/** A line as painted: colours resolved, data chosen for the view. */
export interface PaintedLine {
  readonly data: SeriesData;
  readonly colour: string;
  readonly dash: readonly number[];
  readonly rank: 'baseline' | 'pinned' | 'normal';
  readonly band: Band | null;
  readonly thin: Uint8Array | null;
}

const RAW_ALPHA = 0.25;
const BAND_ALPHA = 0.13;
const BANDS_MAX = 20;
const DOT_SPACING_PX = 8;
const MARK_SPACING_PX = 11;
const MARK_SIZE_PX = 3.5;
const GUTTER_PX = 6;
const HOLE_DASH = [1, 3];
const THIN_DASH = [4, 3];
const RULE_DASH = [2, 3];

/** Reused by every draw; painting is synchronous and never nested. */
const path = new Path();

/** Width in CSS px and opacity of an ordinary line among `count`. */
export function lineStyle(count: number): { width: number; alpha: number } {
  if (count > 300) return { width: 0.75, alpha: 0.6 };
  return { width: count > 100 ? 1 : 1.5, alpha: 1 };
}

/** Every line, in the order given; a smoothed line's raw form lies under all curves. */
export function paintLines(
  context: CanvasRenderingContext2D,
  lines: readonly PaintedLine[],
  scene: Scene,
): void {
  context.lineJoin = 'bevel';
  const style = lineStyle(lines.length);
  const isSmoothed = isSmoothing(scene.smoothing);
  // Many bands cost much and show nothing; beyond the limit the lit line alone has its band.
  const banded = lines.filter((line) => line.band !== null);
  if (banded.length <= BANDS_MAX) for (const line of banded) paintBand(context, line, scene);
  if (isSmoothed && scene.rawLine) {
    for (const line of lines) paintRaw(context, line, scene, 1, RAW_ALPHA * style.alpha);
  }
  for (const line of lines) {
    const width = (line.rank === 'baseline' ? 2.5 : style.width) * scene.ink.stroke;
    if (isSmoothed) paintCurve(context, line, scene, width, style.alpha);
    else paintRaw(context, line, scene, width, style.alpha);
  }
  for (const line of lines) paintMarks(context, line, scene);
  if (scene.isClipped) for (const line of lines) paintEdgeArrows(context, line, scene);
  paintBelowCount(context, lines, scene);
  context.globalAlpha = 1;
}

/** Vertical lines behind everything, each with its name beside its top. */
export function paintRules(context: CanvasRenderingContext2D, rules: readonly XRule[], scene: Scene): void {
  const { pixelRatio: ratio, transform, ink } = scene;
  context.globalAlpha = 1;
  context.strokeStyle = ink.secondary;
  context.fillStyle = ink.secondary;
  context.lineWidth = ratio;
  context.setLineDash(RULE_DASH.map((length) => length * ratio));
  context.font = ink.font.replace('12px', `${11 * ratio}px`);
  context.textBaseline = 'top';
  let taken = -Infinity;
  for (const { x, label } of [...rules].sort((a, b) => a.x - b.x)) {
    const at = scene.logX ? Math.log10(x) : x;
    if (!(at >= transform.xMin && at <= transform.xMax)) continue;
    const px = Math.round(transform.ax * at + transform.bx) + 0.5;
    context.beginPath();
    context.moveTo(px, 0);
    context.lineTo(px, scene.height);
    context.stroke();
    const isLeft = px > scene.width * 0.7;
    context.textAlign = isLeft ? 'right' : 'left';
    // Where two would lie on each other, the first is enough.
    const textWidth = context.measureText(label).width + 4 * ratio;
    const from = isLeft ? px - textWidth : px;
    if (from < taken) continue;
    taken = from + textWidth + 4 * ratio;
    context.fillText(label, px + (isLeft ? -4 : 4) * ratio, 2 * ratio);
  }
  context.setLineDash(NO_DASH);
}

/** One line on top of the others, on a casing that sets it off. */
export function paintHighlight(
  context: CanvasRenderingContext2D,
  line: PaintedLine,
  scene: Scene,
): void {
  context.lineJoin = 'bevel';
  const width = 2.5 * scene.ink.stroke;
  if (line.band !== null) paintBand(context, line, scene);
  if (isSmoothing(scene.smoothing)) {
    if (scene.rawLine) paintRaw(context, line, scene, 1, 0.45);
    paintCurve(context, line, scene, width, 1);
  } else {
    const mode = modeOf(line.data, scene);
    paintRaw(context, line, scene, mode === 'envelope' ? 1.5 : width, 1);
  }
  paintMarks(context, line, scene);
  context.globalAlpha = 1;
}

function modeOf(data: SeriesData, scene: Scene): 'plain' | 'envelope' | 'mean' {
  const { transform, pixelRatio } = scene;
  return drawMode(data, scene.logX, transform.ax / pixelRatio, transform.xMin, transform.xMax);
}

function paintRaw(
  context: CanvasRenderingContext2D,
  line: PaintedLine,
  scene: Scene,
  width: number,
  alpha: number,
): void {
  const shapes = shapesOf(line.data, scene.logX, scene.logY);
  const mode = modeOf(line.data, scene);
  const polyline = shapes.line(mode);
  if (line.thin !== null && line.thin.includes(1)) {
    const parts = shapes.parted(line.thin);
    path.clear();
    trace(parts.thin, scene.transform, path);
    stroke(context, line, scene, width, alpha, THIN_DASH);
    path.clear();
    trace(parts.full, scene.transform, path);
    stroke(context, line, scene, width, alpha);
  } else {
    path.clear();
    trace(polyline, scene.transform, path);
    stroke(context, line, scene, width, alpha);
  }
  if (mode === 'mean') paintWhiskers(context, shapes.whiskers, line.colour, scene, width, alpha);
  if (line.data.exact) paintDots(context, polyline, line.colour, scene, width, alpha);
}

function paintCurve(
  context: CanvasRenderingContext2D,
  line: PaintedLine,
  scene: Scene,
  width: number,
  alpha: number,
): void {
  const { line: polyline } = shapesOf(line.data, scene.logX, scene.logY).curve(
    scene.smoothing,
    scene.span,
  );
  path.clear();
  trace(polyline, scene.transform, path);
  stroke(context, line, scene, width, alpha);
}

/** Stroke what `path` holds: subpaths, dotted holes, lone points. */
function stroke(
  context: CanvasRenderingContext2D,
  line: PaintedLine,
  scene: Scene,
  width: number,
  alpha: number,
  dash: readonly number[] = line.dash,
): void {
  const ratio = scene.pixelRatio;
  context.globalAlpha = alpha;
  context.strokeStyle = line.colour;
  context.fillStyle = line.colour;
  context.lineWidth = width * ratio;
  context.setLineDash(dash.length > 0 ? dash.map((length) => length * ratio) : NO_DASH);
  const { xy, starts, n } = path;
  context.beginPath();
  for (let s = 0; s < starts.length; s += 1) {
    const from = starts[s]! * 2;
    const to = (s + 1 < starts.length ? starts[s + 1]! : n) * 2;
    context.moveTo(xy[from]!, xy[from + 1]!);
    for (let k = from + 2; k < to; k += 2) context.lineTo(xy[k]!, xy[k + 1]!);
  }
  context.stroke();
  if (path.dotted.length > 0) strokeHoles(context, ratio);
  if (path.dots.length > 0) fillDots(context, path.dots, Math.max(2, width) * ratio);
}

const NO_DASH: number[] = [];

function strokeHoles(context: CanvasRenderingContext2D, ratio: number): void {
  const { dotted } = path;
  context.setLineDash(HOLE_DASH.map((length) => length * ratio));
  context.beginPath();
  for (let k = 0; k < dotted.length; k += 4) {
    context.moveTo(dotted[k]!, dotted[k + 1]!);
    context.lineTo(dotted[k + 2]!, dotted[k + 3]!);
  }
  context.stroke();
}

function fillDots(
  context: CanvasRenderingContext2D,
  dots: readonly number[],
  radius: number,
): void {
  context.beginPath();
  for (let k = 0; k < dots.length; k += 2) {
    context.moveTo(dots[k]! + radius, dots[k + 1]!);
    context.arc(dots[k]!, dots[k + 1]!, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

/** Points of an exact series where they stand apart, and always when there are at most two. */
function paintDots(
  context: CanvasRenderingContext2D,
  line: Polyline,
  colour: string,
  scene: Scene,
  width: number,
  alpha: number,
): void {
  const { ax, bx, ay, by, xMin, xMax } = scene.transform;
  const visible = countBetween(line.x, line.n, xMin, xMax);
  const span = Math.min(line.x[line.n - 1]!, xMax) - Math.max(line.x[0]!, xMin);
  const spacing = visible < 2 ? Infinity : (span * ax) / (visible - 1) / scene.pixelRatio;
  if (line.n > 2 && !(spacing > DOT_SPACING_PX)) return;
  const radius = Math.max(2.25, width * 1.5) * scene.pixelRatio;
  const dots: number[] = [];
  for (let i = 0; i < line.n; i += 1) {
    if (line.x[i]! < xMin || line.x[i]! > xMax || !Number.isFinite(line.y[i]!)) continue;
    const py = ay * line.y[i]! + by;
    if (py < -0.5 || py > scene.height + 0.5) continue;
    dots.push(inside(ax * line.x[i]! + bx, radius, scene.width), inside(py, radius, scene.height));
  }
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  fillDots(context, dots, radius);
}

/** A mark on the edge of the plot is drawn whole, moved in by no more than its own radius. */
function inside(px: number, radius: number, room: number): number {
  return Math.max(radius, Math.min(room - radius, px));
}

function paintWhiskers(
  context: CanvasRenderingContext2D,
  whisker: Whiskers,
  colour: string,
  scene: Scene,
  width: number,
  alpha: number,
): void {
  const { ax, bx, ay, by, xMin, xMax } = scene.transform;
  if (whisker.x.length === 0) return;
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = Math.min(width, 1.25) * scene.pixelRatio;
  context.setLineDash(NO_DASH);
  context.beginPath();
  for (let i = 0; i < whisker.x.length; i += 1) {
    const at = whisker.x[i]!;
    if (at < xMin || at > xMax) continue;
    const px = ax * at + bx;
    context.moveTo(px, ay * whisker.from[i]! + by);
    context.lineTo(px, ay * whisker.to[i]! + by);
  }
  context.stroke();
}

/** The area between low and high, broken where either is unknown. */
function paintBand(context: CanvasRenderingContext2D, line: PaintedLine, scene: Scene): void {
  const { ax, bx, ay, by } = scene.transform;
  const { low, high } = line.band!;
  const polyline = shapesOf(line.data, scene.logX, scene.logY).line('mean');
  const y = (value: number): number => ay * (scene.logY ? Math.log10(value) : value) + by;
  context.globalAlpha = BAND_ALPHA;
  context.fillStyle = line.colour;
  let from = 0;
  while (from < polyline.n) {
    let to = from;
    while (to < polyline.n && Number.isFinite(y(low[to]!)) && Number.isFinite(y(high[to]!)))
      to += 1;
    if (to - from > 1) {
      context.beginPath();
      for (let i = from; i < to; i += 1) context.lineTo(ax * polyline.x[i]! + bx, y(high[i]!));
      for (let i = to - 1; i >= from; i -= 1) context.lineTo(ax * polyline.x[i]! + bx, y(low[i]!));
      context.fill();
    }
    from = to + 1;
  }
}

/** × for NaN, ▲ for +Inf, ▼ for −Inf and for values a log axis cannot show. */
function paintMarks(context: CanvasRenderingContext2D, line: PaintedLine, scene: Scene): void {
  const found: Marks = shapesOf(line.data, scene.logX, scene.logY).marks;
  const ratio = scene.pixelRatio;
  const top = GUTTER_PX * ratio;
  const bottom = scene.height - top;
  context.strokeStyle = line.colour;
  context.fillStyle = line.colour;
  context.globalAlpha = 1;
  context.setLineDash(NO_DASH);
  if (found.nanX.length > 0) paintCrosses(context, found, scene, top, bottom);
  paintTriangles(context, found.pinfX, scene, top, -1);
  paintTriangles(context, found.ninfX, scene, bottom, 1);
  paintTriangles(context, found.belowX, scene, bottom, 1);
}

/** Small arrows on the edges that clipped values lie beyond. */
function paintEdgeArrows(context: CanvasRenderingContext2D, line: PaintedLine, scene: Scene): void {
  const { ay, by } = scene.transform;
  const toPx = (value: number): number => ay * (scene.logY ? Math.log10(value) : value) + by;
  const { x } = shapesOf(line.data, scene.logX, scene.logY).line(
    line.data.exact ? 'plain' : 'mean',
  );
  const above: number[] = [];
  const under: number[] = [];
  for (let i = 0; i < line.data.n; i += 1) {
    if (toPx(line.data.max[i]!) < 0) above.push(x[i]!);
    if (toPx(line.data.min[i]!) > scene.height) under.push(x[i]!);
  }
  const inset = GUTTER_PX * scene.pixelRatio;
  context.fillStyle = line.colour;
  paintTriangles(context, above, scene, inset, -1);
  paintTriangles(context, under, scene, scene.height - inset, 1);
}

function paintCrosses(
  context: CanvasRenderingContext2D,
  found: Marks,
  scene: Scene,
  top: number,
  bottom: number,
): void {
  const { ay, by } = scene.transform;
  const size = MARK_SIZE_PX * scene.pixelRatio;
  const trail = (): void => {
    context.beginPath();
    eachApart(found.nanX, scene, (px, i) => {
      const known = ay * found.nanY[i]! + by;
      const py = Number.isFinite(known) ? Math.min(bottom, Math.max(top, known)) : bottom;
      context.moveTo(px - size, py - size);
      context.lineTo(px + size, py + size);
      context.moveTo(px + size, py - size);
      context.lineTo(px - size, py + size);
    });
    context.stroke();
  };
  const colour = context.strokeStyle;
  context.strokeStyle = scene.ink.background;
  context.lineWidth = 4 * scene.pixelRatio;
  trail();
  context.strokeStyle = colour;
  context.lineWidth = 1.75 * scene.pixelRatio;
  trail();
}

function paintTriangles(
  context: CanvasRenderingContext2D,
  places: ArrayLike<number>,
  scene: Scene,
  py: number,
  direction: 1 | -1,
): void {
  if (places.length === 0) return;
  const size = MARK_SIZE_PX * scene.pixelRatio;
  context.beginPath();
  eachApart(places, scene, (px) => {
    context.moveTo(px - size, py - direction * size * 0.8);
    context.lineTo(px + size, py - direction * size * 0.8);
    context.lineTo(px, py + direction * size * 0.9);
    context.closePath();
  });
  context.fill();
}

/** Marks that would cover each other are drawn once; the first of a row always is. */
function eachApart(
  places: ArrayLike<number>,
  scene: Scene,
  draw: (px: number, index: number) => void,
): void {
  const { ax, bx, xMin, xMax } = scene.transform;
  let edge = -Infinity;
  for (let i = 0; i < places.length; i += 1) {
    const at = places[i]!;
    if (!(at >= xMin && at <= xMax)) continue;
    const px = ax * at + bx;
    if (px < edge) continue;
    draw(inside(px, MARK_SIZE_PX * scene.pixelRatio, scene.width), i);
    edge = px + MARK_SPACING_PX * scene.pixelRatio;
  }
}

/** "▼ 12 ≤ 0" in the corner: what a log axis leaves out is counted, not hidden. */
function paintBelowCount(
  context: CanvasRenderingContext2D,
  lines: readonly PaintedLine[],
  scene: Scene,
): void {
  if (!scene.logY) return;
  let below = 0;
  let isAtLeast = false;
  for (const line of lines) {
    const found = shapesOf(line.data, scene.logX, true).marks;
    below += found.below;
    isAtLeast ||= found.belowAtLeast;
  }
  if (below === 0) return;
  const ratio = scene.pixelRatio;
  const text = `\u25bc ${isAtLeast ? '\u2265\u2009' : ''}${below} \u2264 0`;
  context.font = scene.ink.font.replace('12px', `${11 * ratio}px`);
  context.textAlign = 'left';
  context.textBaseline = 'bottom';
  context.globalAlpha = 1;
  context.lineWidth = 3 * ratio;
  context.strokeStyle = scene.ink.background;
  context.fillStyle = scene.ink.secondary;
  const place = [6 * ratio, scene.height - (GUTTER_PX * 2 + 2) * ratio] as const;
  context.strokeText(text, ...place);
  context.fillText(text, ...place);
}

/** A dot on a line, with its value beside it unless `text` is empty. */
export function paintValue(
  context: CanvasRenderingContext2D,
  px: number,
  py: number,
  colour: string,
  text: string,
  { pixelRatio: ratio, width, ink }: Scene,
): void {
  context.globalAlpha = 1;
  context.setLineDash(NO_DASH);
  context.fillStyle = colour;
  context.strokeStyle = ink.background;
  context.lineWidth = 1.5 * ratio;
  context.beginPath();
  context.arc(px, py, 3.5 * ratio, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  if (text === '') return;
  const isLeft = px > width * 0.75;
  const isBelow = py < 20 * ratio;
  context.font = ink.font.replace('12px', `${12 * ratio}px`);
  context.textAlign = isLeft ? 'right' : 'left';
  context.textBaseline = isBelow ? 'top' : 'bottom';
  context.lineWidth = 3.5 * ratio;
  context.lineJoin = 'round';
  context.fillStyle = ink.text;
  const place = [px + (isLeft ? -7 : 7) * ratio, py + (isBelow ? 5 : -4) * ratio] as const;
  context.strokeText(text, ...place);
  context.fillText(text, ...place);
}

/** Canvases on top of each other as a PNG the size of the first. */
export function toPng(
  layers: readonly { canvas: HTMLCanvasElement; left: number; top: number }[],
  background: string,
): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = layers[0]!.canvas.width;
  canvas.height = layers[0]!.canvas.height;
  const context = canvas.getContext('2d')!;
  context.fillStyle = background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const layer of layers) context.drawImage(layer.canvas, layer.left, layer.top);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new Error('the chart could not be written as PNG'));
      else resolve(blob);
    });
  });
}
