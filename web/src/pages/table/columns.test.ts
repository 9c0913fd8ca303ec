import { expect, it } from 'vitest';
import type { Run } from '../../api/types';
import {
  allColumns,
  listFields,
  automaticColumns,
  cellText,
  columnOf,
  metricPath,
  prefixText,
  valueIn,
  type Column,
} from './columns';
import { fieldValue } from '../../state/fields';

const run = (config: Run['config'], summary: Run['summary'] = {}) =>
  ({
    id: 'x',
    name: 'x',
    state: 'finished',
    tags: ['a', 'b'],
    created_us: 0,
    runtime_us: 61e6,
    config,
    summary,
  }) as unknown as Run;

const fields = [
  ['config.lr', 'number'],
  ['config.seed', 'number'],
  ['config.opt.name', 'string'],
  ['summary.class/0', 'number'],
  ['summary.grad/w', 'number'],
  ['summary.train/loss', 'number'],
  ['summary._step', 'number'],
  ['summary.note', 'string'],
].map(([path, kind]) => ({ path, kind, runs: 2 }) as { path: string; kind: string; runs: number });

it('names columns by their key path', () => {
  const config = columnOf('config.opt.name') as Column;
  expect(config).toMatchObject({ group: 'config', keys: ['opt', 'name'], label: 'name' });
  expect(prefixText(config)).toBe('opt.');
  expect(columnOf('summary.val/loss')).toMatchObject({ group: 'summary', keys: ['val', 'loss'], metric: 'val/loss' });
  expect(columnOf(metricPath('val/a.b', 'min'))).toMatchObject({ keys: ['val', 'a.b', 'min'], metric: 'val/a.b' });
  expect(columnOf('spark.loss')).toMatchObject({ group: 'spark', metric: 'loss', number: false });
  for (const path of ['nonsense', 'metric.', 'metric.loss', 'config.', 'else.x', 'metric.at.loss'])
    expect(columnOf(path)).toBeNull();
});

it('reads what the server computed', () => {
  const path = metricPath('loss', 'min');
  const one = { ...run({}), values: { [path]: 0.5 } } as Run;
  expect(valueIn(one, columnOf(path) as Column)).toBe(0.5);
  expect(valueIn(run({}), columnOf(path) as Column)).toBeUndefined();
});

it('shows by itself config that differs and headline metrics, not families or counters', () => {
  const runs = [run({ lr: 1, seed: 3, opt: { name: 'sgd' } }), run({ lr: 2, seed: 3, opt: { name: 'sgd' } })];
  expect(automaticColumns(allColumns(fields), runs)).toEqual([
    'state',
    'created',
    'runtime',
    'config.lr',
    'summary.train/loss',
    'summary.grad/w',
  ]);
});

it('knows of lists and media, wherever they stand in the config', () => {
  const image = { _type: 'image-file', path: 'a.png' };
  const runs = [
    run({ layers: [1, 2], opt: { 'be.tas': [0.9], name: 'adam' } }, { sample: image, loss: 1, spread: { std: 1 } }),
    run({ layers: [3] }),
  ];
  const found = listFields(runs);
  expect(found.map(({ path, runs }) => [path, runs])).toEqual([
    ['config.layers', 2],
    ['config.opt.be\\.tas', 1],
    ['summary.sample', 1],
  ]);
  expect(found.map(({ path }) => fieldValue(runs[0] as Run, path))).toEqual([[1, 2], [0.9], image]);
});

it('reads cells', () => {
  const one = run({ lr: 0.1, opt: { name: 'sgd' } }, { 'train/loss': 'NaN' });
  expect(fieldValue(one, 'config.opt.name')).toBe('sgd');
  const text = (path: string) =>
    cellText(
      one,
      allColumns(fields).find((c) => c.path === path)!,
      0,
    );
  expect(text('summary.train/loss')).toBe('NaN');
  expect(text('runtime')).toBe('1m 01s');
  expect(text('tags')).toBe('a, b');
  expect(text('config.seed')).toBe('');
});
