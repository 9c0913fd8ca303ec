// A series as a line so small that only its shape counts. Pure.
import type { SeriesData } from './series';

export interface SparkRange {
  min: number;
  max: number;
  from: number;
  to: number;
}

/** The finite points to draw; null is a gap. A bucket gives its extremes: a spike of one step stays in sight. */
function pointsOf(series: SeriesData): ([number, number] | null)[] {
  const points: ([number, number] | null)[] = [];
  for (let i = 0; i < series.n; i += 1) {
    const [low, high] = [series.min[i] as number, series.max[i] as number];
    if (!Number.isFinite(low) || !Number.isFinite(high)) {
      if (points.at(-1)) points.push(null);
      continue;
    }
    const x = series.x[i] as number;
    if (low === high) {
      points.push([x, low]);
      continue;
    }
    const at = (moved: Float32Array | null) => x + (moved?.[i] ?? 0);
    const extremes: [number, number][] = [
      [at(series.dxMin), low],
      [at(series.dxMax), high],
    ];
    if (at(series.dxMax) < at(series.dxMin)) extremes.reverse();
    const bucket: [number, number][] = [
      [x, series.first[i] as number],
      ...extremes,
      [at(series.dxLast), series.last[i] as number],
    ];
    points.push(...bucket.filter(([, y]) => Number.isFinite(y)));
  }
  return points;
}

/** What lines that are compared share. */
export function sparkRange(all: readonly SeriesData[]): SparkRange {
  const range = { min: Infinity, max: -Infinity, from: Infinity, to: -Infinity };
  for (const series of all) {
    for (const point of pointsOf(series)) {
      if (!point) continue;
      range.min = Math.min(range.min, point[1]);
      range.max = Math.max(range.max, point[1]);
      range.from = Math.min(range.from, point[0]);
      range.to = Math.max(range.to, point[0]);
    }
  }
  return range;
}

/** An SVG path in a box of this size, a pixel inside its upper and lower edge; "" where there is nothing to draw. */
export function sparkPath(series: SeriesData, width: number, height: number, range = sparkRange([series])): string {
  const [wide, tall] = [range.to - range.from, range.max - range.min];
  let path = '';
  let length = 0;
  // A point with a gap on either side is a dot.
  const end = () => (length === 1 ? 'h0.01' : '');
  for (const point of pointsOf(series)) {
    if (!point) {
      path += end();
      length = 0;
      continue;
    }
    const across = wide > 0 ? (point[0] - range.from) / wide : 0.5;
    const up = tall > 0 ? (point[1] - range.min) / tall : 0.5;
    path += `${length > 0 ? 'L' : 'M'}${round(across * width)} ${round(1 + (1 - up) * (height - 2))}`;
    length += 1;
  }
  return path + end();
}

const round = (value: number) => Number(value.toFixed(1));
