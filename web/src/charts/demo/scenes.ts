/** One scene for each thing a chart can show. */

import { bucketedSeries, exactSeries } from '../../lib/fixtures';
import type { SeriesData } from '../../lib/series';
import type { ChartLine, ChartOptions } from '../types';
import type { Range } from '../../lib/scales';
import { accuracy, loss, randomFrom } from './synthetic';
import type { Points } from './synthetic';

export interface Scene {
  readonly title: string;
  readonly about: string;
  readonly lines: ChartLine[];
  readonly options: Partial<ChartOptions>;
  /** Name of its reference picture in `tests/web/golden`. */
  readonly golden?: string;
  /** Finer buckets for a part of x, as a server would answer; absent for a fixed picture. */
  readonly ask?: (range: Range) => ChartLine[];
}

/** Every point of a scene, bucketed anew for each zoom. */
function answering(points: readonly Points[], buckets: number): Pick<Scene, 'lines' | 'ask'> {
  const between = (range?: Range): ChartLine[] =>
    points.map(({ x, y }, i) =>
      line(i, bucketedSeries(x, y, buckets, 'run', range?.min, range?.max)),
    );
  return { lines: between(), ask: between };
}

function line(index: number, data: SeriesData, more: Partial<ChartLine> = {}): ChartLine {
  const label = `run-${index + 1}`;
  return { key: label, subject: label, label, data, colour: index, ...more };
}

export function lossLines(
  runs: number,
  points: number,
  buckets: number,
  noise = 0.12,
): ChartLine[] {
  return Array.from({ length: runs }, (_, i) => {
    const { x, y } = loss(i, points, noise);
    return line(i, bucketedSeries(x, y, buckets));
  });
}

function spiky(): Points {
  const { x, y } = loss(3, 100_000, 0.1);
  y[20_011] = 3.4;
  y[52_003] = 4.1;
  y[83_207] = 0.01;
  return { x, y };
}

function broken(): ChartLine[] {
  const one = loss(4, 4000);
  for (let i = 2500; i < 2812; i += 1) one.y[i] = NaN;
  const two = loss(8, 4000);
  for (let i = 3100; i < 4000; i += 1) two.y[i] = NaN;
  const three = loss(12, 4000);
  three.y[1200] = Infinity;
  three.y[1900] = -Infinity;
  return [one, two, three].map(({ x, y }, i) => line(i, bucketedSeries(x, y, 250)));
}

function withZeros(): ChartLine[] {
  const random = randomFrom(2);
  const x = Float64Array.from({ length: 300 }, (_, i) => i);
  const y = x.map((i) => (i % 37 === 0 ? 0 : Math.exp(-i / 30) * (0.6 + random())));
  const other = loss(2, 300);
  return [line(0, exactSeries(x, y)), line(1, exactSeries(other.x, other.y))];
}

function holes(): ChartLine[] {
  return [5, 6].map((seed, i) => {
    const { x, y } = loss(seed, 3000);
    const kept = Array.from(x.keys()).filter((k) => k < 900 + i * 400 || k > 1500 + i * 300);
    return line(
      i,
      exactSeries(
        kept.map((k) => k * 7.3),
        kept.map((k) => y[k]!),
      ),
    );
  });
}

function sparse(): ChartLine[] {
  return [
    ...[1, 2, 3].map((seed, i) => {
      const { x, y } = accuracy(seed, 12, 0.06);
      return line(
        i,
        exactSeries(
          x.map((step) => step * 1000),
          y,
        ),
      );
    }),
    line(3, exactSeries([6500], [0.5])),
  ];
}

function wallClock(): ChartLine[] {
  const start = Date.UTC(2026, 10, 21, 19, 20) / 1000;
  return [1, 2, 3].map((seed, i) => {
    const { x, y } = accuracy(seed, 1500, 0.04);
    return line(
      i,
      bucketedSeries(
        x.map((k) => start + k * 31 + i * 5000),
        y,
        300,
      ),
    );
  });
}

function important(): ChartLine[] {
  return Array.from({ length: 24 }, (_, i) => {
    const { x, y } = accuracy(i, 2000, 0.015);
    const rank = i === 3 ? 'baseline' : i === 7 ? 'pinned' : 'normal';
    return line(i, bucketedSeries(x, y, 300), { rank });
  });
}

/** Means of five runs with their standard deviation; two of the five are shorter. */
function grouped(): ChartLine[] {
  return [0, 1, 2].map((group) => {
    const members = Array.from({ length: 5 }, (_, i) => accuracy(group * 3 + i + 20, i < 2 ? 80 : 120, 0.05).y);
    const x = Float64Array.from({ length: 120 }, (_, k) => k * 50);
    const there = x.map((_, k) => members.filter((y) => k < y.length).length);
    const mean = x.map((_, k) => sumAt(members, k) / there[k]! - group * 0.08);
    const reach = x.map((_, k) => {
      const squares = members.filter((y) => k < y.length).map((y) => (y[k]! - group * 0.08 - mean[k]!) ** 2);
      return Math.sqrt(squares.reduce((a, b) => a + b, 0) / (squares.length - 1));
    });
    return line(group, exactSeries(x, mean), {
      band: { low: mean.map((y, k) => y - reach[k]!), high: mean.map((y, k) => y + reach[k]!) },
      thin: Uint8Array.from(there, (count) => (count < 5 ? 1 : 0)),
      label: `lr 1e-${group + 2}`,
      note: (bucket) => `n = ${there[bucket]} of 5`,
    });
  });
}

