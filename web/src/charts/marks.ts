/** What has no place on the line itself: NaN, ±Inf, values beyond an edge, named places of x. */

import type { Marks } from '../lib/geometry';
import { toScale } from '../lib/scales';
import { inside, NO_DASH } from './scene';
import type { PaintedLine, Pen, Scene } from './scene';
import { shapesOf } from './shapes';
import type { XRule } from './types';

const MARK_SPACING_PX = 11;
const MARK_SIZE_PX = 3.5;
const GUTTER_PX = 6;
const RULE_DASH = [2, 3];

/** Vertical lines behind everything, each with its name beside its top. */
export function paintRules(pen: Pen, rules: readonly XRule[], scene: Scene): void {
  const { pixelRatio: ratio, transform, ink } = scene;
  pen.globalAlpha = 1;
  pen.strokeStyle = ink.secondary;
  pen.fillStyle = ink.secondary;
  pen.lineWidth = ratio;
  pen.setLineDash(RULE_DASH.map((length) => length * ratio));
  pen.font = ink.font.replace('12px', `${11 * ratio}px`);
  pen.textBaseline = 'top';
  let taken = -Infinity;
  for (const { x, label } of [...rules].sort((a, b) => a.x - b.x)) {
    const at = scene.logX ? Math.log10(x) : x;
    if (!(at >= transform.xMin && at <= transform.xMax)) continue;
    const px = Math.round(transform.ax * at + transform.bx) + 0.5;
    pen.beginPath();
    pen.moveTo(px, 0);
    pen.lineTo(px, scene.height);
    pen.stroke();
    const isLeft = px > scene.width * 0.7;
    pen.textAlign = isLeft ? 'right' : 'left';
    // Where two would lie on each other, the first is enough.
    const textWidth = pen.measureText(label).width + 4 * ratio;
    const from = isLeft ? px - textWidth : px;
    if (from < taken) continue;
    taken = from + textWidth + 4 * ratio;
    pen.fillText(label, px + (isLeft ? -4 : 4) * ratio, 2 * ratio);
  }
  pen.setLineDash(NO_DASH);
}

/** × for NaN, ▲ for +Inf, ▼ for −Inf and for values a log axis cannot show. */
export function paintMarks(pen: Pen, line: PaintedLine): void {
  const { scene } = line;
  const found: Marks = shapesOf(line.data, scene.logX, scene.yScale).marks;
  const ratio = scene.pixelRatio;
  const top = GUTTER_PX * ratio;
  const bottom = scene.height - top;
  pen.strokeStyle = line.colour;
  pen.fillStyle = line.colour;
  pen.globalAlpha = 1;
  pen.setLineDash(NO_DASH);
  if (found.nanX.length > 0) paintCrosses(pen, found, scene, top, bottom);
  paintTriangles(pen, found.pinfX, scene, top, -1);
  paintTriangles(pen, found.ninfX, scene, bottom, 1);
  paintTriangles(pen, found.belowX, scene, bottom, 1);
}

/** Small arrows on the edges that clipped values lie beyond. */
export function paintEdgeArrows(pen: Pen, line: PaintedLine): void {
  const { scene } = line;
  const { ay, by } = scene.transform;
  const toPx = (value: number): number => ay * toScale(scene.yScale, value) + by;
  const { x } = shapesOf(line.data, scene.logX, scene.yScale).line(
    line.data.exact ? 'plain' : 'mean',
  );
  const above: number[] = [];
  const under: number[] = [];
  for (let i = 0; i < line.data.n; i += 1) {
    if (toPx(line.data.max[i]!) < 0) above.push(x[i]!);
    if (toPx(line.data.min[i]!) > scene.height) under.push(x[i]!);
  }
  const inset = GUTTER_PX * scene.pixelRatio;
  pen.fillStyle = line.colour;
  paintTriangles(pen, above, scene, inset, -1);
  paintTriangles(pen, under, scene, scene.height - inset, 1);
}

