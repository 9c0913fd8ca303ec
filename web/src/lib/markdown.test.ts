import { describe, expect, it } from 'vitest';
import { parseMarkdown, spansOf } from './markdown';

describe('Markdown', () => {
  it('falls into blocks', () => {
    const text = '# Title #\n\nA *fine* day\nand `code`.\n\n- one\n  more\n  - two\n\n> said\n\n```py\nx = 1\n# no\n```\n---\n| a | b |\n|---|--:|\n| 1 | 2 |\n';
    expect(parseMarkdown(text).map((block) => block.kind)).toEqual(['heading', 'paragraph', 'list', 'quote', 'code', 'rule', 'table']);
    const [, , list, , code, , table] = parseMarkdown(text);
    expect(code).toEqual({ kind: 'code', text: 'x = 1\n# no', language: 'py' });
    expect(list).toMatchObject({ ordered: false, items: [{ depth: 0 }, { depth: 1 }] });
    expect(table).toMatchObject({ head: [[{ text: 'a' }], [{ text: 'b' }]], rows: [[[{ text: '1' }], [{ text: '2' }]]] });
  });

  it('knows spans in a line', () => {
    expect(spansOf('a **b** _c_ ~~d~~ `e*f*` snake_case_name 2*3*4')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'strong', text: 'b' },
      { kind: 'text', text: ' ' },
      { kind: 'emphasis', text: 'c' },
      { kind: 'text', text: ' ' },
      { kind: 'struck', text: 'd' },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'e*f*' },
      { kind: 'text', text: ' snake_case_name 2*3*4' },
    ]);
  });

  // 5.9: no raw HTML, links http(s) and mailto only.
  it('makes no link, picture or markup of what is none', () => {
    expect(spansOf('[x](javascript:alert(1))')[0]).toEqual({ kind: 'text', text: 'x' });
    expect(spansOf('[x](data:text/html,a)')).toEqual([{ kind: 'text', text: 'x' }]);
    expect(spansOf('<script>alert(1)</script>')).toEqual([{ kind: 'text', text: '<script>alert(1)</script>' }]);
    expect(spansOf('![pic](http://elsewhere/x.png)')).toEqual([{ kind: 'text', text: 'pic' }]);
    expect(spansOf('[mail](mailto:a@b.c)')).toEqual([{ kind: 'link', text: 'mail', href: 'mailto:a@b.c' }]);
    expect(spansOf('see https://x.org/a.')[1]).toMatchObject({ kind: 'link' });
  });
});
