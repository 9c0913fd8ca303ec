/**
 * Thousands of lines as shading: how many of them pass through each small cell of the plot.
 *
 * Every line gives each column of cells one unit, spread over the cells it touches there, so that a
 * steep stroke counts no more than a flat one.
 */

import { sequentialColor } from '../lib/colours';
import type { Polyline, Transform } from '../lib/geometry';
import type { PaintedLine } from './scene';
import { shapesOf } from './shapes';

const FAINTEST = 0.12;
const SHADES = 64;

export class DensityGrid {
  readonly cells: Float32Array;
  readonly width: number;
  readonly height: number;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.cells = new Float32Array(width * height);
  }

  /** @param ratio px of the transform in one cell */
  add({ x, y, n }: Polyline, { ax, bx, ay, by }: Transform, ratio: number): void {
    for (let i = 1; i < n; i += 1) {
      const [fromX, toX] = [(ax * x[i - 1]! + bx) / ratio, (ax * x[i]! + bx) / ratio];
      const [fromY, toY] = [(ay * y[i - 1]! + by) / ratio, (ay * y[i]! + by) / ratio];
      if (!Number.isFinite(fromY + toY) || toX < 0 || fromX >= this.width) continue;
      const slope = toX > fromX ? (toY - fromY) / (toX - fromX) : 0;
      const last = Math.min(this.width - 1, Math.ceil(toX) - 1);
      for (let column = Math.max(0, Math.floor(fromX)); column <= last; column += 1) {
        const start = fromY + (Math.max(fromX, column) - fromX) * slope;
        const end = fromY + (Math.min(toX, column + 1) - fromX) * slope;
        const covered = Math.min(toX, column + 1) - Math.max(fromX, column);
        this.addColumn(column, Math.min(start, end), Math.max(start, end), covered);
      }
    }
  }

  private addColumn(column: number, top: number, bottom: number, share: number): void {
    const first = Math.max(0, Math.floor(top));
    const last = Math.min(this.height - 1, Math.floor(bottom));
    const each = share / (Math.floor(bottom) - Math.floor(top) + 1);
    for (let row = first; row <= last; row += 1) this.cells[row * this.width + column]! += each;
  }

  get most(): number {
    let most = 0;
    for (const cell of this.cells) if (cell > most) most = cell;
    return most;
  }
}

export function paintDensity(
  context: CanvasRenderingContext2D,
  lines: readonly PaintedLine[],
): void {
  const scene = lines[0]?.scene;
  if (scene === undefined) return;
  const ratio = scene.pixelRatio;
  const grid = new DensityGrid(Math.ceil(scene.width / ratio), Math.ceil(scene.height / ratio));
  for (const line of lines) {
    const shapes = shapesOf(line.data, line.scene.logX, line.scene.yScale);
    grid.add(shapes.line(line.data.exact ? 'plain' : 'mean'), line.scene.transform, ratio);
  }
  const shades = shadesOf(scene.ink.theme);
  const image = new ImageData(grid.width, grid.height);
  const scale = 1 / Math.log1p(grid.most * 4);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i += 1) {
    const value = grid.cells[i]!;
    if (value === 0) continue;
    const shade = Math.log1p(value * 4) * scale;
    pixels[i] = shades[Math.min(SHADES - 1, Math.floor(shade * SHADES))]!;
  }
  const canvas = new OffscreenCanvas(grid.width, grid.height);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  context.globalAlpha = 1;
  context.drawImage(canvas, 0, 0, grid.width * ratio, grid.height * ratio);
}

/** Colours as canvas pixels (ABGR), from few lines to many. On white, many is dark; on black, bright. */
function shadesOf(theme: 'light' | 'dark'): Uint32Array {
  return Uint32Array.from({ length: SHADES }, (_, i) => {
    const share = i / (SHADES - 1);
    const colour = parseInt(sequentialColor(theme === 'light' ? 1 - share : share, theme).slice(1), 16);
    const alpha = Math.round(255 * (FAINTEST + (1 - FAINTEST) * Math.min(1, share * 1.6)));
    const [red, green, blue] = [colour >> 16, (colour >> 8) & 255, colour & 255];
    return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}