function sumAt(columns: readonly Float64Array[], k: number): number {
  return columns.reduce((sum, y) => sum + (y[k] ?? 0), 0);
}

function outliers(): ChartLine[] {
  const { x, y } = loss(5, 4000, 0.2);
  for (const step of [900, 1700, 1740, 3100]) y[step] = 60 + step / 100;
  return [line(0, bucketedSeries(x, y, 400))];
}

function constant(): ChartLine[] {
  const x = Float64Array.from({ length: 500 }, (_, i) => i * 4000);
  return [
    line(
      0,
      exactSeries(
        x,
        x.map(() => 0.0003),
      ),
    ),
  ];
}

/** Rewards around zero that now and then leave it by decades, in both directions. */
function bothSigns(): ChartLine[] {
  return [0, 1].map((seed) => {
    const random = randomFrom(seed + 40);
    const x = Float64Array.from({ length: 600 }, (_, i) => i * 10);
    const y = x.map((at, i) => {
      const size = 10 ** (4 * random() - 1) * (at > 3000 ? 5 : 1);
      return (random() > 0.45 ? 1 : -1) * (i % 7 === 0 ? size * 30 : size);
    });
    return line(seed, exactSeries(x, y));
  });
}

function twoAxes(): ChartLine[] {
  const [falling, rising] = [loss(7, 2000, 0.1), accuracy(7, 2000, 0.02)];
  return [
    line(0, bucketedSeries(falling.x, falling.y, 300), { label: 'loss' }),
    line(1, bucketedSeries(rising.x, rising.y.map((y) => y * 100), 300), {
      label: 'accuracy, %',
      axis: 'right',
    }),
  ];
}

function forks(): ChartLine[] {
  const parent = loss(11, 2000, 0.03);
  return [0, 900, 1300].map((from, i) => {
    const own = loss(11 + i, 2000, 0.03);
    const gap = parent.y[from]! - own.y[from]!;
    const y = own.y.map((value, k) =>
      k < from ? parent.y[k]! : value + gap * Math.exp(-(k - from) / 200),
    );
    return line(i * 2, bucketedSeries(own.x, y, 300), { inheritedTo: from });
  });
}

/** One of each hue and dash: thirty lines that stay apart. */
function thirty(): ChartLine[] {
  return Array.from({ length: 30 }, (_, i) => {
    const x = Float64Array.from({ length: 60 }, (_, k) => k);
    const y = x.map((k) => 30 - i + 0.8 * Math.sin(k / 9 + i / 3));
    return line(i, exactSeries(x, y));
  });
}

export function scenes(): Scene[] {
  const smoothing = { kind: 'ema', weight: 0.98 } as const;
  return [
    {
      title: 'train/loss',
      about: '5 runs, 200 000 steps',
      ...answering(
        [0, 1, 2, 3, 4].map((seed) => loss(seed, 200_000, 0.16)),
        512,
      ),
      options: {},
    },
    {
      title: 'train/loss',
      about: 'EMA 0.98',
      lines: lossLines(5, 20_000, 512, 0.3),
      options: { smoothing },
    },
    {
      title: 'train/loss',
      about: '100 runs, 83 buckets',
      lines: lossLines(100, 10_000, 83, 0.05),
      options: {},
    },
    {
      title: 'train/grad_norm',
      about: 'three one-step spikes in 100 000',
      golden: 'spikes',
      ...answering([spiky()], 120),
      options: {},
    },
    { title: 'train/loss', about: 'NaN and \u00b1Inf', golden: 'lost', lines: broken(), options: {} },
    { title: 'train/loss', about: 'log y, zeros',
      golden: 'log-zeros', lines: withZeros(), options: { yScale: 'log' } },
    {
      title: 'train/loss',
      about: 'relative time, holes',
      golden: 'holes',
      lines: holes(),
      options: { xKind: 'duration', xLabel: 'time' },
    },
    { title: 'val/acc', about: 'few points', lines: sparse(), options: {} },
    {
      title: 'val/acc',
      about: 'wall clock',
      golden: 'time',
      lines: wallClock(),
      options: { xKind: 'time', xLabel: '' },
    },
    { title: 'val/acc', about: 'baseline and pinned among 24', lines: important(), options: {} },
    { title: 'val/acc', about: 'groups of 5, standard deviation',
      golden: 'bands', lines: grouped(), options: {} },
    {
      title: 'train/loss',
      about: 'log x, log y',
      lines: lossLines(4, 50_000, 400, 0.1),
      options: { xScale: 'log', yScale: 'log' },
    },
    {
      title: 'train/loss',
      about: 'outliers left out',
      golden: 'outliers',
      lines: outliers(),
      options: { outlierPercent: 1 },
    },
    { title: 'optimizer/lr', about: 'constant', lines: constant(), options: {} },
    {
      title: 'env/reward',
      about: 'symlog y',
      golden: 'symlog',
      lines: bothSigns(),
      options: { yScale: 'symlog' },
    },
    { title: 'train', about: 'loss left, accuracy right',
      golden: 'two-axes', lines: twoAxes(), options: {} },
    { title: 'train/loss', about: 'forks, inherited part thinner', lines: forks(), options: {} },
    { title: 'val/acc', about: 'thirty runs',
      golden: 'dashes', lines: thirty(), options: {} },
    {
      title: 'train/loss',
      about: '1 200 runs as shading',
      lines: lossLines(1200, 2000, 48, 0.2),
      options: { density: true },
    },
  ];
}
