// Series of runs and groups as the lines of a chart. Pure.
import type { Run } from '../../api/types';
import type { ChartLine } from '../../charts';
import type { SeriesData } from '../../lib/series';
import type { LineGroups } from '../../state/groups';
import { distinctLabels } from './legend';

/** Several metrics in one panel have the colours of their runs, and are told apart by dashes. */
const METRIC_DASHES: readonly (readonly number[] | undefined)[] = [undefined, [6, 3], [2, 2], [10, 3, 2, 3]];

/** One metric's answer. */
export interface MetricSeries {
  path: string;
  label: string;
  series: readonly SeriesData[];
}

export interface LineLook {
  template: string;
  baseline: string | null;
  pins: readonly string[];
  colourOf: (run: Run) => number | string;
  /** Metrics on the right axis. */
  right: readonly string[];
  groupLabel: (label: string, runs: number) => string;
  note: (contributors: number, all: number) => string;
}

export function linesOfRuns(metrics: readonly MetricSeries[], runs: readonly Run[], look: LineLook): ChartLine[] {
  const byRun = new Map(runs.map((run) => [run.id, run]));
  const pinned = new Set(look.pins);
  const nameOf = distinctLabels(runs, look.template);
  return metrics.flatMap(({ path, label, series }, at) => {
    const lines: ChartLine[] = [];
    for (const data of series) {
      const run = byRun.get(data.run);
      if (run === undefined) continue;
      const name = nameOf(run);
      lines.push({
        key: metrics.length === 1 ? run.id : `${path}|${run.id}`,
        subject: run.id,
        label: metrics.length === 1 ? name : runs.length === 1 ? label : `${name} · ${label}`,
        data,
        colour: runs.length === 1 && at > 0 ? (run.color + at) % 30 : look.colourOf(run),
        ...dashOf(at, runs.length),
        ...(data.inherited === undefined ? {} : { inheritedTo: data.inherited }),
        rank: run.id === look.baseline ? 'baseline' : pinned.has(run.id) ? 'pinned' : 'normal',
        axis: look.right.includes(path) ? 'right' : 'left',
      });
    }
    return lines;
  });
}

function dashOf(at: number, runs: number): { dash?: readonly number[] } {
  const dash = METRIC_DASHES[at % METRIC_DASHES.length];
  return dash === undefined || runs === 1 ? {} : { dash };
}

/** A group without a point of the metric is left out. */
export function linesOfGroups(metrics: readonly MetricSeries[], groups: LineGroups, look: LineLook): ChartLine[] {
  return metrics.flatMap(({ path, label, series }, at) => {
    const byKey = new Map(series.map((data) => [data.run, data]));
    const lines: ChartLine[] = [];
    for (const found of groups.list) {
      const data = byKey.get(found.key);
      if (data?.group === undefined) continue;
      const { contributors, low, high, size, runs } = data.group;
      const name = look.groupLabel(found.label, runs);
      lines.push({
        key: metrics.length === 1 ? found.key : `${path}|${found.key}`,
        subject: found.key,
        label: metrics.length === 1 ? name : `${name} · ${label}`,
        data,
        colour: found.colour,
        ...dashOf(at, groups.list.length),
        axis: look.right.includes(path) ? 'right' : 'left',
        band: low !== null && high !== null ? { low, high } : null,
        thin: thinOf(data, size),
        note: (bucket) => look.note(contributors[bucket] ?? 0, size),
      });
    }
    return lines;
  });
}

const thins = new WeakMap<SeriesData, Uint8Array>();

/** 1 where fewer than all contribute; the same array for the same answer, so that shapes made from it are kept. */
function thinOf(data: SeriesData, size: number): Uint8Array {
  let thin = thins.get(data);
  if (thin === undefined) {
    thin = Uint8Array.from(data.group!.contributors, (count) => (count < size ? 1 : 0));
    thins.set(data, thin);
  }
  return thin;
}
