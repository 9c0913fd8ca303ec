import { describe, expect, it } from 'vitest';
import type { Run } from '../api/types';
import { narrowed, tagFilter, valueFilter } from './filters';
import { common, groupLabel, groupRuns, parseGroup, spread } from './groups';

const run = (id: string, color: number, more: Partial<Run> = {}): Run =>
  ({ id, color, tags: [], group: '', config: {}, summary: {}, ...more }) as Run;

describe('groups of runs', () => {
  const runs = [
    run('a', 3, { config: { lr: 0.1, model: { depth: 2 } }, summary: { loss: 1 }, tags: ['x', 'y'] }),
    run('b', 1, { config: { lr: 0.3, model: { depth: 2 } }, summary: { loss: 2 } }),
    run('c', 0, { config: { lr: 0.1, model: { depth: 4 } }, summary: { loss: 'NaN' }, tags: ['x'] }),
    run('d', 2, { config: { lr: 0.1, model: { depth: 2 } }, summary: { loss: 3 } }),
  ];

  it('hold the runs with the same values, in the order of the list', () => {
    const groups = groupRuns(runs, ['config.lr']);
    expect(groups.map((group) => [group.values, group.members.map((one) => one.run.id), group.color])).toEqual([
      [['0.1'], ['a', 'c', 'd'], 0],
      [['0.3'], ['b'], 1],
    ]);
    expect(groups[0]?.filter).toBe('config.lr:0.1');
    expect(groups[0]?.members.map((one) => one.index)).toEqual([0, 2, 3]);
    expect(groupRuns(runs, ['config.lr', 'config.model.depth']).map((group) => group.values)).toEqual([
      ['0.1', '2'],
      ['0.3', '2'],
      ['0.1', '4'],
    ]);
  });

  it('put a run into the group of each of its tags, and one without any into its own', () => {
    const groups = groupRuns(runs, ['tags']);
    expect(groups.map((group) => [group.values[0], group.members.map((one) => one.run.id)])).toEqual([
      ['x', ['a', 'c']],
      ['y', ['a']],
      ['', ['b', 'd']],
    ]);
    expect(groups.map((group) => group.filter)).toEqual(['tags:x', 'tags:y', 'not tags:*']);
    expect(new Set(groups.map((group) => group.color)).size).toBe(3);
    expect(groupLabel(['tags'], [''], 'none')).toBe('tags: none');
  });

  it('say mean and deviation of what is a number, and how many that were', () => {
    expect(spread(runs, 'summary.loss')).toEqual({ n: 3, mean: 2, deviation: 1, min: 1, max: 3 });
    expect(spread(runs, 'summary.none')).toBeNull();
    expect(spread([runs[0] as Run], 'summary.loss')?.deviation).toBeNull();
    expect(common(runs, 'config.lr')).toEqual({ text: null, kinds: 2 });
    expect(common(runs.slice(2), 'config.lr').text).toBe('0.1');
  });

  it('are named in the address', () => {
    expect(parseGroup('config.lr,tags,config.lr')).toEqual(['config.lr', 'tags']);
    expect(parseGroup('a,b,c,d')).toHaveLength(3);
    expect(parseGroup(null)).toEqual([]);
  });
});

describe('filters from what was clicked', () => {
  it('quote what is no plain word', () => {
    expect(tagFilter('base line "x"')).toBe('tags:"base line \\"x\\""');
    expect(valueFilter('config.lr', 0.1)).toBe('config.lr:0.1');
    expect(valueFilter('config.a b', '*')).toBe('"config.a b":"*"');
    expect(valueFilter('config.on', true)).toBe('config.on:true');
    expect(valueFilter('config.x', [1])).toBeNull();
  });

  it('are added once', () => {
    expect(narrowed('', 'a:1')).toBe('a:1');
    expect(narrowed('b:2', 'a:1')).toBe('b:2 a:1');
    expect(narrowed('b:2 a:1', 'a:1')).toBe('b:2 a:1');
    expect(narrowed('b:2 or c:3', 'a:1')).toBe('(b:2 or c:3) a:1');
  });
});
