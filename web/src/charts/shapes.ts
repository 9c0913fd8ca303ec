/** Polylines, curves and marks of a series, made once per scale kind and kept while it lives. */

import { curveLine, envelopeLine, marks, meanLine, plainLine, whiskers } from '../lib/geometry';
import type { Marks, Polyline, Whiskers } from '../lib/geometry';
import type { SeriesData } from '../lib/series';
import { smooth } from '../lib/smoothing';
import type { Curve, Smoothing } from '../lib/smoothing';

export class Shapes {
  private readonly data: SeriesData;
  private readonly logX: boolean;
  private readonly logY: boolean;
  private made: Partial<Record<'plain' | 'envelope' | 'mean', Polyline>> = {};
  private madeWhiskers: Whiskers | null = null;
  private madeMarks: Marks | null = null;
  private parts: { flags: Uint8Array; full: Polyline; thin: Polyline } | null = null;
  private smoothed: { key: string; curve: Curve; line: Polyline } | null = null;

  constructor(data: SeriesData, logX: boolean, logY: boolean) {
    this.data = data;
    this.logX = logX;
    this.logY = logY;
  }

  line(mode: 'plain' | 'envelope' | 'mean'): Polyline {
    const make = { plain: plainLine, envelope: envelopeLine, mean: meanLine }[mode];
    return (this.made[mode] ??= make(this.data, this.logX, this.logY));
  }

  /** The line in two: where all of a group contribute, and where fewer do (dashed). */
  parted(thin: Uint8Array): { full: Polyline; thin: Polyline } {
    if (this.parts?.flags !== thin) {
      const line = this.line('plain');
      const full = Float64Array.from(line.y, (value, i) => (thin[i] === 1 ? NaN : value));
      // The stroke into the thin part begins at the last full vertex, and the other way round.
      const rest = Float64Array.from(line.y, (value, i) => {
        return thin[i] === 1 || thin[i - 1] === 1 || thin[i + 1] === 1 ? value : NaN;
      });
      this.parts = { flags: thin, full: { ...line, y: full }, thin: { ...line, y: rest } };
    }
    return this.parts;
  }

  get whiskers(): Whiskers {
    return (this.madeWhiskers ??= whiskers(this.data, this.logX, this.logY));
  }

  get marks(): Marks {
    return (this.madeMarks ??= marks(this.data, this.logX, this.logY));
  }

  /** The smoothed curve; `span` is the width of the visible x range. */
  curve(smoothing: Smoothing, span: number): { curve: Curve; line: Polyline } {
    const isRelative =
      smoothing.kind === 'ema-time' ||
      (smoothing.kind === 'gaussian' && smoothing.percent === true);
    const key = JSON.stringify(smoothing) + (isRelative ? span : '');
    if (this.smoothed?.key !== key) {
      const curve = smooth(this.data, smoothing, span, this.logY);
      const line = curveLine(this.data, curve.x, curve.y, this.logX, this.logY);
      this.smoothed = { key, curve, line };
    }
    return this.smoothed;
  }
}

const kept = new WeakMap<SeriesData, (Shapes | undefined)[]>();

export function shapesOf(data: SeriesData, logX: boolean, logY: boolean): Shapes {
  let versions = kept.get(data);
  if (versions === undefined) {
    versions = [];
    kept.set(data, versions);
  }
  return (versions[(logX ? 2 : 0) + (logY ? 1 : 0)] ??= new Shapes(data, logX, logY));
}
