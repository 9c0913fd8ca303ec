import { describe, expect, it } from 'vitest';
import type { Metric, Run } from '../../api/types';
import { exactSeries } from '../../lib/fixtures';
import { seeded } from '../../lib/random';
import { smooth, type Smoothing } from '../../lib/smoothing';
import { VIEW_DEFAULT } from '../../state/view';
import { labelOf, legendEntries, toggled } from './legend';
import { linesOfGroups, linesOfRuns, type LineLook } from './lines';
import { lineOptionsOf } from './options';
import { groupShape, shapeFor, windowFor } from './questions';

const metric = (path: string, more: Partial<Metric> = {}): Metric => ({
  path,
  label: path,
  space: 'history',
  kind: 'number',
  runs: 1,
  first_us: 0,
  hidden: false,
  step_metric: null,
  goal: null,
  ...more,
});
const run = (id: string, more: object = {}) =>
  ({ id, name: `run ${id}`, color: 3, created_us: 5e6, config: { lr: 0.1 }, summary: {}, ...more }) as unknown as Run;
const LOOK: LineLook = {
  template: '',
  baseline: null,
  pins: [],
  colourOf: (one) => one.color,
  right: [],
  groupLabel: (label, runs) => `${label} (${runs})`,
  note: (contributors, all) => `${contributors}/${all}`,
};

describe('the range asked for', () => {
  const random = seeded(7);

  it('covers the zoom, its margin and the lead-in, and is at most three times as wide', () => {
    for (let i = 0; i < 2000; i += 1) {
      const span = 10 ** (8 * random() - 4);
      const from = (random() - 0.5) * 100 * span;
      const lead = random() < 0.5 ? 0 : span * random();
      const [low, high] = windowFor([from, from + span], lead, null);
      expect(low).toBeLessThanOrEqual(from - Math.max(lead, 0.25 * span));
      expect(high).toBeGreaterThanOrEqual(from + 1.2499 * span);
      expect(high - low).toBeLessThan(3 * span + lead);
    }
  });

  it('is asked for once while a pan stays within the margin, and comes back to known ranges', () => {
    const asked = new Set<string>();
    let held: readonly [number, number] | null = null;
    const pan = (from: number): void => {
      held = windowFor([from, from + 1000], 0, held);
      asked.add(held.join('..'));
    };
    for (let from = 5000; from < 8000; from += 10) pan(from);
    const once = asked.size;
    expect(once).toBeLessThan(12);
    for (let from = 8000; from > 5000; from -= 10) pan(from);
    expect(asked.size).toBeLessThan(2 * once);
    const widths = new Set([...asked].map((text) => Number(text.split('..')[1]) - Number(text.split('..')[0])));
    expect(widths.size).toBe(1);
  });

  it('is a finer one when somebody zooms in', () => {
    const held = windowFor([0, 1000], 0, null);
    const finer = windowFor([400, 600], 0, held);
    expect(finer[1] - finer[0]).toBeLessThan(600);
  });
});

describe('a question', () => {
  const sight = { width: 400, lines: 3, panels: 1, spacing: 1 };
  const options = lineOptionsOf({}, VIEW_DEFAULT);

  it('is of the declared step metric, another metric, or a clock', () => {
    const own = metric('loss', { step_metric: 'epoch' });
    expect(shapeFor(own, options, null, sight).x).toBe('epoch');
    expect(shapeFor(own, { ...options, x: 'tokens' }, null, sight).x).toBe('tokens');
    expect(shapeFor(own, { ...options, x: 'time' }, null, sight).x).toBe('_timestamp');
    expect(shapeFor(metric('gpu', { space: 'system' }), options, null, sight).x).toBe('_runtime');
    expect(shapeFor(own, { ...options, x: 'wall' }, [5, 9], sight)).toMatchObject({ x: '_elapsed' });
    expect(shapeFor(own, { ...options, x: 'wall' }, [5, 9], sight).range).not.toBeNull();
    expect(shapeFor(own, { ...options, x: 'relative' }, null, sight).x).toBe('_runtime');
  });

  it('has a lead-in of five time constants', () => {
    const smoothing: Smoothing = { kind: 'ema', weight: 0.999 };
    const { range } = shapeFor(metric('loss'), { ...options, smoothing }, [10_000, 10_100], sight);
    expect(range![0]).toBeLessThan(10_000 - 4990);
  });

  it('of groups smooths on the server, with the visible range only where it matters', () => {
    const shape = shapeFor(metric('loss'), options, null, sight);
    const groups = { by: ['config.lr'] };
    const ema = { ...options, smoothing: { kind: 'ema', weight: 0.9 } as const };
    expect(groupShape(shape, groups, ema, 50).smoothing).toMatchObject({ kind: 'ema', weight: 0.9, span: null });
    const wide = { ...options, smoothing: { kind: 'ema-time', weight: 0.9 } as const };
    expect(groupShape(shape, groups, wide, 50).smoothing).toMatchObject({ span: 50 });
    expect(groupShape(shape, groups, options, 50).smoothing).toBeNull();
  });
});

