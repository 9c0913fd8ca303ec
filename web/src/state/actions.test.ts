import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keyWords } from '../strings-keys';
import { bindKeys } from './keys';
import { ACTIONS, bindActions, offered, ruleOf, type ActionId, type Place } from './actions';

const ids = Object.keys(ACTIONS) as ActionId[];

beforeEach(() => vi.stubGlobal('document', new EventTarget()));
afterEach(() => vi.unstubAllGlobals());

describe('the table of actions', () => {
  it('has a name for each and no name without one', () => {
    expect(Object.keys(keyWords.names).sort()).toEqual([...ids].sort());
  });

  it('gives a key to one action of a place, and none of those that work everywhere to another', () => {
    const seen = new Map<string, ActionId>();
    for (const id of ids) {
      const { place, keys } = ruleOf(id);
      // Inside a project the pages are different ones; only what is in view together must differ.
      const places: Place[] = place === 'app' ? ['app', 'project', 'runs', 'panels', 'compare', 'chart'] : [place];
      for (const key of keys) {
        for (const where of places) {
          expect(seen.get(`${where} ${key}`), `${where} ${key}`).toBeUndefined();
          seen.set(`${where} ${key}`, id);
        }
      }
    }
  });
});

describe('binding', () => {
  it('offers what is bound, the latest of each, and nothing that needs a run or panel', () => {
    const done: string[] = [];
    const first = bindActions({ theme: () => done.push('first'), nextRun: () => {} });
    const second = bindActions({ theme: () => done.push('second') });
    expect(offered().map((one) => one.id)).toEqual(['theme']);
    offered()[0]?.run();
    second();
    offered()[0]?.run();
    expect(done).toEqual(['second', 'first']);
    first();
    expect(offered()).toEqual([]);
  });

  it('offers what keys alone are bound to, where the key says which action it is', () => {
    vi.stubGlobal('KeyboardEvent', Event);
    let folded = 0;
    // n is the next difference in one place and notes in another.
    const unbind = bindKeys({ 'ctrl+j': () => (folded += 1), n: () => {}, j: () => {} });
    expect(offered().map((one) => one.id)).toEqual(['sidebar']);
    offered()[0]?.run();
    expect(folded).toBe(1);
    unbind();
    expect(offered()).toEqual([]);
  });
});
