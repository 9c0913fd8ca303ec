import { describe, expect, it } from 'vitest';
import type { Json, Metric, Run } from '../api/types';
import { kindOfValue, otherKindIn, otherKinds, panelKindOf } from './panel-kinds';
import { pathLabel } from './fields';
import { columnOf, headlinePath, isLessBetter, numberPaths, numbersOf, pathsOf, variedPaths } from './run-columns';

const metric = (path: string, kind: string, more: Partial<Metric> = {}): Metric => ({
  path,
  label: path,
  space: 'history',
  kind,
  runs: 1,
  first_us: 0,
  hidden: false,
  step_metric: null,
  goal: null,
  ...more,
});
const run = (config: Record<string, Json>, summary: Record<string, Json> = {}): Run =>
  ({
    id: 'r',
    name: 'r',
    state: 'finished',
    created_us: 3e6,
    runtime_us: 2e6,
    rows: 1,
    config,
    summary,
  }) as unknown as Run;

describe('the kind of a metric', () => {
  const runs = [
    run({}, {}),
    run(
      {},
      {
        picture: { _type: 'image-file', path: 'a' },
        many: [{ _type: 'image-file', path: 'a' }],
        cut: { _type: 'omitted', items: 4, was: 'histogram' },
        long: { _type: 'omitted', items: 900 },
        rows: { _type: 'table-file' },
        note: 'hello',
        odd: { _type: 'plot' },
        empty: [],
      },
    ),
  ];
  it('is that of the first value in sight', () => {
    const kinds = ['picture', 'many', 'cut', 'long', 'rows', 'odd', 'empty', 'nowhere'].map((path) =>
      panelKindOf(metric(path, 'other'), runs),
    );
    expect(kinds).toEqual(['media', 'media', 'histogram', null, 'table', null, null, null]);
    expect(panelKindOf(metric('note', 'text'), runs)).toBe('text');
    expect(panelKindOf(metric('gone', 'text'), runs)).toBe('text');
    expect(panelKindOf(metric('loss', 'number'), [])).toBe('line');
    expect(panelKindOf(metric('loss', 'number', { hidden: true }), [])).toBeNull();
    expect(panelKindOf(metric('cpu', 'text', { space: 'system' }), runs)).toBeNull();
    expect(kindOfValue(3)).toBeNull();
    const metrics = [metric('rows', 'other'), metric('loss', 'number'), metric('nowhere', 'other')];
    const kindOf = otherKindIn(otherKinds(metrics, runs));
    expect(metrics.map(kindOf)).toEqual(['table', null, null]);
    expect(kindOf(metric('toString', 'other'))).toBeNull();
  });
});

describe('columns', () => {
  const runs = [
    run(
      { lr: 0.1, model: { depth: 2, 'a.b': 1 }, opt: 'adam', flag: true, sizes: [1, 2] },
      { 'val/acc': 0.5, loss: 2 },
    ),
    run({ lr: 'NaN', model: { depth: 3 }, opt: 'sgd', flag: false }, { 'val/acc': 0.7, _step: 4 }),
    run({ lr: 0.3, model: { depth: 2 } }),
  ];
  it('are numbers where all are numbers, else categories in order', () => {
    expect([...numbersOf(runs, 'config.lr')]).toEqual([0.1, NaN, 0.3]);
    expect(columnOf(runs, 'config.lr').kind).toBe('number');
    expect(columnOf(runs, 'config.opt')).toEqual({
      kind: 'category',
      values: Int32Array.of(0, 1, -1),
      categories: ['adam', 'sgd'],
    });
    expect(columnOf(runs, 'config.flag')).toMatchObject({ categories: ['false', 'true'] });
    expect([...numbersOf(runs, 'config.flag')]).toEqual([1, 0, NaN]);
    expect([...numbersOf(runs, 'runtime')]).toEqual([2, 2, 2]);
  });
  it('are found by path, those that differ too', () => {
    expect(pathsOf(runs, 'config')).toEqual([
      'config.lr',
      'config.model.depth',
      'config.model.a\\.b',
      'config.opt',
      'config.flag',
      'config.sizes',
    ]);
    expect([...numbersOf(runs, 'config.model.a\\.b')]).toEqual([1, NaN, NaN]);
    expect(variedPaths([run({ a: 1, b: 2 }), run({ a: 1, b: 3 })])).toEqual(['config.b']);
    expect(numberPaths(runs).slice(0, 4)).toEqual(['summary.val/acc', 'summary.loss', 'summary._step', 'config.lr']);
    expect(pathLabel('config.model.a\\.b')).toBe('model.a.b');
  });
  it('name what a project is judged by, and in which direction', () => {
    expect(headlinePath(runs, [])).toBe('summary.val/acc');
    expect(headlinePath(runs, [metric('loss', 'number', { goal: 'minimize' })])).toBe('summary.loss');
    expect(headlinePath(runs, [metric('val/acc', 'number', { goal: 'maximize' })])).toBe('summary.val/acc');
    expect(headlinePath([run({})], [])).toBeNull();
    expect(isLessBetter('summary.val/loss', [])).toBe(true);
    expect(isLessBetter('summary.val/acc', [])).toBe(false);
    expect(isLessBetter('summary.loss', [metric('loss', 'number', { goal: 'maximize' })])).toBe(false);
  });
});
