import { describe, expect, it } from 'vitest';

type Tree = Record<string, unknown>;
const english = import.meta.glob<Tree>('./strings*.ts', { eager: true });
const japanese = import.meta.glob<Tree>('./ja/strings*.ts', { eager: true });
const sources = import.meta.glob<string>('./ja/*.ts', { eager: true, query: '?raw', import: 'default' });
const englishSources = import.meta.glob<string>('./strings*.ts', { eager: true, query: '?raw', import: 'default' });

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** Every sentence by its place: `common.retry`. */
function* sentences(value: unknown, place: string[] = []): Generator<[string, unknown]> {
  if (!isTree(value)) yield [place.join('.'), value];
  else for (const [key, below] of Object.entries(value)) yield* sentences(below, [...place, key]);
}

/** What a file holds: the one export that it gave to `catalogue`. */
function catalogueOf(path: string): [name: string, symbol: string] {
  const found = /export const (\w+) = catalogue\('([\w-]+)'/.exec(englishSources[path] ?? '');
  if (!found) throw new Error(`${path}: export const … = catalogue('…', { … })`);
  return [found[2] as string, found[1] as string];
}

describe.each(Object.keys(english))('%s', (path) => {
  const [name, symbol] = catalogueOf(path);
  const here = Object.fromEntries(sentences(english[path]?.[symbol]));
  const there = Object.fromEntries(sentences(japanese[`./ja/${name}.ts`]?.default));

  it('is called as its file is', () => expect(path).toBe(`./${name}.ts`));

  it('says everything in Japanese, and nothing else', () => {
    expect(Object.keys(there).sort()).toEqual(Object.keys(here).sort());
    for (const [place, text] of Object.entries(there)) {
      expect(typeof text, place).toBe(typeof here[place]);
      expect(text === '', place).toBe(here[place] === '');
    }
  });

  it('is not left in English', () => {
    // Words for people that are alike in both: names of products, of keys, of things of the field.
    const alike = Object.entries(here).filter(
      ([place, text]) =>
        typeof text === 'string' &&
        text === there[place] &&
        /^[A-Z][a-z]+ [a-z]/.test(text) &&
        !/[`{}=]|kiseki /.test(text),
    );
    expect(alike).toEqual([]);
  });
});

it('has no Japanese catalogue without an English one', () => {
  expect(
    Object.keys(japanese)
      .map((path) => path.replace('/ja/', '/'))
      .sort(),
  ).toEqual(Object.keys(english).sort());
});

it('Japanese loads nothing from outside its folder: what it loaded would wait for it', () => {
  for (const [path, source] of Object.entries(sources)) {
    const values = [...source.matchAll(/^(?:import|export) (?!type).*?from '([^']+)'/gms)].map(
      (found) => found[1] as string,
    );
    for (const from of values) expect(from, path).toMatch(/^\.\//);
  }
});
