import { expect, it } from 'vitest';
import type { Run } from '../../api/types';
import { allColumns, automaticColumns, cellText, fieldColumn } from './columns';
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
  expect(fieldColumn('config.opt.name')).toMatchObject({ group: 'config', prefix: 'opt', label: 'name' });
  expect(fieldColumn('summary.val/loss')).toMatchObject({ group: 'summary', prefix: 'val', label: 'loss' });
  expect(fieldColumn('nonsense')).toBeNull();
});

it('shows by itself config that differs and headline metrics, not families or counters', () => {
  const runs = [run({ lr: 1, seed: 3, opt: { name: 'sgd' } }), run({ lr: 2, seed: 3, opt: { name: 'sgd' } })];
  expect(automaticColumns(allColumns(fields), runs)).toEqual([
    'state',
    'created',
    'runtime',
    'summary.train/loss',
    'summary.grad/w',
    'config.lr',
  ]);
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
