// Which kind of panel shows a metric. Pure; the automatic layout asks here, and so does "add panel".
import type { Json, Metric, Run } from '../api/types';
import { valueAt } from '../ui/format';
import type { PanelKind } from './view-doc';

const MEDIA_TYPES =
  /^(image-file|images\/separated|video-file|audio-file|html-file|object3D-file|molecule-file|plotly-file|bokeh-file|graph-file)$/;

/** How many runs are looked at for a value of the metric: the first that has one decides. */
export const KINDS_FROM = 200;

/**
 * The kind that shows a metric by itself, or null for one that nothing shows: it is hidden, or no run in sight says
 * what it holds. The list of metrics knows numbers and text; what else there is stands in the runs' summaries.
 */
export function panelKindOf(metric: Metric, runs: readonly Run[]): PanelKind | null {
  if (metric.hidden) return null;
  if (metric.kind === 'number') return 'line';
  if (metric.space !== 'history') return null;
  for (const run of runs.slice(0, KINDS_FROM)) {
    const kind = kindOfValue(valueAt(run.summary, metric.path));
    if (kind !== null) return kind;
  }
  return metric.kind === 'text' ? 'text' : null;
}

/** The kind that shows a logged value that is no number; null for one that is shown by none. */
export function kindOfValue(value: Json | undefined): PanelKind | null {
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return value.length > 0 ? kindOfValue(value[0]) : null;
  if (typeof value !== 'object' || value === null) return null;
  const type = value._type === 'omitted' ? value.was : value._type;
  if (typeof type !== 'string') return null;
  if (type === 'histogram') return 'histogram';
  if (type === 'table-file' || type === 'incremental-table-file') return 'table';
  return MEDIA_TYPES.test(type) ? 'media' : null;
}

/** Metrics that a kind of panel can show, as they are listed. */
export function metricsFor(kind: PanelKind, metrics: readonly Metric[], runs: readonly Run[]): Metric[] {
  return metrics.filter((metric) => panelKindOf(metric, runs) === kind);
}

/** The kinds of all metrics that are no numbers, as a text: it stays the same while runs log more of the same. */
export function otherKinds(metrics: readonly Metric[], runs: readonly Run[]): string {
  const found: Record<string, PanelKind> = {};
  for (const metric of metrics) {
    if (metric.kind === 'number' || metric.space !== 'history') continue;
    const kind = panelKindOf(metric, runs);
    if (kind !== null) found[metric.path] = kind;
  }
  return JSON.stringify(found);
}

export function otherKindIn(kinds: string): (metric: Metric) => PanelKind | null {
  const known = JSON.parse(kinds) as Record<string, PanelKind>;
  return (metric) => (metric.space === 'history' && Object.hasOwn(known, metric.path) ? known[metric.path]! : null);
}
