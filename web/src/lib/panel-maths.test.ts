// What panels compute, against slow and plain ways to compute the same.
import { describe, expect, it } from 'vitest';
import { FOREST_DEFAULT, importances, rankCorrelation, ranks, type Feature, type Importance } from './forest';
import { massOf, quantileOf, rebinned, spanOf, type Bins } from './histograms';
import { choiceOf, flagOf, mapOf, numberOf, textOf, textsOf } from './options';
import { paretoFront, type Goal } from './pareto';
import { seeded, shuffle } from './random';
import { boxOf, intervalOf } from './spread';

const CASES = 200;
const whole = (random: () => number, below: number): number => Math.floor(random() * below);

function each(claim: (random: () => number, seed: number) => void): void {
  for (let seed = 0; seed < CASES; seed += 1) claim(seeded(seed), seed);
}

describe('random', () => {
  it('is the same for a seed, spread over the unit, and shuffles to the same items', () => {
    const values = Array.from({ length: 4000 }, seeded(7));
    expect(Array.from({ length: 4000 }, seeded(7))).toEqual(values);
    const tenths = new Array<number>(10).fill(0);
    for (const value of values) tenths[Math.floor(value * 10)]! += 1;
    expect(Math.min(...tenths)).toBeGreaterThan(330);
    expect(Math.max(...tenths)).toBeLessThan(470);
    each((random) => {
      const items = Array.from({ length: whole(random, 20) }, (_, i) => i);
      const mixed = [...items];
      shuffle(mixed, random);
      expect([...mixed].sort((a, b) => a - b)).toEqual(items);
    });
  });
});

describe('spread', () => {
  it('cuts where a quarter of the values lie, and leaves out what is far', () => {
    each((random) => {
      const values = Array.from({ length: 1 + whole(random, 30) }, () => whole(random, 40) - 20);
      const box = boxOf(values)!;
      const below = (cut: number) => values.filter((value) => value < cut).length;
      const above = (cut: number) => values.filter((value) => value > cut).length;
      for (const [cut, share] of [
        [box.q1, 0.25],
        [box.median, 0.5],
        [box.q3, 0.75],
      ] as const) {
        expect(below(cut)).toBeLessThanOrEqual((values.length - 1) * share + 1e-9 + 1);
        expect(above(cut)).toBeLessThanOrEqual((values.length - 1) * (1 - share) + 1e-9 + 1);
      }
      const room = 1.5 * (box.q3 - box.q1);
      const far = values.flatMap((value, at) => (value < box.q1 - room || value > box.q3 + room ? [at] : []));
      expect(box.outliers).toEqual(far);
      const near = values.filter((_, at) => !far.includes(at));
      expect([box.low, box.high]).toEqual([Math.min(...near), Math.max(...near)]);
      expect(box.n).toBe(values.length);
    });
    expect(boxOf([1, 2, 3, 4, 100])).toMatchObject({ q1: 2, median: 3, q3: 4, low: 1, high: 4, outliers: [4] });
    expect(boxOf([])).toBeNull();
  });

  it('reaches as far as asked', () => {
    expect(intervalOf([1, 3], 'range')).toEqual({ n: 2, mean: 2, low: 1, high: 3 });
    expect(intervalOf([1, 3], 'std')).toMatchObject({ low: 2 - Math.SQRT2, high: 2 + Math.SQRT2 });
    expect(intervalOf([1, 3], 'se')).toMatchObject({ low: 1, high: 3 });
    expect(intervalOf([5], 'ci95')).toEqual({ n: 1, mean: 5, low: 5, high: 5 });
    expect(intervalOf([], 'none')).toBeNull();
  });
});

describe('pareto', () => {
  it('finds what a look at every pair finds', () => {
    each((random) => {
      const n = whole(random, 25);
      const cell = () => (random() < 0.1 ? NaN : whole(random, 8));
      const [x, y] = [Array.from({ length: n }, cell), Array.from({ length: n }, cell)];
      const goals: Goal[] = [random() < 0.5 ? 'min' : 'max', random() < 0.5 ? 'min' : 'max'];
      const cost = (i: number): [number, number] => [
        goals[0] === 'min' ? x[i]! : -x[i]!,
        goals[1] === 'min' ? y[i]! : -y[i]!,
      ];
      const isBeaten = (i: number) =>
        x.some((_, j) => {
          const [a, b] = [cost(i), cost(j)];
          return b[0] <= a[0] && b[1] <= a[1] && (b[0] < a[0] || b[1] < a[1]);
        });
      const plain = x.flatMap((_, i) => (Number.isNaN(x[i]!) || Number.isNaN(y[i]!) || isBeaten(i) ? [] : [i]));
      const found = paretoFront(x, y, goals[0]!, goals[1]!);
      expect([...found].sort((a, b) => a - b)).toEqual(plain);
      const costs = found.map((at) => cost(at)[0]);
      expect(costs).toEqual([...costs].sort((a, b) => a - b));
    });
  });
});

function run(features: readonly Feature[], target: Float64Array, seed = 1): Importance {
  const work = importances(features, target, { ...FOREST_DEFAULT, trees: 30, seed });
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    expect(step.value).toBeGreaterThanOrEqual(0);
    expect(step.value).toBeLessThan(1);
  }
}

