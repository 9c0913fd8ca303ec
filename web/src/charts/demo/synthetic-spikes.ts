/** Noise between 1 and 2 with three one-step spikes to 9, as coarse as one likes. */

import { bucketedSeries } from '../../lib/fixtures';
import type { ChartLine } from '../types';
import { randomFrom } from './synthetic';

export const SPIKE = 9;

/** A quarter, half and three quarters of the way, each a little beside it. */
export function spikes(points: number): number[] {
  return [0.25, 0.5, 0.75].map((share) => Math.floor(points * share) + 7);
}

const made = new Map<number, { x: Float64Array; y: Float64Array }>();

function noise(points: number): { x: Float64Array; y: Float64Array } {
  let known = made.get(points);
  if (known === undefined) {
    const random = randomFrom(points);
    const x = Float64Array.from({ length: points }, (_, i) => i);
    known = { x, y: x.map(() => 1 + random()) };
    for (const step of spikes(points)) known.y[step] = SPIKE;
    made.set(points, known);
  }
  return known;
}

export function spikyLine(points: number, buckets: number, from: number, to: number): ChartLine {
  const { x, y } = noise(points);
  const data = bucketedSeries(x, y, buckets, 'run', from, to);
  return { key: 'spiky', subject: 'spiky', label: 'spiky', data, colour: 0 };
}
