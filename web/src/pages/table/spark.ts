// A series as a line of a few pixels. Pure.
import type { SeriesData } from '../../lib/series';

export const SPARK_WIDTH = 80;
export const SPARK_HEIGHT = 18;

/** An SVG path through the extremes of each bucket: a spike of one step stays in sight. */
export function sparkLine(series: SeriesData): string {
  const points: [number, number][] = [];
  for (let i = 0; i < series.n; i += 1) {
    const [low, high] = [series.min[i] as number, series.max[i] as number];
    if (!Number.isFinite(low) || !Number.isFinite(high)) continue;
    const x = series.x[i] as number;
    points.push([x, series.exact ? low : (series.first[i] as number)]);
    if (low !== high) points.push([x, low], [x, high], [x, series.last[i] as number]);
  }
  if (points.length === 0) return '';
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y).filter(Number.isFinite);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
  const place = ([x, y]: [number, number]) => {
    const across = right > left ? ((x - left) / (right - left)) * SPARK_WIDTH : SPARK_WIDTH / 2;
    const up = top > bottom ? (y - bottom) / (top - bottom) : 0.5;
    return `${round(across)} ${round(1 + (1 - up) * (SPARK_HEIGHT - 2))}`;
  };
  const finite = points.filter(([, y]) => Number.isFinite(y));
  if (finite.length === 1) return `M${place(finite[0] as [number, number])}h0.01`;
  return `M${finite.map(place).join('L')}`;
}

const round = (value: number) => Number(value.toFixed(1));
