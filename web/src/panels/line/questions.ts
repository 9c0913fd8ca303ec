// From the state of a page to what one line panel asks for. Pure.
import type { GroupsQuestion } from '../../api/schema';
import type { Metric } from '../../api/types';
import type { XRule } from '../../charts';
import type { XKind } from '../../lib/numbers';
import type { SeriesData } from '../../lib/series';
import { isSmoothing, leadIn } from '../../lib/smoothing';
import { bucketsFor } from '../../state/budget';
import type { SeriesShape } from '../../state/series';
import { strings } from '../../strings';
import { lineWords } from '../../strings-line';
import type { LineOptions } from './options';

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

/** A quarter more on each side of a zoom, so that a short pan needs no answer. */
const MARGIN = 0.25;
/** Steps of the grid on which asked ranges begin, per width of the zoom. */
const STEPS = 4;

/**
 * The range to ask for when part of x is shown. It begins on a grid of powers of two, and all zooms of one width ask for
 * ranges of one width: the server's buckets then have one size, and panning comes back to ranges that are known.
 *
 * @param held the range that was asked for last: it is kept while it covers the zoom and is not much too wide
 */
export function windowFor(zoom: Range, lead: number, held: Range | null): Range {
  const span = zoom[1] - zoom[0];
  if (held !== null && held[0] <= zoom[0] - lead && held[1] >= zoom[1]) {
    const wide = held[1] - held[0];
    if (wide <= (1 + 2 * MARGIN + 3 / STEPS) * span + lead) return held;
  }
  const step = 2 ** Math.floor(Math.log2(span / STEPS));
  const before = Math.max(span * MARGIN, lead);
  const steps = Math.ceil((before + span * (1 + MARGIN)) / step) + 1;
  const from = Math.floor((zoom[0] - before) / step) * step;
  return [from, from + steps * step];
}

/** What is asked of one metric. `held` is the range of the shape that was asked for before. */
export function shapeFor(
  metric: Metric,
  options: Pick<LineOptions, 'x' | 'logX' | 'smoothing'>,
  zoom: Range | null,
  sight: PanelSight,
  held: Range | null = null,
): SeriesShape {
  const buckets = bucketsFor(sight.lines, sight.width, sight.panels);
  const x = xOf(options.x, metric);
  return {
    space: metric.space,
    metric: metric.path,
    x,
    range: zoom === null ? null : windowFor(zoom, leadOf(options, zoom, sight, buckets), held),
    buckets,
    logX: options.logX && x !== '_timestamp',
  };
}

/** Smoothing needs data left of the window, so that the curve enters it where it left the whole view. */
function leadOf(options: Pick<LineOptions, 'smoothing'>, zoom: Range, sight: PanelSight, buckets: number): number {
  const span = zoom[1] - zoom[0];
  return leadIn(options.smoothing, sight.spacing || span / buckets, span);
}

/** The same of groups of runs; they are smoothed before they are joined. */
export function groupShape(
  shape: SeriesShape,
  groups: GroupsQuestion,
  options: LineOptions,
  span: number | null,
): SeriesShape {
  const smoothing = isSmoothing(options.smoothing)
    ? { ...options.smoothing, span: needsSpan(options) ? span : null, log: options.yScale === 'log' }
    : null;
  return { ...shape, groups, smoothing };
}

/** Only methods that follow the visible range change with it. */
function needsSpan({ smoothing }: LineOptions): boolean {
  return smoothing.kind === 'ema-time' || (smoothing.kind === 'gaussian' && smoothing.percent === true);
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

/**
 * The x to ask the server for; charts with equal ones share the crosshair and the zoom. Machine samples have no step:
 * they then stand on the run's own clock.
 */
export function xOf(x: string, metric: Metric): string {
  if (x === 'time') return '_timestamp';
  if (x === 'wall') return '_elapsed';
  if (x === 'relative' || (x === 'step' && metric.space === 'system')) return '_runtime';
  return x === 'step' ? (metric.step_metric ?? '_step') : x;
}

export function xKindOf(key: string): XKind {
  if (key === '_step') return 'step';
  if (key === '_runtime' || key === '_elapsed') return 'duration';
  return key === '_timestamp' ? 'time' : 'number';
}

export function xLabelOf(key: string): string {
  if (key === '_step') return strings.charts.axes.step;
  if (key === '_runtime') return strings.charts.axes.relative;
  if (key === '_elapsed') return lineWords.elapsed;
  return key === '_timestamp' ? '' : key;
}
