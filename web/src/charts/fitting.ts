/** The automatic ranges of a chart's axes. */

import {
  addCurveExtent,
  addXExtent,
  addYExtent,
  Extent,
  outlierRange,
  paddedRange,
  xRange,
} from '../lib/scales';
import type { Range, Scale } from '../lib/scales';
import type { SeriesData } from '../lib/series';
import { isSmoothing } from '../lib/smoothing';
import type { Smoothing } from '../lib/smoothing';
import { shapesOf } from './shapes';
import type { Band } from './types';

const LIMIT_ROOM = 0.015;

export interface FitRequest {
  /** The zoomed part of x; null for all. */
  readonly visible: Range | null;
  readonly xScale: Scale;
  readonly yScale: Scale;
  readonly smoothing: Smoothing;
  readonly rawLine: boolean;
  /** Width of the visible x range. */
  readonly span: number;
  /** Percent cut off at either end; 0 is off. */
  readonly outlierPercent: number;
  /** Fixed ends; null is automatic. */
  readonly min: number | null;
  readonly max: number | null;
  /** Automatic ends stay within; null is none. */
  readonly limit: Range | null;
}

export interface Fit {
  readonly range: Range;
  /** Points left outside as outliers. */
  readonly outside: number;
}

export function fitX(series: readonly SeriesData[], scale: Scale): Range {
  const extent = new Extent(scale);
  for (const data of series) addXExtent(extent, data, scale);
  return xRange(extent.range, scale);
}

/** The y range of what is drawn: curves alone when the raw lines are off, bands included. */
export function fitY(
  lines: readonly { data: SeriesData; band: Band | null }[],
  request: FitRequest,
): Fit {
  const { visible, yScale, outlierPercent } = request;
  const found =
    outlierPercent > 0
      ? outlierRange(
          lines.map(({ data }) => data),
          visible,
          yScale,
          outlierPercent,
        )
      : { range: extentOf(lines, request), outside: 0 };
  const { min, max } = limited(paddedRange(found.range, yScale), found.range, request);
  const [low, high] = [request.min ?? min, request.max ?? max];
  // A fixed end beyond the data, or ≤ 0 on a log axis, is no range.
  const isUsable = high > low && (yScale !== 'log' || low > 0);
  return { range: isUsable ? { min: low, max: high } : { min, max }, outside: found.outside };
}

/** `padded` without what lies beyond the limits of the values, but for the width of a line on them. */
function limited(padded: Range, data: Range | null, { limit, yScale }: FitRequest): Range {
  if (limit === null || data === null || yScale === 'log') return padded;
  if (data.min < limit.min || data.max > limit.max) return padded;
  const [min, max] = [Math.max(padded.min, limit.min), Math.min(padded.max, limit.max)];
  const room = (max - min) * LIMIT_ROOM;
  return { min: Math.max(padded.min, min - room), max: Math.min(padded.max, max + room) };
}

function extentOf(
  lines: readonly { data: SeriesData; band: Band | null }[],
  { visible, xScale, yScale, smoothing, rawLine, span }: FitRequest,
): Range | null {
  const extent = new Extent(yScale);
  const isCurveOnly = isSmoothing(smoothing) && !rawLine;
  for (const { data, band } of lines) {
    if (isCurveOnly) {
      const { curve } = shapesOf(data, xScale === 'log', yScale).curve(smoothing, span);
      addCurveExtent(extent, curve.x, curve.y, visible);
    } else {
      addYExtent(extent, data, visible);
    }
    if (band === null) continue;
    addCurveExtent(extent, data.x, band.low, visible);
    addCurveExtent(extent, data.x, band.high, visible);
  }
  return extent.range;
}
