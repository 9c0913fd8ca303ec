// Where a point stands on the axes that are not drawn: its step and the moment it was logged.
import { decode } from '../../lib/series';
import { formatX } from '../../lib/numbers';
import { postSeries } from '../../api/endpoints';
import type { Metric } from '../../api/types';
import type { ProjectSession } from '../../state/project.svelte';
import { chartWords } from '../../strings-charts';
import { isExpression } from './options';

export interface Point {
  space: Metric['space'];
  metric: string;
  run: string;
  /** What `x` is of, as the server calls it. */
  xKey: string;
  x: number;
}

/** An expression that has the value of an axis wherever the metric has a point, be that NaN. */
export function axisAt(axis: '_step' | '_timestamp', metric: string): string {
  return `= if(1, ${axis}, ${isExpression(metric) ? metric.slice(1).trim() : `\${${metric}}`})`;
}

/** Such as `step 1 240 · 14:03:12`, without what is on the axis itself. */
export async function placeOf(session: ProjectSession, point: Point, signal: AbortSignal): Promise<string> {
  const { space, metric, run, xKey, x } = point;
  const axes = (['_step', '_timestamp'] as const).filter(
    (axis) => axis !== xKey && (axis !== '_step' || space === 'history'),
  );
  if (axes.length === 0) return '';
  const metrics = axes.map((axis) => axisAt(axis, metric));
  const range = { x_min: x, x_max: x, buckets: 2, log_x: false };
  const answer = await postSeries(
    session.entity,
    session.project,
    { space, metrics, runs: [run], x: xKey, ...range },
    signal,
  );
  const found = decode(answer).series;
  const texts = axes.map((axis, i) => {
    const value = found.find((series) => series.metric === metrics[i])?.first[0];
    if (value === undefined || !Number.isFinite(value)) return '';
    return axis === '_step' ? chartWords.step(formatX('step', value)) : formatX('time', value);
  });
  return texts.filter((text) => text !== '').join(' · ');
}
