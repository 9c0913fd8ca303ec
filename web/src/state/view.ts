// How the charts of a page are drawn, as text in the address and back. Pure.
import type { Smoothing } from '../lib/smoothing';
import { parseGroup } from './groups';
import type { ViewDoc } from './view-doc';
import { same } from './view-patch';

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

/** The settings of a view that stand in the address as query parameters, by the pages that show them. */
export type SettingsPart = 'charts' | 'runs';
type SimpleQuery = Record<string, string | null>;

const CHART_KEYS = ['axis', 'smooth', 'log', 'clip', 'raw', 'cols'] as const;
const RUN_KEYS = ['filter', 'sort', 'group'] as const;

/** Query parameters that say what the document says. */
export function settingsQuery(doc: ViewDoc, parts: readonly SettingsPart[]): SimpleQuery {
  const query: SimpleQuery = {};
  if (parts.includes('charts')) Object.assign(query, toQuery({ ...VIEW_DEFAULT, ...doc.charts }));
  if (parts.includes('runs')) {
    const { filter, sort, group } = doc.runs;
    Object.assign(query, { filter: filter || null, sort: sort || null, group: group.join(',') || null });
  }
  return query;
}

/** The settings that differ from the usual ones. */
function chosen(settings: ViewSettings): Partial<ViewSettings> {
  const entries = Object.entries(settings) as [keyof ViewSettings, unknown][];
  return Object.fromEntries(entries.filter(([key, value]) => !same(value, VIEW_DEFAULT[key])));
}

/**
 * The document with what the query says. Returns the document itself where that is the same.
 *
 * @param named only what the query names counts: an address that says nothing of the runs leaves them as they are. One
 *   that says anything of the charts says all of them.
 */
export function withSettings(
  doc: ViewDoc,
  query: URLSearchParams,
  parts: readonly SettingsPart[],
  named: boolean,
): ViewDoc {
  let { charts, runs } = doc;
  if (parts.includes('charts') && (!named || CHART_KEYS.some((key) => query.has(key))))
    charts = chosen(fromQuery(query));
  if (parts.includes('runs')) {
    const says = (key: (typeof RUN_KEYS)[number]) => !named || query.has(key);
    runs = {
      ...runs,
      filter: says('filter') ? (query.get('filter') ?? '') : runs.filter,
      sort: says('sort') ? (query.get('sort') ?? '') : runs.sort,
      group: says('group') ? parseGroup(query.get('group')) : runs.group,
    };
  }
  return same(charts, doc.charts) && same(runs, doc.runs) ? doc : { ...doc, charts, runs };
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
