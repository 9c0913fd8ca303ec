import { describe, expect, it } from 'vitest';
import { tokenizeLine, tokenizePython } from './python';

const kinds = (line: string) =>
  tokenizeLine(line)
    .tokens.filter((token) => token.kind !== 'text')
    .map((token) => [token.kind, token.text]);

describe('Python in pieces', () => {
  it('tells words, numbers, strings and comments apart', () => {
    expect(kinds('def train(lr=1e-3):  # go "on"')).toEqual([
      ['keyword', 'def'],
      ['name', 'train'],
      ['number', '1e-3'],
      ['comment', '# go "on"'],
    ]);
    expect(kinds('x = f"a # {b}" + r\'\\\' + 0xFF')).toEqual([
      ['string', 'f"a # {b}"'],
      ['string', "r'\\' + 0xFF"],
    ]);
    expect(kinds('    @torch.no_grad()')).toEqual([['decorator', '@torch.no_grad']]);
    expect(kinds('y = a @ b')).toEqual([]);
    expect(kinds('match = re.match(p)')).toEqual([]);
    expect(kinds('match command:')).toEqual([['keyword', 'match']]);
    expect(kinds('run.print(len(x))')).toEqual([['builtin', 'len']]);
    expect(kinds('layer1 = 3_000.5')).toEqual([['number', '3_000.5']]);
  });

  it('carries a long string over line ends', () => {
    const lines = ['"""Doc', 'def not code # here', 'end""" + "x"', 'return 1'];
    const found = tokenizePython(lines);
    expect(found[1]).toEqual([{ kind: 'string', text: 'def not code # here' }]);
    expect(found[2]?.map((token) => token.text)).toEqual(['end"""', ' + ', '"x"']);
    expect(found[3]?.[0]).toEqual({ kind: 'keyword', text: 'return' });
  });

  it('loses no character', () => {
    const odd = ['', '   ', '"unclosed', "'''", 'x' + "'''", '\\', '"a\\', 'λ = "ü" # ∞', '1..__add__', '...', '@', '@@x'];
    const found = tokenizePython(odd);
    expect(found.map((tokens) => tokens.map((token) => token.text).join(''))).toEqual(odd);
  });
});
