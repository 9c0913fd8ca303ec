import { describe, expect, it } from 'vitest';
import fixture from '../../../tests/fixtures/filters.json';
import {
  chipsOf,
  FilterProblem,
  joinChips,
  parseFilter,
  printFilter,
  typingAt,
  type FilterTree,
} from './filter-language';

interface Case {
  text: string;
  tree?: FilterTree | null;
  error?: { detail: string; position: number; token: string };
}
const cases = fixture.filters as Case[];
const good = cases.filter((one) => one.error === undefined);

describe('the filter language', () => {
  it.each(cases)('reads $text as the server does', ({ text, tree, error }) => {
    if (!error) return expect(parseFilter(text)).toEqual(tree);
    let problem: unknown;
    try {
      parseFilter(text);
    } catch (caught) {
      problem = caught;
    }
    expect(problem).toBeInstanceOf(FilterProblem);
    const { detail, position, token } = problem as FilterProblem;
    expect({ detail, position, token }).toEqual(error);
  });

  it('prints trees that read as they were', () => {
    const random = seeded(7);
    for (let i = 0; i < 500; i++) {
      const tree = normal(made(random, 3));
      expect(parseFilter(printFilter(tree)), printFilter(tree)).toEqual(tree);
    }
  });

  it('comes apart into chips and together again', () => {
    const random = seeded(11);
    for (let i = 0; i < 500; i++) {
      const texts = Array.from(
        { length: 1 + Math.floor(random() * 4) },
        () => (good[Math.floor(random() * good.length)] as Case).text,
      );
      const text = texts
        .filter((one) => one.trim() !== '')
        .map((one) => `(${one})`)
        .join(random() < 0.5 ? ' ' : '  and ');
      const chips = chipsOf(text);
      const joined = joinChips(chips.map((chip) => chip.text));
      expect(parseFilter(joined)).toEqual(parseFilter(text));
      expect(chipsOf(joined).map((chip) => chip.tree)).toEqual(chips.map((chip) => chip.tree));
    }
    expect(chipsOf('state:running lr>=1e-4 (a or b) not group:old').map((chip) => chip.text)).toEqual([
      'state:running',
      'lr>=1e-4',
      '(a or b)',
      'not group:old',
    ]);
    expect(joinChips(['a or b', 'c:1'])).toBe('(a or b) c:1');
    expect(joinChips(['(a) or (b)', 'c:1'])).toBe('((a) or (b)) c:1');
  });

  it('knows what is being typed', () => {
    expect(typingAt('')).toEqual({ kind: 'key', prefix: '', start: 0 });
    expect(typingAt('state:running con')).toEqual({ kind: 'key', prefix: 'con', start: 14 });
    expect(typingAt('state:ru')).toEqual({
      kind: 'value',
      key: 'state',
      operator: ':',
      prefix: 'ru',
      start: 6,
      keyStart: 0,
    });
    expect(typingAt('"config.a b" != "x y')).toEqual({
      kind: 'value',
      key: 'config.a b',
      operator: '!:',
      prefix: 'x y',
      start: 16,
      keyStart: 0,
    });
    expect(typingAt('(lr>')).toEqual({ kind: 'value', key: 'lr', operator: '>', prefix: '', start: 4, keyStart: 1 });
    expect(typingAt('lr>1 ')).toEqual({ kind: 'key', prefix: '', start: 5 });
  });
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const WORDS = ['a', 'or', 'x y', 'say "hi"', 'back\\slash', '日本', 'a:b', '-1', 'resnet-50', '1e-4', '(x)', 'ünï'];

function made(random: () => number, depth: number): FilterTree {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const kind = depth === 0 ? random() * 0.5 : random();
  if (kind < 0.2) return { word: pick(WORDS) };
  if (kind < 0.5) {
    const space = pick(['', 'config', 'summary'] as const);
    const key = (space ? `${space}.` : '') + pick(WORDS);
    return { space, key, operator: pick([':', '!:', '~'] as const), value: pick(WORDS), quoted: true };
  }
  if (kind < 0.65) return { not: made(random, depth - 1) };
  const items = Array.from({ length: 2 + Math.floor(random() * 2) }, () => made(random, depth - 1));
  return kind < 0.85 ? { and: items } : { or: items };
}

/** Lists within lists of their kind are one list, as the parser makes them. */
function normal(tree: FilterTree): FilterTree {
  if ('not' in tree) return { not: normal(tree.not) };
  if ('and' in tree) return { and: tree.and.map(normal).flatMap((one) => ('and' in one ? one.and : [one])) };
  if ('or' in tree) return { or: tree.or.map(normal).flatMap((one) => ('or' in one ? one.or : [one])) };
  return tree;
}
