import { describe, expect, it } from 'vitest';
import type { Group } from '../api/table';
import { runColor, scaledColour } from '../lib/colours';
import { narrowed, tagFilter, valueFilter } from './filters';
import { parseFilter } from './filter-language';
import { GroupList } from './group-list.svelte';
import { groupLabel, groupShort, groupText, parseGroup, parted, runGroup } from './groups';
import { colourIn, domainOf } from './run-colours.svelte';

const group = (values: Group['values'], runs = 1, color = 0): Group => ({
  values,
  runs,
  color,
  states: {},
  members: [],
  columns: {},
});

describe('groups of runs', () => {
  it('are found again by a filter that the server reads', () => {
    const by = ['config.lr', 'tags', 'config.a b'];
    const made = runGroup(group([-0.5, null, 'x "y"']), by);
    expect(made.filter).toBe('config.lr:-0.5 not tags:* "config.a b":"x \\"y\\""');
    expect(parseFilter(made.filter)).not.toBeNull();
    expect(runGroup(group([null]), ['config.net']).filter).toBe('(not config.net:* or config.net:"")');
    expect(runGroup(group([null]), ['group']).filter).toBe('group:""');
    expect(runGroup(group(['1e5']), ['config.net']).filter).toBe('config.net:"1e5"');
    expect(runGroup(group([1e21]), ['config.lr']).filter).toBe('config.lr:1e+21');
    expect(made.values).toEqual(['−0.5', '', 'x "y"']);
    expect(groupLabel(by.slice(0, 2), made.values, 'none')).toBe('lr: −0.5 · tags: none');
    expect(groupShort(by.slice(0, 2), made.values, 'none')).toBe('−0.5 · none');
    expect(groupShort(by.slice(0, 1), made.values, 'none')).toBe('lr: −0.5');
  });

  it('have colours of their own', () => {
    const groups = [3, 3, 0].map((color, i) => runGroup(group([i], 1, color), ['config.lr']));
    expect(parted(groups).map((one) => one.color)).toEqual([3, 4, 0]);
    const many = Array.from({ length: 40 }, (_, i) => runGroup(group([i], 1, i * 10), ['config.lr']));
    const colours = parted(many).map((one) => one.color);
    expect(new Set(colours.slice(0, 10).map((colour) => colour % 10)).size).toBe(10);
    expect(new Set(colours.slice(0, 30).map((colour) => colour % 30)).size).toBe(30);
  });

  it('are named in the address', () => {
    expect(parseGroup('config.lr,tags,config.lr')).toEqual(['config.lr', 'tags']);
    expect(parseGroup('a,b,c,d')).toHaveLength(3);
    expect(parseGroup(null)).toEqual([]);
    expect(parseGroup(groupText(['config.a, b', 'config.x\\.y']))).toEqual(['config.a, b', 'config.x\\.y']);
  });

  it('are lines of a list, with what is open behind them', async () => {
    const asked: string[] = [];
    const values = ['a', 'b', 'c'];
    const fetch = (_entity: string, _project: string, query: { by: string; filter?: string }) => {
      asked.push(`${query.by} ${query.filter ?? ''}`.trim());
      const groups = values.map((value, i) => group([value], 10, i));
      return Promise.resolve({ total: 30, matching: 30, count: groups.length, groups });
    };
    const question = { filter: 'lr>1', sort: '', levels: [['group'], ['user']], columns: [], members: 0 };
    const list = new GroupList('ada', 'digits', question, 0, '', fetch as never);
    const settle = () => new Promise((resolve) => setTimeout(resolve));
    await settle();
    const name = (line: number) => {
      const found = list.lineAt(line);
      return found?.kind === 'group' ? `${found.depth}${found.group.values[0]}` : undefined;
    };
    expect(list.lines).toBe(3);
    list.fold(list.first[1] as never);
    list.fold(list.first[0] as never);
    await settle();
    expect(Array.from({ length: list.lines }, (_, line) => name(line))).toEqual([
      '0a',
      '1a',
      '1b',
      '1c',
      '0b',
      '1a',
      '1b',
      '1c',
      '0c',
    ]);
    expect(asked).toEqual(['group lr>1', 'user lr>1 group:b', 'user lr>1 group:a']);
    const inner = list.lineAt(5);
    expect(inner?.kind === 'group' && inner.group.key).toBe('["b"]["a"]');
    list.fold(list.first[0] as never);
    expect([list.lines, name(1), name(2)]).toEqual([6, '0b', '1a']);
    list.close();
  });
});

describe('colours by a key', () => {
  const kinds = [{ values: ['wide'] }, { values: ['deep'] }, { values: [null] }];
  const spread = { n: 2, mean: 2, std: 1, min: 1, max: 3 };

  it('are hues for kinds, in the order of first runs', () => {
    const domain = domainOf('config.net', [{ values: ['ada'], columns: { 'config.net': null } }], kinds);
    expect([colourIn(domain, 'wide'), colourIn(domain, 'deep'), colourIn(domain, undefined)]).toEqual([0, 1, 2]);
    expect(colourIn(domain, 'new')).toBeNull();
  });

  it('lie on a scale for numbers', () => {
    const domain = domainOf('config.lr', [{ values: ['ada'], columns: { 'config.lr': spread } }], []);
    expect(colourIn(domain, 2)).toBe(scaledColour(0.5));
    expect(runColor(colourIn(domain, 9) as number, 'light')).toBe(runColor(scaledColour(1), 'light'));
    expect(colourIn(domain, 'NaN')).toBeNull();
    expect(colourIn(domain, undefined)).toBeNull();
  });
});

describe('filters from what was clicked', () => {
  it('quote what is no plain word', () => {
    expect(tagFilter('base line "x"')).toBe('tags:"base line \\"x\\""');
    expect(valueFilter('config.lr', 0.1)).toBe('config.lr:0.1');
    expect(valueFilter('config.lr', -2)).toBe('config.lr:-2');
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
