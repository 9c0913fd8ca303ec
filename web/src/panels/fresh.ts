// What a new panel begins with: what it is about, so that its title says so. Loads with the first panel that is added.
import { KINDS_FROM, metricsFor } from '../state/panel-kinds';
import { pathLabel } from '../state/fields';
import type { ProjectSession } from '../state/project.svelte';
import { headlinePath } from '../state/run-columns';
import type { PanelKind } from '../state/view-doc';
import { scatterOptions } from './scatter/points';

/** Options of a new panel. */
export function freshOptions(kind: PanelKind, session: ProjectSession): Record<string, unknown> {
  if (kind === 'line') return { metrics: [] };
  const runs = session.runs.first(KINDS_FROM);
  const headline = headlinePath(runs, session.metrics);
  if (kind === 'scatter') {
    const { x, y } = scatterOptions({}, runs, session.metrics);
    return x !== null && y !== null ? { x, y } : {};
  }
  if (kind === 'histogram' || kind === 'media' || kind === 'table' || kind === 'text') {
    const [first] = metricsFor(kind, session.metrics, runs);
    return first ? { metric: first.path } : {};
  }
  if (headline === null) return {};
  if (kind === 'bar' || kind === 'box') return { path: headline };
  if (kind === 'number') return { metric: pathLabel(headline) };
  return kind === 'importance' ? { target: headline } : {};
}

/** Cells that a new panel is wide; undefined: one. */
export const freshWidth = (kind: PanelKind): number | undefined => (kind === 'parallel' ? 2 : undefined);
