/** Polylines, curves and marks of a series, made once per scale kind and kept while it lives. */

import { curveLine, envelopeLine, marks, meanLine, plainLine, whiskers } from '../lib/geometry';
import type { Marks, Polyline, Whiskers } from '../lib/geometry';
import type { Scale } from '../lib/scales';
import type { SeriesData } from '../lib/series';
import { smooth } from '../lib/smoothing';
import type { Curve, Smoothing } from '../lib/smoothing';

export class Shapes {
  private readonly data: SeriesData;
  private readonly logX: boolean;
  private readonly yScale: Scale;
  private made: Partial<Record<'plain' | 'envelope' | 'mean', Polyline>> = {};
  private madeWhiskers: Whiskers | null = null;
  private madeMarks: Marks | null = null;
  private parts: { line: Polyline; flags: Uint8Array; full: Polyline; thin: Polyline } | null = null;
  private smoothed: { key: string; curve: Curve; line: Polyline } | null = null;

  constructor(data: SeriesData, logX: boolean, yScale: Scale) {
    this.data = data;
    this.logX = logX;
    this.yScale = yScale;
  }

  line(mode: 'plain' | 'envelope' | 'mean'): Polyline {
    const make = { plain: plainLine, envelope: envelopeLine, mean: meanLine }[mode];
    return (this.made[mode] ??= make(this.data, this.logX, this.yScale));
  }

  /** A line in two: where all of a group contribute, and where fewer do (dashed). */
  parted(line: Polyline, thin: Uint8Array): { full: Polyline; thin: Polyline } {
    if (this.parts?.flags !== thin || this.parts.line !== line) {
      const full = Float64Array.from(line.y, (value, i) => (thin[i] === 1 ? NaN : value));
      // The stroke into the thin part begins at the last full vertex, and the other way round.
      const rest = Float64Array.from(line.y, (value, i) => {
        return thin[i] === 1 || thin[i - 1] === 1 || thin[i + 1] === 1 ? value : NaN;
      });
      this.parts = { line, flags: thin, full: { ...line, y: full }, thin: { ...line, y: rest } };
    }
    return this.parts;
  }

  get whiskers(): Whiskers {
    return (this.madeWhiskers ??= whiskers(this.data, this.logX, this.yScale));
  }

  get marks(): Marks {
    return (this.madeMarks ??= marks(this.data, this.logX, this.yScale));
  }

  /** The smoothed curve; `span` is the width of the visible x range. */
  curve(smoothing: Smoothing, span: number): { curve: Curve; line: Polyline } {
    const isRelative =
      smoothing.kind === 'ema-time' ||
      (smoothing.kind === 'gaussian' && smoothing.percent === true);
    const key = JSON.stringify(smoothing) + (isRelative ? span : '');
    if (this.smoothed?.key !== key) {
      const curve = smooth(this.data, smoothing, span, this.yScale === 'log');
      const line = curveLine(this.data, curve.x, curve.y, this.logX, this.yScale);
      this.smoothed = { key, curve, line };
    }
    return this.smoothed;
  }
}

const kept = new WeakMap<SeriesData, Map<string, Shapes>>();

export function shapesOf(data: SeriesData, logX: boolean, yScale: Scale): Shapes {
  let versions = kept.get(data);
  if (versions === undefined) {
    versions = new Map();
    kept.set(data, versions);
  }
  const key = (logX ? 'log ' : '') + (typeof yScale === 'object' ? yScale.bend : yScale);
  let shapes = versions.get(key);
  if (shapes === undefined) {
    shapes = new Shapes(data, logX, yScale);
    versions.set(key, shapes);
  }
  return shapes;
}
