import { describe, expect, it } from 'vitest';
import { fuzzy, needleOf } from './fuzzy';
import { random } from './random.fixture';

const score = (query: string, text: string) => fuzzy(needleOf(query), text)?.score ?? null;
const ranked = (query: string, texts: string[]) =>
  texts.filter((text) => score(query, text) !== null).sort((a, b) => (score(query, b) ?? 0) - (score(query, a) ?? 0));

describe('fuzzy', () => {
  it('finds letters in order, whatever their case, and nothing else', () => {
    expect(score('tl', 'train/loss')).not.toBeNull();
    expect(score('LOSS', 'train/loss')).not.toBeNull();
    expect(score('als', 'train/loss')).not.toBeNull();
    expect(score('sst', 'train/loss')).toBeNull();
    expect(score('', 'anything')).toBe(0);
    expect(score('val loss', 'val/loss')).not.toBeNull();
  });

  it('prefers beginnings of words, whole pieces, and short texts', () => {
    expect(ranked('loss', ['glossary/x', 'train/loss', 'l-o-s-s'])[0]).toBe('train/loss');
    expect(ranked('vl', ['evaluate-all', 'val/loss'])[0]).toBe('val/loss');
    expect(ranked('acc', ['val/accuracy/top5/of/everything', 'val/acc'])[0]).toBe('val/acc');
    expect(ranked('gt', ['weight', 'Go to table'])[0]).toBe('Go to table');
    expect(fuzzy(needleOf('vl'), 'evaluate/val/loss')?.at).toEqual([9, 13]);
  });

  it('the places it names spell what was typed, in order; what has no match is no subsequence', () => {
    const next = random(7);
    const letter = () => 'abC/-1'[Math.floor(next() * 6)] as string;
    const word = (length: number) => Array.from({ length }, letter).join('');
    for (let i = 0; i < 3000; i++) {
      const text = word(Math.floor(next() * 12));
      const query = word(1 + Math.floor(next() * 4));
      const found = fuzzy(needleOf(query), text);
      let from = 0;
      for (const c of query.toLowerCase()) from = from < 0 ? -1 : text.toLowerCase().indexOf(c, from) + 1 || -1;
      expect(found !== null, `${query} in ${text}`).toBe(from > 0);
      if (!found) continue;
      expect(found.at.map((at) => text[at]?.toLowerCase()).join('')).toBe(query.toLowerCase());
      expect([...found.at].sort((a, b) => a - b)).toEqual(found.at);
    }
  });
});
