// Histograms of a key, run by run. Pure.
import { choiceOf, numberOf, textOf, textsOf, type Options } from '../../lib/options';
import type { Bins } from '../../lib/histograms';
import type { MediaStep } from '../../state/media';

export const MODES = ['heat', 'ridge', 'slice'] as const;

export interface HistogramOptions {
  metric: string;
  mode: (typeof MODES)[number];
  /** Runs side by side. */
  most: number;
  step: number | null;
  linked: boolean;
}

export function histogramOptions(options: Options, first: string): HistogramOptions {
  return {
    metric: textOf(options, 'metric', '') || (textsOf(options, 'metrics')?.[0] ?? first),
    mode: choiceOf(options, 'mode', MODES, 'heat'),
    most: Math.min(24, Math.max(1, Math.round(numberOf(options, 'most', 4)))),
    step: numberOf(options, 'step', null),
    linked: options.linked !== false,
  };
}

export interface StepBins extends Bins {
  readonly step: number;
}

/** Of a list of histograms the first one; what has no bins is left out. */
export function binsOf(steps: readonly MediaStep[]): StepBins[] {
  return steps.flatMap(({ step, items }) => {
    const item = items[0];
    return item?.kind === 'histogram' && item.edges.length === item.counts.length + 1 && item.counts.length > 0
      ? [{ step, counts: item.counts, edges: item.edges }]
      : [];
  });
}

/** The outline of a density: from edge to edge level at count by width, whose area is the count. */
export function outline(bins: Bins): { x: number; y: number }[] {
  const points: { x: number; y: number }[] = [];
  bins.counts.forEach((count, i) => {
    const [from, to] = [bins.edges[i] as number, bins.edges[i + 1] as number];
    if (!(to > from)) return;
    points.push({ x: from, y: count / (to - from) }, { x: to, y: count / (to - from) });
  });
  return points;
}
