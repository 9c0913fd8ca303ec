import { describe, expect, it } from 'vitest';
import { marked, visible } from './marked-text';

describe('marked text', () => {
  it('is cut where marks begin and end', () => {
    const tokens = [
      { kind: 'keyword', text: 'return' },
      { kind: 'text', text: ' a + b' },
    ] as const;
    expect(marked(tokens, [[4, 8], [11, 12]]).map((piece) => [piece.text, piece.isMarked])).toEqual([
      ['retu', false],
      ['rn', true],
      [' a', true],
      [' + ', false],
      ['b', true],
    ]);
    expect(marked(tokens, [])).toHaveLength(2);
  });

  it('shows what would turn the line around', () => {
    expect(visible('a\u202eb')).toBe('a⟨U+202E⟩b');
    expect(visible('größer ∞')).toBe('größer ∞');
  });
});
