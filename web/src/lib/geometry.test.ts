import { describe, expect, it } from 'vitest';
import { bucketedSeries, exactSeries } from './fixtures';
import {
  drawMode,
  envelopeLine,
  marks,
  meanLine,
  Path,
  plainLine,
  trace,
  whiskers,
} from './geometry';
import type { Polyline, Transform } from './geometry';
import type { SeriesData } from './series';

const N = 100_000;
const SPIKES = [
  { step: 20_011, value: 40 },
  { step: 52_003, value: -35 },
  { step: 83_207, value: 55 },
];

function noisy(): { x: Float64Array; y: Float64Array } {
  let state = 7;
  const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  const x = Float64Array.from({ length: N }, (_, i) => i);
  const y = x.map((i) => 2 * Math.exp(-i / 30_000) + 0.2 * (random() - 0.5));
  for (const { step, value } of SPIKES) y[step] = value;
  return { x, y };
}

/** A plot of 600 × 200 px with y from -60 to 60. */
function transform(xMin: number, xMax: number): Transform {
  const ax = 600 / (xMax - xMin);
  return { ax, bx: -ax * xMin, ay: -200 / 120, by: 100, xMin, xMax };
}

function draw(line: Polyline, view: Transform): Path {
  const path = new Path();
  trace(line, view, path);
  return path;
}

/** Whether the drawn vertices hold the point (x, y) of the data to within a pixel of x. */
function hasVertex(path: Path, view: Transform, x: number, y: number): boolean {
  const [px, py] = [view.ax * x + view.bx, view.ay * y + view.by];
  for (let i = 0; i < path.n; i += 1) {
    const near = Math.abs(path.xy[2 * i]! - px) <= 1 && Math.abs(path.xy[2 * i + 1]! - py) < 1e-2;
    if (near) return true;
  }
  return false;
}

/** The vertices and whisker tips that are on the screen for this series and view. */
function reachesSpike(data: SeriesData, view: Transform, step: number, value: number): boolean {
  const mode = drawMode(data, false, view.ax, view.xMin, view.xMax);
  if (mode === 'plain')
    return hasVertex(draw(plainLine(data, false, 'linear'), view), view, step, value);
  if (mode === 'envelope') {
    return hasVertex(draw(envelopeLine(data, false, 'linear'), view), view, step, value);
  }
  const found = whiskers(data, false, 'linear');
  return found.to.some((tip) => Math.abs(tip - value) < 1e-6);
}

describe('spikes (ui-spec 1.1, 5.1)', () => {
  const { x, y } = noisy();

  it.each([24, 40, 83, 150, 299, 300, 301, 400, 600, 1000, 2000, 5000, 20_000])(
    'all three of 100 000 points are drawn at %i buckets',
    (buckets) => {
      const data = bucketedSeries(x, y, buckets);
      for (const { step, value } of SPIKES) {
        expect(reachesSpike(data, transform(0, N), step, value)).toBe(true);
      }
    },
  );

  it('they are drawn when every point is', () => {
    const data = exactSeries(x, y);
    const path = draw(plainLine(data, false, 'linear'), transform(0, N));
    for (const { step, value } of SPIKES) {
      expect(hasVertex(path, transform(0, N), step, value)).toBe(true);
    }
    // 167 points a pixel column are merged into four at most.
    expect(path.n).toBeLessThanOrEqual(4 * 601);
  });

  it('they are drawn at every zoom that shows them', () => {
    for (const buckets of [83, 600, 5000]) {
      const data = bucketedSeries(x, y, buckets);
      for (const { step, value } of SPIKES) {
        for (let span = N; span > 20; span /= 3) {
          const view = transform(step - span * 0.37, step + span * 0.63);
          expect(reachesSpike(data, view, step, value)).toBe(true);
        }
      }
    }
  });

  it('the view asked for anew at every zoom level shows them', () => {
    const { step, value } = SPIKES[1]!;
    for (let span = N; span > 20; span /= 4) {
      const [low, high] = [Math.max(0, step - span / 2), Math.min(N - 1, step + span / 2)];
      const data = bucketedSeries(x, y, 400, 'run', low, high);
      expect(reachesSpike(data, transform(low, high), step, value)).toBe(true);
    }
  });
});

describe('drawMode', () => {
  const { x, y } = noisy();

  it('joins extremes from one bucket per 2 px on, draws the mean below', () => {
    const perPx = 600 / N;
    expect(drawMode(bucketedSeries(x, y, 310), false, perPx, 0, N)).toBe('envelope');
    expect(drawMode(bucketedSeries(x, y, 290), false, perPx, 0, N)).toBe('mean');
    expect(drawMode(exactSeries(x, y), false, perPx, 0, N)).toBe('plain');
  });

  it('goes by the visible buckets: zooming into old data makes them sparse', () => {
    const data = bucketedSeries(x, y, 600);
    expect(drawMode(data, false, 600 / N, 0, N)).toBe('envelope');
    expect(drawMode(data, false, 6000 / N, 0, N / 10)).toBe('mean');
  });
});

