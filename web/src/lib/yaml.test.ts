import { describe, expect, it } from 'vitest';
import { yamlOf } from './yaml';

describe('yamlOf', () => {
  it('writes what YAML readers give back', () => {
    const tree = { lr: 0.001, name: 'adam w', on: true, empty: {}, none: null, list: [1, [2, 3], { a: 'b', c: [] }], opt: { betas: [0.9, 0.999] } };
    expect(yamlOf(tree)).toBe(
      [
        'lr: 0.001',
        'name: adam w',
        '"on": true',
        'empty: {}',
        'none: null',
        'list:',
        '  - 1',
        '  - - 2',
        '    - 3',
        '  - a: b',
        '    c: []',
        'opt:',
        '  betas:',
        '    - 0.9',
        '    - 0.999',
        '',
      ].join('\n'),
    );
  });

  it('quotes what would be read as something else', () => {
    const odd = ['no', '1e5', '', ' a', 'a: b', '- x', '#x', '2020-01-01', 'é', 'a\nb', 'NaN', '"'];
    for (const value of odd) expect(yamlOf({ k: value })).toBe(`k: ${JSON.stringify(value)}\n`);
    for (const value of ['adam', 'a/b.c', 'two words', '/tmp/x', 'cosine_lr']) expect(yamlOf({ k: value })).toBe(`k: ${value}\n`);
  });
});
