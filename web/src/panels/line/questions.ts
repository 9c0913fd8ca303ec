// From the state of a page to what one line panel asks for and shows. Pure.
import type { Metric } from '../../api/types';
import type { XRule } from '../../charts';
import type { XKind } from '../../lib/numbers';
import type { SeriesData } from '../../lib/series';
import { leadIn } from '../../lib/smoothing';
import { bucketsFor } from '../../state/budget';
import type { SeriesShape } from '../../state/series';
import { requestRange, xFor, type ViewSettings, type XAxis } from '../../state/view';
import { strings } from '../../strings';

export interface PanelSight {
  /** Plot width in CSS px. */
  width: number;
  lines: number;
  /** Panels in view beside this one, itself included. */
  panels: number;
  /** x between neighbouring points of the sparsest line; 0 when not known yet. */
  spacing: number;
}

type Range = readonly [number, number];

/** Vertical lines to draw, by the x they stand on. */
export type LineRules = Readonly<Record<string, readonly XRule[]>>;

export function shapeFor(metric: Metric, view: ViewSettings, zoom: Range | null, sight: PanelSight): SeriesShape {
  const buckets = bucketsFor(sight.lines, sight.width, sight.panels);
  // Smoothing needs data left of the window, so that the curve enters it where it left the whole view.
  const span = zoom ? zoom[1] - zoom[0] : 0;
  const lead = zoom ? leadIn(view.smoothing, sight.spacing || span / buckets, span) : 0;
  return {
    space: metric.space,
    metric: metric.path,
    x: xFor(view.axis, metric.space, metric.step_metric),
    range: requestRange(zoom, lead),
    buckets,
    logX: view.logX,
  };
}

/** x between neighbouring points of the sparsest series, rounded up to a power of two so that it stays while a run grows. */
export function spacingOf(series: readonly SeriesData[]): number {
  let widest = 0;
  for (const one of series) {
    if (one.total > 1)
      widest = Math.max(widest, ((one.x[one.n - 1] as number) - (one.x[0] as number)) / (one.total - 1));
  }
  return widest > 0 ? 2 ** Math.ceil(Math.log2(widest)) : 0;
}

/** Charts with equal keys share the crosshair and the zoom. */
export function xKeyOf(metric: Metric, axis: XAxis): string {
  return xFor(axis, metric.space, metric.step_metric);
}

export function xKindOf(x: string): XKind {
  if (x === '_step') return 'step';
  if (x === '_runtime') return 'duration';
  return x === '_timestamp' ? 'time' : 'number';
}

export function xLabelOf(x: string): string {
  if (x === '_step') return strings.charts.axes.step;
  if (x === '_runtime') return strings.charts.axes.relative;
  return x === '_timestamp' ? '' : x;
}
