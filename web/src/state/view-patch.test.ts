import { expect, it } from 'vitest';
import { changed, changeOf, decodeChange, encodeChange, withoutSimple } from './view-address';
import { EMPTY_VIEW, readDoc, type ViewDoc } from './view-doc';
import { apply, diff, isEmptyPatch, same } from './view-patch';

function random(seed: number) {
  let state = seed;
  const below = (limit: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % limit;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return { below, pick, some: () => below(2) === 0 };
}

type Random = ReturnType<typeof random>;

function json(r: Random, depth = 3): unknown {
  const kind = r.below(depth > 0 ? 7 : 5);
  if (kind === 0) return null;
  if (kind === 1) return r.below(1000) / 7;
  if (kind === 2) return r.pick(['', 'a', 'ü ẞ 日本', '"}', '__proto__', 'a/b']);
  if (kind === 3) return r.some();
  if (kind === 4) return Array.from({ length: r.below(4) }, () => r.below(9));
  if (kind === 5) return Array.from({ length: r.below(3) }, () => json(r, depth - 1));
  const keys = ['a', 'b', '0', 'constructor', '日', ''].filter(() => r.some());
  return Object.fromEntries(keys.map((key) => [key, json(r, depth - 1)]));
}

function record<T>(r: Random, make: () => T): Record<string, T> {
  const keys = ['train', 'a/b', '', 'system:', '日本', 'x:rare:'].filter(() => r.below(3) === 0);
  return Object.fromEntries(keys.map((key) => [key, make()]));
}

function doc(r: Random): ViewDoc {
  const texts = () => Array.from({ length: r.below(4) }, () => r.pick(['r1', 'r2', 'history:a/b', 'ü']));
  return {
    ...EMPTY_VIEW,
    charts: r.some() ? {} : { axis: 'time', columns: 1 + r.below(6), smoothing: { kind: 'ema', weight: 0.9 } },
    runs: {
      ...EMPTY_VIEW.runs,
      filter: r.pick(['', 'lr>1']),
      sort: r.pick(['', '-created']),
      group: r.some() ? [] : ['config.lr'],
      pins: texts(),
      baseline: r.pick([null, 'r1']),
      colours: record(r, () => r.pick<number | string>([3, '#ff0000'])),
    },
    table: { columns: r.some() ? null : texts(), pinned: texts(), widths: record(r, () => r.below(300)) },
    sections: record(r, () => ({ folded: r.some(), ...(r.some() && { title: 'T', order: r.below(9) + 0.5 }) })),
    panels: record(r, () => ({
      kind: 'line' as const,
      section: 'train',
      options: { metrics: texts(), deep: json(r) },
    })),
    order: record(r, texts),
    hidden: texts(),
    added: texts(),
    ...(r.some() && { sectionRule: r.pick(['last', 'first', 'none'] as const) }),
  };
}

it('is the way from one to the other, and empty between equals', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const r = random(seed);
    const [a, b] = [{ root: json(r) }, { root: json(r) }];
    expect(apply(a, diff(a, b))).toEqual(b);
    expect(isEmptyPatch(diff(a, structuredClone(a)))).toBe(true);
    expect(same(a, b)).toBe(isEmptyPatch(diff(a, b)));
  }
});

it('joins changes of different parts', () => {
  const [base, mine, theirs] = [
    { a: { x: 1 }, b: 1 },
    { a: { x: 2 }, b: 1 },
    { a: { x: 1, y: 5 }, b: 3 },
  ];
  expect(apply(theirs, diff(base, mine))).toEqual({ a: { x: 2, y: 5 }, b: 3 });
});

it('carries any document through an address', async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const r = random(seed);
    const [base, shown] = [r.some() ? EMPTY_VIEW : doc(r), doc(r)];
    const name = r.some() ? null : { slug: 'team', version: seed };
    const said = await encodeChange(changeOf(shown, base), name);
    expect(said).toMatch(/^[\w-]+$/);
    const read = await decodeChange(said);
    expect(read.base).toEqual(name);
    expect(changed(base, read.patch)).toEqual(withoutSimple(shown, base));
  }
});

it('leaves to the query what the query can say', () => {
  const shown = { ...EMPTY_VIEW, charts: { logY: true }, runs: { ...EMPTY_VIEW.runs, filter: 'lr>1', pins: ['r'] } };
  expect(changeOf(shown, EMPTY_VIEW)).toEqual({ runs: { pins: [['r']] } });
  // A base with a filter of its own: that it is away must be said.
  const base = { ...EMPTY_VIEW, runs: { ...EMPTY_VIEW.runs, filter: 'a:1' } };
  expect(changeOf(EMPTY_VIEW, base)).toEqual({ runs: { filter: [''] } });
});

it('refuses an address that was cut', async () => {
  const said = await encodeChange(changeOf(doc(random(3)), EMPTY_VIEW), null);
  for (const text of [said.slice(0, -9), '%', 'e30', '']) await expect(decodeChange(text)).rejects.toThrow();
});

it('reads any JSON as a document', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const r = random(seed);
    const good = doc(r);
    expect(readDoc(structuredClone(good))).toEqual(good);
    const keys = Object.keys(EMPTY_VIEW);
    const broken = { ...good, [r.pick(keys)]: json(r), [r.pick(keys)]: json(r) };
    const read = readDoc(broken);
    expect(readDoc(read)).toEqual(read);
    expect(Array.isArray(read.runs.pins) && Array.isArray(read.hidden)).toBe(true);
  }
});
