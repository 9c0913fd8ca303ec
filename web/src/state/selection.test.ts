import { expect, it } from 'vitest';
import type { Run } from '../api/types';
import { Selection } from './selection.svelte';

const run = (id: string) => ({ id }) as Run;
const list = ['a', 'b', 'c', 'd'].map(run);
const range = (from: number, to: number) => list.slice(from, to + 1);

it('picks runs one by one and in ranges', () => {
  const selection = new Selection();
  selection.toggle(run('b'), 1);
  selection.toggle(run('d'), 3, range);
  expect([...selection.ids]).toEqual(['b', 'c', 'd']);
  selection.toggle(run('c'), 2);
  expect(selection.target).toEqual({ ids: ['b', 'd'] });
});

it('picks all that match, but those taken out', () => {
  const selection = new Selection();
  selection.toggle(run('b'), 1);
  selection.selectAll('lr>1', 12_408);
  expect([selection.size, selection.has('z')]).toEqual([12_408, true]);
  selection.toggle(run('b'), 1);
  selection.toggle(run('d'), 3, range);
  expect(selection.size).toBe(12_405);
  selection.toggle(run('c'), 2);
  expect(selection.target).toEqual({ filter: 'lr>1', except: ['b', 'd'] });
  selection.clear();
  expect([selection.size, selection.has('z')]).toEqual([0, false]);
});

it('picks the runs of a group at once, and puts them back', () => {
  const selection = new Selection();
  selection.toggle(run('a'), 0);
  selection.toggleAll(['b', 'c']);
  expect(selection.target).toEqual({ ids: ['a', 'b', 'c'] });
  selection.toggleAll(['b', 'c']);
  expect(selection.target).toEqual({ ids: ['a'] });
});
