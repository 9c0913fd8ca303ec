import { describe, expect, it } from 'vitest';
import { columnOf, movedBefore, type Column } from './columns';
import { headerRows, shownColumns } from './header-tree';

const columns = (...paths: string[]) => paths.map((path) => columnOf(path, 'number') as Column);
const none: ReadonlySet<string> = new Set();
const titles = (paths: string[], folded = none, pinned = none) =>
  headerRows(shownColumns(columns(...paths), pinned, folded)).map((row) =>
    row.map(({ label, span }) => `${label || '·'}${span > 1 ? span : ''}`).join(' '),
  );

describe('the header', () => {
  it('nests along the key path', () => {
    const paths = ['config.optimizer.lr', 'config.optimizer.betas.0', 'config.optimizer.betas.1', 'config.seed'];
    expect(titles(paths)).toEqual(['optimizer3 ·', '· betas2 ·']);
    expect(titles(['created', 'config.seed'])).toEqual([]);
    expect(titles(['summary.train/loss', 'summary.train/acc', 'config.train.x'])).toEqual(['train2 train']);
  });

  it('says deep paths in one title', () => {
    expect(titles(['config.a.b.c.d'])).toEqual(['a', 'b ▸ c']);
  });

  it('folds what stands under a title into one column', () => {
    const shown = shownColumns(
      columns('config.o.lr', 'config.o.betas.0', 'config.o.betas.1', 'config.p.lr'),
      none,
      new Set(['config:o']),
    );
    expect(shown.map(({ label, folded }) => `${label} ${folded.length}`)).toEqual(['o 3', 'lr 0']);
    expect(titles(['config.o.lr', 'config.o.betas.0'], new Set(['config:o ▸ betas']))).toEqual(['o2']);
  });

  it('never joins pinned columns with others', () => {
    const pinned = new Set(['config.o.lr']);
    expect(titles(['config.o.a', 'config.o.lr', 'config.o.b'], none, pinned)).toEqual(['o o2']);
    const shown = shownColumns(columns('config.o.a', 'config.o.lr'), pinned, none);
    expect(shown.map(({ column }) => column.label)).toEqual(['lr', 'a']);
  });

  it('covers every column once in every row, whatever the columns', () => {
    let state = 5;
    const random = (n: number) => (state = (state * 1664525 + 1013904223) % 2 ** 32) % n;
    for (let i = 0; i < 300; i++) {
      const paths = Array.from({ length: 1 + random(8) }, (_, at) => {
        const depth = random(5);
        return `config.${Array.from({ length: depth }, () => 'abc'[random(3)]).join('.')}${depth ? '.' : ''}k${at}`;
      });
      const folded = new Set([`config:${'abc'[random(3)]}`]);
      const shown = shownColumns(columns(...paths), new Set([paths[0] as string]), folded);
      expect(shown.reduce((sum, one) => sum + Math.max(1, one.folded.length), 0)).toBe(paths.length);
      for (const row of headerRows(shown)) {
        expect(row.reduce((at, one) => (expect(one.start).toBe(at), at + one.span), 0)).toBe(shown.length);
      }
    }
  });
});

it('moves a column before another', () => {
  expect(movedBefore(['a', 'b', 'c'], 'c', 'a')).toEqual(['c', 'a', 'b']);
  expect(movedBefore(['a', 'b', 'c'], 'a', null)).toEqual(['b', 'c', 'a']);
  expect(movedBefore(['a', 'b', 'c'], 'b', 'b')).toEqual(['a', 'b', 'c']);
});
