// How the charts of a page are drawn, as text in the address and back. Pure.
import type { Smoothing } from '../lib/smoothing';

export type XAxis = 'step' | 'time' | 'relative';

export interface ViewSettings {
  axis: XAxis;
  smoothing: Smoothing;
  /** The unsmoothed line stays, faint, behind the smoothed one. */
  raw: boolean;
  logX: boolean;
  logY: boolean;
  /** The y range leaves out the outermost percent of the values. */
  clip: boolean;
  columns: number;
}

export const VIEW_DEFAULT: ViewSettings = {
  axis: 'step',
  smoothing: { kind: 'none' },
  raw: true,
  logX: false,
  logY: false,
  clip: false,
  columns: 3,
};

export const COLUMNS_MAX = 6;

/** Query parameters that belong to the view; one that is not needed is null. */
export type ViewQuery = Record<'axis' | 'smooth' | 'log' | 'clip' | 'raw' | 'cols', string | null>;

export function smoothingText(smoothing: Smoothing): string {
  switch (smoothing.kind) {
    case 'none':
      return '';
    case 'ema':
    case 'ema-time':
      return `${smoothing.kind}:${smoothing.weight}`;
    case 'gaussian':
      return `gaussian:${smoothing.sigma}`;
    case 'mean':
    case 'median':
      return `${smoothing.kind}:${smoothing.points}`;
  }
}

export function parseSmoothing(text: string): Smoothing {
  const [kind, amount] = text.split(':');
  const value = Number(amount);
  if (!Number.isFinite(value) || value < 0) return { kind: 'none' };
  switch (kind) {
    case 'ema':
    case 'ema-time':
      return value < 1 ? { kind, weight: value } : { kind: 'none' };
    case 'gaussian':
      return { kind, sigma: value, percent: true };
    case 'mean':
    case 'median':
      return { kind, points: Math.max(1, Math.round(value)) };
    default:
      return { kind: 'none' };
  }
}

export function toQuery(view: ViewSettings): ViewQuery {
  const log = (view.logX ? 'x' : '') + (view.logY ? 'y' : '');
  return {
    axis: view.axis === VIEW_DEFAULT.axis ? null : view.axis,
    smooth: smoothingText(view.smoothing) || null,
    log: log || null,
    clip: view.clip ? '1' : null,
    raw: view.raw ? null : '0',
    cols: view.columns === VIEW_DEFAULT.columns ? null : String(view.columns),
  };
}

export function fromQuery(query: URLSearchParams): ViewSettings {
  const axis = query.get('axis');
  const log = query.get('log') ?? '';
  const columns = Number(query.get('cols') ?? VIEW_DEFAULT.columns);
  return {
    axis: axis === 'time' || axis === 'relative' ? axis : 'step',
    smoothing: parseSmoothing(query.get('smooth') ?? ''),
    raw: query.get('raw') !== '0',
    logX: log.includes('x'),
    logY: log.includes('y'),
    clip: query.get('clip') === '1',
    columns: Number.isInteger(columns) ? Math.min(COLUMNS_MAX, Math.max(1, columns)) : VIEW_DEFAULT.columns,
  };
}

/** True when the address says anything about the view. */
export function namesView(query: URLSearchParams): boolean {
  return ['axis', 'smooth', 'log', 'clip', 'raw', 'cols'].some((key) => query.has(key));
}

/** `?x=100..250.5` */
export function parseRange(text: string | null): [number, number] | null {
  const match = /^(-?[\d.eE+-]+)\.\.(-?[\d.eE+-]+)$/.exec(text ?? '');
  if (!match) return null;
  const [from, to] = [Number(match[1]), Number(match[2])];
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : null;
}

export function rangeText(range: readonly [number, number] | null): string | null {
  if (!range) return null;
  // Seven digits of the range's width are far below a pixel.
  const digits = Math.max(0, Math.ceil(7 - Math.log10(range[1] - range[0] || 1)));
  const short = (value: number) => String(Number(value.toFixed(Math.min(20, digits))));
  return `${short(range[0])}..${short(range[1])}`;
}

/** The x to ask the server for. Machine samples have no step: they then stand on the run's own clock. */
export function xFor(axis: XAxis, space: 'history' | 'system', stepMetric: string | null): string {
  if (axis === 'time') return '_timestamp';
  if (axis === 'relative' || space === 'system') return '_runtime';
  return stepMetric ?? '_step';
}

/** The range to request for a zoomed view: a quarter more on each side, so that a short pan needs no answer. */
export function requestRange(zoom: readonly [number, number] | null, lead = 0): [number, number] | null {
  if (!zoom) return null;
  const margin = (zoom[1] - zoom[0]) * 0.25;
  return [zoom[0] - Math.max(margin, lead), zoom[1] + margin];
}