describe('options', () => {
  it('fall back to the page and ignore what makes no sense', () => {
    const view = { ...VIEW_DEFAULT, logY: true, clip: true, smoothing: { kind: 'ema', weight: 0.5 } as const };
    expect(lineOptionsOf({}, view)).toMatchObject({ yScale: 'log', outliers: 1, smoothing: view.smoothing });
    const own = { yScale: 'symlog', outliers: 40, smoothing: 'gaussian:2', yMin: 'no', right: ['a', 3] };
    expect(lineOptionsOf(own, view)).toMatchObject({ yScale: 'symlog', outliers: 5, yMin: null, right: ['a'] });
    expect(lineOptionsOf(own, view).smoothing).toEqual({ kind: 'gaussian', sigma: 2, percent: true });
    expect(lineOptionsOf({ outliers: 0 }, view).outliers).toBe(0);
    expect(lineOptionsOf({ smoothing: 'none' }, view).smoothing).toEqual({ kind: 'none' });
  });
});

describe('lines', () => {
  const data = exactSeries([100, 101], [1, 2], 'a');

  it('know baseline, pins, axes and labels', () => {
    const runs = [run('a'), run('b')];
    const series = [data, { ...data, run: 'b' }];
    const look = { ...LOOK, baseline: 'a', pins: ['b'], template: '{name} · lr {config.lr}', right: ['acc'] };
    const lines = linesOfRuns(
      [
        { path: 'loss', label: 'loss', series },
        { path: 'acc', label: 'acc', series },
      ],
      runs,
      look,
    );
    expect(lines.map(({ label }) => label)).toEqual([
      'run a · lr 0.1 · loss',
      'run b · lr 0.1 · loss',
      'run a · lr 0.1 · acc',
      'run b · lr 0.1 · acc',
    ]);
    expect(new Set(lines.map(({ key }) => key)).size).toBe(4);
    expect(lines.map(({ rank }) => rank)).toEqual(['baseline', 'pinned', 'baseline', 'pinned']);
    expect(lines.map(({ axis }) => axis)).toEqual(['left', 'left', 'right', 'right']);
    expect(lines[0]!.dash).toBeUndefined();
    expect(lines[2]!.dash).toBeDefined();
  });

  it('of forks say how far they are inherited', () => {
    const metrics = [{ path: 'loss', label: 'loss', series: [{ ...data, inherited: 100 }] }];
    const twins = ['a', 'b'].map((id) => run(id, { name: 'twin' }));
    expect(linesOfRuns(metrics, twins, LOOK).map((line) => line.label)).toEqual(['twin · a']);
    expect(linesOfRuns(metrics, [run('a')], LOOK)[0]!.inheritedTo).toBe(100);
  });

  it('of groups say how many stand behind them', () => {
    const contributors = Uint32Array.from([3, 2]);
    const group = { low: null, high: null, contributors, runs: 4, size: 3 };
    const groups = { list: [{ key: '[0.1]', label: 'lr: 0.1', colour: 2, runs: ['a'] }], line: 'mean', band: 'none' };
    const answer = [{ path: 'loss', label: 'loss', series: [{ ...data, run: '[0.1]', group }] }];
    const [line] = linesOfGroups(answer, groups as never, LOOK);
    expect(line).toMatchObject({ label: 'lr: 0.1 (4)', subject: '[0.1]', colour: 2, band: null });
    expect([...line!.thin!]).toEqual([0, 1]);
    expect(line!.note!(1)).toBe('2/3');
  });
});

describe('the legend', () => {
  it('fills its template, and says where a run has no such value', () => {
    expect(labelOf('', run('a'))).toBe('run a');
    expect(labelOf('{name}: {config.lr}, {config.none}', run('a'))).toBe('run a: 0.1, –');
    expect(labelOf('{ }', run('a'))).not.toBe('');
  });

  it('finds and sorts', () => {
    const entries = [
      { key: 'a', label: 'net-10', last: 1 },
      { key: 'b', label: 'net-9', last: NaN },
      { key: 'c', label: 'other', last: 5 },
    ];
    expect(legendEntries(entries, '', 'last').map(({ key }) => key)).toEqual(['c', 'a', 'b']);
    expect(legendEntries(entries, 'NET', 'name').map(({ key }) => key)).toEqual(['b', 'a']);
    expect(legendEntries(entries, '', 'list')).toHaveLength(3);
  });

  it('hides one, shows one alone, and all again', () => {
    const all = ['a', 'b', 'c'];
    expect([...toggled(new Set(), 'b', all, false)]).toEqual(['b']);
    const alone = toggled(new Set(['c']), 'b', all, true);
    expect([...alone].sort()).toEqual(['a', 'c']);
    expect([...toggled(alone, 'b', all, true)]).toEqual([]);
  });
});

it('smoothing a shifted series gives the shifted curve', () => {
  const random = seeded(3);
  const x = Float64Array.from({ length: 200 }, (_, i) => i + 1e9);
  const y = x.map(() => random());
  const moved = exactSeries(
    x.map((one) => one - 1e9),
    y,
  );
  for (const smoothing of [
    { kind: 'ema', weight: 0.9 },
    { kind: 'gaussian', sigma: 4 },
  ] as const) {
    const [one, other] = [exactSeries(x, y), moved].map((data) => smooth(data, smoothing, 200, false));
    one!.y.forEach((value, i) => expect(other!.y[i]).toBeCloseTo(value, 9));
  }
});
