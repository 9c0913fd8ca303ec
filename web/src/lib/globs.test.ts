import { describe, expect, it } from 'vitest';
import { globsOf, globTest } from './globs';
import { random } from './random.fixture';

describe('globs', () => {
  it('match whole names, dots and all', () => {
    const test = globTest(['seed', '*.dir', 'optimizer.*.lr', 'layer?']);
    expect(['seed', 'SEED', 'output.dir', 'optimizer.a.b.lr', 'layer1'].map(test)).toEqual([true, true, true, true, true]);
    expect(['seeds', 'dir', 'optimizer.lr', 'layer', 'layer12'].map(test)).toEqual(Array(5).fill(false));
    expect(globTest([''])('x')).toBe(false);
    expect(globsOf('a, b*\n c  a')).toEqual(['a', 'b*', 'c']);
  });

  it('say the same as regular expressions', () => {
    const next = random(7);
    const text = (letters: string, most: number) =>
      Array.from({ length: Math.floor(next() * (most + 1)) }, () => letters[Math.floor(next() * letters.length)]).join('');
    for (let round = 0; round < 3000; round += 1) {
      const pattern = text('ab.*?', 7);
      const name = text('ab.', 9);
      const expression = new RegExp(
        `^${pattern.replace(/[.*?]/g, (mark) => (mark === '.' ? '\\.' : mark === '*' ? '.*' : '.'))}$`,
      );
      expect([pattern, name, globTest([pattern])(name)]).toEqual([pattern, name, pattern !== '' && expression.test(name)]);
    }
  });

  it('does not take for ever on a pattern of many stars', () => {
    expect(globTest(['*a'.repeat(40) + 'b'])('a'.repeat(2000))).toBe(false);
  });
});