describe('forest', () => {
  const n = 120;
  const column = (random: () => number) => Float64Array.from({ length: n }, random);

  it('finds what the target is made of, in order, and nothing in noise', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const random = seeded(seed);
      const columns = Array.from({ length: 6 }, () => column(random));
      const features = columns.map((one, at) => ({ name: `f${at}`, columns: [one] }));
      const target = Float64Array.from({ length: n }, (_, i) => 4 * columns[3]![i]! + Math.sin(6 * columns[1]![i]!));
      const { importance, explained } = run(features, target, seed);
      const order = [...importance.keys()].sort((a, b) => importance[b]! - importance[a]!);
      expect(order.slice(0, 2)).toEqual([3, 1]);
      expect(explained).toBeGreaterThan(0.6);
      for (const at of [0, 2, 4, 5]) expect(Math.abs(importance[at]!)).toBeLessThan(0.15 * importance[3]!);
    }
  });

  it('counts the columns of a category as one feature, and sees what goes up and then down', () => {
    const random = seeded(3);
    const kinds = Array.from({ length: n }, () => whole(random, 3));
    const category = [0, 1, 2].map((kind) => Float64Array.from(kinds, (one) => (one === kind ? 1 : 0)));
    const valley = column(random);
    const target = Float64Array.from(kinds, (kind, i) => [0, 5, 1][kind]! + 8 * (valley[i]! - 0.5) ** 2);
    const features = [
      { name: 'noise', columns: [column(random)] },
      { name: 'kind', columns: category },
      { name: 'valley', columns: [valley] },
    ];
    const { importance } = run(features, target);
    expect(importance[1]!).toBeGreaterThan(importance[2]!);
    expect(importance[2]!).toBeGreaterThan(importance[0]! + 0.02);
    expect(Math.abs(rankCorrelation(valley, target)!)).toBeLessThan(0.3);
  });

  it('says the same twice, and nothing of a target that never changes or of no features', () => {
    const random = seeded(9);
    const features = [{ name: 'a', columns: [column(random)] }];
    const target = column(random);
    expect(run(features, target)).toEqual(run(features, target));
    expect(run(features, new Float64Array(n).fill(2)).importance).toEqual(new Float64Array(1));
    expect(run([], target).explained).toBe(0);
  });
});

describe('ranks', () => {
  it('share the middle where values are equal, and correlate as their order does', () => {
    expect([...ranks([10, 20, 10, 5])]).toEqual([2.5, 4, 2.5, 1]);
    each((random) => {
      const values = Array.from({ length: 2 + whole(random, 20) }, () => whole(random, 9));
      const plain = values.map(
        (value) => values.filter((one) => one < value).length + (values.filter((one) => one === value).length + 1) / 2,
      );
      expect([...ranks(values)]).toEqual(plain);
      if (new Set(values).size > 1) {
        expect(rankCorrelation(values, values.map((value) => value ** 3))).toBeCloseTo(1, 12);
        expect(rankCorrelation(values, values.map((value) => -Math.exp(value)))).toBeCloseTo(-1, 12);
      }
    });
    expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBeNull();
  });
});

describe('histograms', () => {
  it('keep every count in other bins, whatever their edges', () => {
    each((random) => {
      const size = 1 + whole(random, 12);
      const edges = Array.from({ length: size + 1 }, () => whole(random, 30) - 15).sort((a, b) => a - b);
      const bins: Bins = { edges, counts: Array.from({ length: size }, () => whole(random, 50)) };
      const other: Bins = { edges: [edges[0]! - random() * 3, edges.at(-1)! + random() * 3], counts: [1] };
      const { low, high } = spanOf([bins, other])!;
      const rows = 1 + whole(random, 40);
      const found = rebinned(bins, low, high, rows);
      expect(found.reduce((sum, one) => sum + one, 0)).toBeCloseTo(massOf(bins), 6);
      // Below any new edge lies what an even spread within the old bins has below it.
      const width = (high - low || 1) / rows;
      let seen = 0;
      for (let at = 0; at < rows - 1; at += 1) {
        seen += found[at]!;
        const cut = low + (at + 1) * width;
        const below = bins.counts.reduce((sum, count, i) => {
          const [a, b] = [edges[i]!, edges[i + 1]!];
          return sum + count * (b > a ? Math.min(1, Math.max(0, (cut - a) / (b - a))) : a < cut ? 1 : 0);
        }, 0);
        if (!edges.some((edge) => Math.abs(edge - cut) < 1e-9)) expect(seen).toBeCloseTo(below, 6);
      }
      const middle = quantileOf(bins, 0.5);
      if (massOf(bins) > 0) {
        expect(middle).toBeGreaterThanOrEqual(edges[0]!);
        expect(middle).toBeLessThanOrEqual(edges.at(-1)!);
      }
    });
  });

  it('stand all in one bin where all values are one', () => {
    expect([...rebinned({ counts: [7], edges: [3, 3] }, 3, 3, 4)]).toEqual([7, 0, 0, 0]);
    expect(quantileOf({ counts: [0, 4], edges: [0, 1, 2] }, 0.5)).toBe(1.5);
    expect(spanOf([{ counts: [], edges: [] }])).toBeNull();
  });
});

it('options of any shape are read', () => {
  const options = { a: 'x', n: 2, f: true, list: ['p', 3, 'q'], map: { k: 1 }, bad: NaN };
  expect([textOf(options, 'a', ''), textOf(options, 'n', 'o')]).toEqual(['x', 'o']);
  expect([numberOf(options, 'n', 0), numberOf(options, 'bad', 5), numberOf(options, 'z', null)]).toEqual([2, 5, null]);
  expect([flagOf(options, 'f', false), flagOf(options, 'a', false)]).toEqual([true, false]);
  expect([choiceOf(options, 'a', ['x', 'y'], 'y'), choiceOf(options, 'n', ['x', 'y'], 'y')]).toEqual(['x', 'y']);
  expect([textsOf(options, 'list'), textsOf(options, 'a')]).toEqual([['p', 'q'], null]);
  expect([mapOf(options, 'map'), mapOf(options, 'list')]).toEqual([{ k: 1 }, {}]);
});