describe('polylines', () => {
  it('an exact series on linear axes is drawn from its own columns', () => {
    const data = exactSeries([0, 1, 2], [5, 6, 7]);
    const line = plainLine(data, false, 'linear');
    expect(line.x).toBe(data.x);
    expect(line.y).toBe(data.first);
  });

  it('an envelope visits first, min, max and last in x order and repeats none', () => {
    const data = bucketedSeries([0, 1, 2, 3, 4, 5, 6, 7], [5, 1, 9, 6, 3, 3, 3, 3], 2);
    const line = envelopeLine(data, false, 'linear');
    expect([...line.x]).toEqual([0, 1, 2, 3, 4, 7]);
    expect([...line.y]).toEqual([5, 1, 9, 6, 3, 3]);
  });

  it('the mean stands at the middle of its points', () => {
    const data = bucketedSeries([0, 1, 2, 3], [1, 2, 3, 4], 2);
    expect([...meanLine(data, false, 'linear').x]).toEqual([0.5, 2.5]);
    expect([...meanLine(data, false, 'linear').y]).toEqual([1.5, 3.5]);
  });

  it('log axes leave out what they cannot show', () => {
    const line = plainLine(exactSeries([0, 1, 10], [1, 0, 100]), true, 'log');
    expect([...line.x]).toEqual([NaN, 0, 1]);
    expect([...line.y]).toEqual([0, NaN, 2]);
  });
});

describe('trace', () => {
  const view = transform(0, 600);

  it('breaks at NaN and marks a lone point', () => {
    const path = draw(
      plainLine(exactSeries([0, 100, 200, 300], [1, NaN, 2, NaN]), false, 'linear'),
      view,
    );
    expect(path.starts).toEqual([0, 1]);
    expect(path.n).toBe(2);
    expect(path.dots).toHaveLength(4);
  });

  it('dots a hole longer than 20 median spacings', () => {
    const x = [
      ...Array.from({ length: 50 }, (_, i) => i),
      ...Array.from({ length: 50 }, (_, i) => 100 + i),
    ];
    const path = draw(
      plainLine(
        exactSeries(
          x,
          x.map(() => 1),
        ),
        false,
        'linear',
      ),
      view,
    );
    expect(path.starts).toHaveLength(2);
    expect(path.dotted.map((value, i) => (i % 2 === 0 ? Math.round(value) : 0))).toEqual([
      49, 0, 100, 0,
    ]);
  });

  it('a metric logged every 10 steps has no holes', () => {
    const x = Array.from({ length: 60 }, (_, i) => i * 10);
    expect(draw(plainLine(exactSeries(x, x), false, 'linear'), view).dotted).toEqual([]);
  });

  it('keeps one vertex on either side of the view, near enough for a canvas', () => {
    const data = exactSeries([-1e9, 300, 1e9], [0, 10, 0]);
    const path = draw(plainLine(data, false, 'linear'), view);
    expect(path.n).toBe(3);
    for (let i = 0; i < path.n; i += 1) expect(Math.abs(path.xy[2 * i]!)).toBeLessThan(20_000);
    // The far end is moved along the line: the slope stays.
    expect(path.xy[1]).toBeCloseTo(view.ay * 10 + view.by, 2);
  });

  it('appends to a path and grows it', () => {
    const x = Float64Array.from({ length: 2000 }, (_, i) => i * 0.3);
    const line = plainLine(exactSeries(x, x.map(Math.sin)), false, 'linear');
    const path = new Path();
    trace(line, transform(0, 0.5), path);
    const before = path.n;
    trace(line, view, path);
    expect(path.n).toBeGreaterThan(before + 600);
    path.clear();
    expect(path.n).toBe(0);
  });
});

describe('marks (ui-spec 5.3)', () => {
  it('puts × where NaN happened, on the last finite value', () => {
    const found = marks(exactSeries([0, 1, 2, 3], [NaN, 4, NaN, NaN]), false, 'linear');
    expect([...found.nanX]).toEqual([0, 2, 3]);
    expect([...found.nanY]).toEqual([NaN, 4, 4]);
  });

  it('finds NaN and ±Inf inside buckets', () => {
    const y = [1, 2, NaN, 4, Infinity, 6, 7, -Infinity];
    const data = bucketedSeries([0, 1, 2, 3, 4, 5, 6, 7], y, 4);
    const found = marks(data, false, 'linear');
    expect([...found.nanX]).toEqual([2]);
    expect([...found.nanY]).toEqual([4]);
    expect([...found.pinfX]).toEqual([4]);
    expect([...found.ninfX]).toEqual([6]);
    expect(Math.max(...data.max)).toBe(7);
  });

  it('a NaN in 100 000 points is marked at every bucket count', () => {
    const { x, y } = noisy();
    y[43_210] = NaN;
    for (const buckets of [24, 83, 400, 1000]) {
      const found = marks(bucketedSeries(x, y, buckets), false, 'linear');
      expect(found.nanX).toHaveLength(1);
      expect(Math.abs(found.nanX[0]! - 43_210)).toBeLessThanOrEqual(N / buckets);
      expect(Number.isFinite(found.nanY[0]!)).toBe(true);
    }
  });

  it('counts what a log axis cannot show', () => {
    const found = marks(exactSeries([1, 2, 3, 4], [1, 0, -2, 4]), false, 'log');
    expect(found).toMatchObject({ below: 2, belowAtLeast: false });
    const bucketed = marks(bucketedSeries([1, 2, 3, 4], [1, 0, -2, -4], 2), false, 'log');
    expect(bucketed).toMatchObject({ below: 3, belowAtLeast: true });
  });
});