function paintCrosses(
  pen: Pen,
  found: Marks,
  scene: Scene,
  top: number,
  bottom: number,
): void {
  const { ay, by } = scene.transform;
  const size = MARK_SIZE_PX * scene.pixelRatio;
  const trail = (): void => {
    pen.beginPath();
    eachApart(found.nanX, scene, (px, i) => {
      const known = ay * found.nanY[i]! + by;
      const py = Number.isFinite(known) ? Math.min(bottom, Math.max(top, known)) : bottom;
      pen.moveTo(px - size, py - size);
      pen.lineTo(px + size, py + size);
      pen.moveTo(px + size, py - size);
      pen.lineTo(px - size, py + size);
    });
    pen.stroke();
  };
  const colour = pen.strokeStyle;
  pen.strokeStyle = scene.ink.background;
  pen.lineWidth = 4 * scene.pixelRatio;
  trail();
  pen.strokeStyle = colour;
  pen.lineWidth = 1.75 * scene.pixelRatio;
  trail();
}

function paintTriangles(
  pen: Pen,
  places: ArrayLike<number>,
  scene: Scene,
  py: number,
  direction: 1 | -1,
): void {
  if (places.length === 0) return;
  const size = MARK_SIZE_PX * scene.pixelRatio;
  pen.beginPath();
  eachApart(places, scene, (px) => {
    pen.moveTo(px - size, py - direction * size * 0.8);
    pen.lineTo(px + size, py - direction * size * 0.8);
    pen.lineTo(px, py + direction * size * 0.9);
    pen.closePath();
  });
  pen.fill();
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
export function paintBelowCount(pen: Pen, lines: readonly PaintedLine[]): void {
  const scene = lines.find((line) => line.scene.yScale === 'log')?.scene;
  if (scene === undefined) return;
  let below = 0;
  let isAtLeast = false;
  for (const line of lines) {
    if (line.scene.yScale !== 'log') continue;
    const found = shapesOf(line.data, scene.logX, 'log').marks;
    below += found.below;
    isAtLeast ||= found.belowAtLeast;
  }
  if (below === 0) return;
  const ratio = scene.pixelRatio;
  const text = `\u25bc ${isAtLeast ? '\u2265\u2009' : ''}${below} \u2264 0`;
  pen.font = scene.ink.font.replace('12px', `${11 * ratio}px`);
  pen.textAlign = 'left';
  pen.textBaseline = 'bottom';
  pen.globalAlpha = 1;
  pen.lineWidth = 3 * ratio;
  pen.strokeStyle = scene.ink.background;
  pen.fillStyle = scene.ink.secondary;
  const place = [6 * ratio, scene.height - (GUTTER_PX * 2 + 2) * ratio] as const;
  pen.strokeText(text, ...place);
  pen.fillText(text, ...place);
}

/** A dot on a line, with its value beside it unless `text` is empty. */
export function paintValue(
  pen: Pen,
  px: number,
  py: number,
  colour: string,
  text: string,
  { pixelRatio: ratio, width, ink }: Scene,
): void {
  pen.globalAlpha = 1;
  pen.setLineDash(NO_DASH);
  pen.fillStyle = colour;
  pen.strokeStyle = ink.background;
  pen.lineWidth = 1.5 * ratio;
  pen.beginPath();
  pen.arc(px, py, 3.5 * ratio, 0, 2 * Math.PI);
  pen.fill();
  pen.stroke();
  if (text === '') return;
  const isLeft = px > width * 0.75;
  const isBelow = py < 20 * ratio;
  pen.font = ink.font.replace('12px', `${12 * ratio}px`);
  pen.textAlign = isLeft ? 'right' : 'left';
  pen.textBaseline = isBelow ? 'top' : 'bottom';
  pen.lineWidth = 3.5 * ratio;
  pen.lineJoin = 'round';
  pen.fillStyle = ink.text;
  const place = [px + (isLeft ? -7 : 7) * ratio, py + (isBelow ? 5 : -4) * ratio] as const;
  pen.strokeText(text, ...place);
  pen.fillText(text, ...place);
}

