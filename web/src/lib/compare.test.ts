import { describe, expect, it } from 'vitest';
import { compareLines, markdownTable, compareTrees, deltaOf, pairByName } from './compare';
import { random } from './random.fixture';

describe('runs beside each other', () => {
  it('have the leaves of all, each where the run that has it puts it', () => {
    const rows = compareTrees([
      { lr: 0.1, model: { depth: 2, layers: [1, 2] }, seed: 1 },
      { lr: 0.1, model: { depth: 4, act: 'relu', layers: [1, 2] }, seed: 1, extra: {} },
    ]);
    expect(rows.map((row) => [row.path, row.differs, ...row.values])).toEqual([
      ['lr', false, 0.1, 0.1],
      ['model.depth', true, 2, 4],
      ['model.act', true, undefined, 'relu'],
      ['model.layers', false, [1, 2], [1, 2]],
      ['seed', false, 1, 1],
      ['extra', true, undefined, {}],
    ]);
    expect(compareTrees([{}, {}])).toEqual([]);
  });

  it('differ by so much', () => {
    expect(deltaOf(2, 3)).toEqual({ delta: 1, percent: 50 });
    expect(deltaOf(-2, -3)).toEqual({ delta: -1, percent: -50 });
    expect(deltaOf(0, 3)).toEqual({ delta: 3, percent: null });
    expect(deltaOf(2, 2)).toBeNull();
    expect(deltaOf('2', 3)).toBeNull();
  });

  it('have files in common, and not', () => {
    const files = (text: string) => text.split(' ').map((one) => ({ name: one[0] as string, hash: one[1] as string }));
    const pairs = pairByName(files('a1 b1 c1'), files('b1 c2 d1'), (a, b) => a.hash === b.hash);
    expect(pairs.map((pair) => [pair.name, pair.kind])).toEqual([
      ['a', 'removed'],
      ['b', 'same'],
      ['c', 'changed'],
      ['d', 'added'],
    ]);
  });
});

describe('compareLines', () => {
  it('puts rows under their keys', () => {
    const rows = compareTrees([
      { lr: 1, opt: { name: 'a', betas: { one: 1 } }, 'a.b': 1 },
      { lr: 1, opt: { name: 'b', extra: 2 }, a: { b: 2 } },
    ]);
    const lines = compareLines(rows);
    expect(lines.map((line) => `${'  '.repeat(line.depth)}${line.kind === 'branch' ? `${line.key}/ ${line.differing} of ${line.rows}` : line.key}`)).toEqual([
      'lr',
      'opt/ 3 of 3',
      '  name',
      '  extra',
      '  betas/ 1 of 1',
      '    one',
      'a.b',
    ]);
    expect(compareLines(rows, new Set(['opt'])).map((line) => line.key)).toEqual(['lr', 'opt', 'a.b']);
  });

  it('shows every row once, each branch once, whatever the trees', () => {
    const next = random(21);
    const tree = (depth: number): { [key: string]: unknown } => {
      const made: { [key: string]: unknown } = {};
      for (let i = Math.floor(next() * 5); i >= 0; i -= 1) {
        const key = 'abcde'[Math.floor(next() * 5)]!;
        made[key] = depth > 0 && next() < 0.5 ? tree(depth - 1) : Math.floor(next() * 3);
      }
      return made;
    };
    for (let round = 0; round < 300; round += 1) {
      const rows = compareTrees([tree(3), tree(3), tree(2)]);
      const lines = compareLines(rows);
      const leaves = lines.flatMap((line) => (line.kind === 'leaf' ? [line.row.path] : []));
      expect([...leaves].sort()).toEqual(rows.map((row) => row.path).sort());
      const branches = lines.flatMap((line) => (line.kind === 'branch' ? [line.path] : []));
      expect(new Set(branches).size).toBe(branches.length);
      for (const row of rows) expect(row.keys.join('.')).toBe(row.path);
    }
  });
});

describe('markdownTable', () => {
  it('keeps cells apart', () => {
    expect(markdownTable(['Key', 'a|b'], [['x', 'one\n two \\ |']])).toBe('| Key | a\\|b |\n| --- | --- |\n| x | one<br>two \\\\ \\| |');
  });
});
