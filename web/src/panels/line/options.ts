// What a line panel's options say, with the page's settings where they say nothing. Pure.
import type { ScaleName } from '../../lib/scales';
import type { Smoothing } from '../../lib/smoothing';
import { choiceOf, flagOf, numberOf, textOf, textsOf, type Options } from '../../lib/options';
import { parseSmoothing, type ViewSettings } from '../../state/view';

/** Beside these a metric: its values are x. */
export const X_AXES = ['step', 'relative', 'wall', 'time'] as const;
const SCALES: readonly ScaleName[] = ['linear', 'log', 'symlog'];
const OUTLIERS_MAX = 5;
/** Percent cut off at either end where the page says no more than that outliers are ignored. */
export const OUTLIER_PERCENT = 1;

export interface LineOptions {
  /** `step`, `relative` (pauses taken out), `wall` (since the start), `time`, or the path of a metric. */
  x: string;
  logX: boolean;
  yScale: ScaleName;
  rightScale: ScaleName;
  /** Null ends are automatic. */
  yMin: number | null;
  yMax: number | null;
  rightMin: number | null;
  rightMax: number | null;
  /** Metrics measured by the right axis. */
  right: readonly string[];
  smoothing: Smoothing;
  raw: boolean;
  /** 0 is off. */
  outliers: number;
  /** Of a line's label; empty for the page's. */
  legend: string;
  hasLegend: boolean;
  /** Keys of lines that are not drawn here. */
  hidden: readonly string[];
  density: boolean;
}

/** What begins with `=` is computed from metrics of a run. */
export function isExpression(path: string): boolean {
  return path.startsWith('=');
}

export function lineOptionsOf(options: Options, view: ViewSettings): LineOptions {
  const own = textOf(options, 'smoothing', '');
  const end = (key: string) => numberOf(options, key, null);
  return {
    x: textOf(options, 'x', '') || view.axis,
    logX: flagOf(options, 'logX', view.logX),
    yScale: choiceOf(options, 'yScale', SCALES, view.logY ? 'log' : 'linear'),
    rightScale: choiceOf(options, 'rightScale', SCALES, 'linear'),
    yMin: end('yMin'),
    yMax: end('yMax'),
    rightMin: end('rightMin'),
    rightMax: end('rightMax'),
    right: textsOf(options, 'right') ?? [],
    smoothing: own === '' ? view.smoothing : parseSmoothing(own),
    raw: flagOf(options, 'raw', view.raw),
    outliers: Math.min(OUTLIERS_MAX, Math.max(0, numberOf(options, 'outliers', view.clip ? OUTLIER_PERCENT : 0))),
    legend: textOf(options, 'legend', ''),
    hasLegend: flagOf(options, 'hasLegend', true),
    hidden: textsOf(options, 'hidden') ?? [],
    density: flagOf(options, 'density', false),
  };
}
