/** Traces of plotly in space: surfaces, meshes, points and lines. */
import {
  channelsOf,
  colourAt,
  colourOf,
  coloursOf,
  listOf,
  numbers,
  scaleOf,
  tree,
  VIRIDIS,
  type Tree,
} from './plotly-values';
import type { Scene } from './scenes';

export const SPACE = new Set(['scatter3d', 'surface', 'mesh3d']);

export function sceneOf(traces: readonly Tree[]): Scene | null {
  const points: number[] = [];
  const colours: number[] = [];
  const triangles: number[] = [];
  const lines: number[] = [];
  const add = (x: number, y: number, z: number, colour: readonly number[]): number => {
    points.push(x, y, z);
    colours.push(colour[0]!, colour[1]!, colour[2]!);
    return points.length / 3 - 1;
  };
  for (const trace of traces) {
    if (trace.type === 'surface') {
      const rows = listOf(trace.z).map((row) => numbers(row));
      const flat = rows.flat().filter(Number.isFinite);
      if (flat.length === 0) continue;
      const low = flat.reduce((a, b) => Math.min(a, b));
      const high = flat.reduce((a, b) => Math.max(a, b));
      const stops = scaleOf(trace.colorscale) ?? VIRIDIS;
      const [xs, ys] = [listOf(trace.x), listOf(trace.y)];
      const at = (list: readonly unknown[], i: number, j: number, other: number): number => {
        const inner = list[i];
        const value = Array.isArray(inner) ? (inner as unknown[])[j] : list[other];
        return value === undefined ? other : Number(value);
      };
      const places = rows.map((row, i) =>
        row.map((z, j) =>
          add(at(xs, i, j, j), at(ys, i, j, i), z, channelsOf(colourAt(stops, (z - low) / (high - low || 1)))),
        ),
      );
      for (let i = 0; i + 1 < places.length; i += 1) {
        for (let j = 0; j + 1 < Math.min(places[i]!.length, places[i + 1]!.length); j += 1) {
          const [a, b, c, d] = [places[i]![j]!, places[i]![j + 1]!, places[i + 1]![j]!, places[i + 1]![j + 1]!];
          triangles.push(a, b, c, b, d, c);
        }
      }
      continue;
    }
    const [xs, ys, zs] = [numbers(trace.x), numbers(trace.y), numbers(trace.z)];
    const marker = tree(trace.marker);
    const each = coloursOf(marker.color ?? trace.intensity, marker.colorscale ?? trace.colorscale);
    const one = colourOf(marker.color) ?? colourOf(trace.color) ?? colourOf(tree(trace.line).color) ?? '#2f6bbc';
    const first = points.length / 3;
    xs.forEach((x, i) => add(x, ys[i] ?? 0, zs[i] ?? 0, channelsOf(each[i] ?? one)));
    if (trace.type === 'mesh3d') {
      const [i, j, k] = [numbers(trace.i), numbers(trace.j), numbers(trace.k)];
      i.forEach((a, at) => triangles.push(first + a, first + j[at]!, first + k[at]!));
    } else if (String(trace.mode ?? '').includes('lines')) {
      for (let i = 0; i + 1 < xs.length; i += 1) lines.push(first + i, first + i + 1);
    }
  }
  if (points.length === 0) return null;
  const size = triangles.length > 0 ? 0 : 2;
  return {
    points: Float32Array.from(points),
    colours: Uint8Array.from(colours),
    triangles: Uint32Array.from(triangles),
    lines: Uint32Array.from(lines),
    radii: null,
    size,
    labels: [],
    isFlat: true,
  };
}
