/**
 * Markdown as data: blocks of spans, to be shown as text by whoever shows them.
 *
 * The part people write in notes and READMEs: headings, paragraphs, lists, quotes, fenced code, tables of pipes, rules,
 * and inside a line code, strong, emphasis, struck text and links. HTML stays the text it is; a link goes to http,
 * https or mailto, or it is no link; pictures are named, not fetched.
 */

export type Span =
  | { readonly kind: 'text' | 'code' | 'strong' | 'emphasis' | 'struck'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string };

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly spans: readonly Span[] }
  | { readonly kind: 'paragraph' | 'quote'; readonly spans: readonly Span[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly { readonly depth: number; readonly spans: readonly Span[] }[] }
  | { readonly kind: 'table'; readonly head: readonly (readonly Span[])[]; readonly rows: readonly (readonly (readonly Span[])[])[] }
  | { readonly kind: 'rule' };

const FENCE = /^\s{0,3}(```+|~~~+)\s*([\w+-]*)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^\s{0,3}([-*_])\s*(\1\s*){2,}$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function parseMarkdown(text: string): Block[] {
  const lines = text.split(/\r?\n/);
  const blocks: Block[] = [];
  let at = 0;
  /** Takes lines while they go on a block. */
  const taken = (goesOn: (line: string) => boolean): string[] => {
    const found: string[] = [];
    while (at < lines.length && goesOn(lines[at]!)) found.push(lines[at++]!);
    return found;
  };
  while (at < lines.length) {
    const line = lines[at]!;
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (line.trim() === '') at += 1;
    else if (fence) {
      at += 1;
      const mark = fence[1]!;
      const code = taken((one) => !one.trim().startsWith(mark));
      at += 1;
      blocks.push({ kind: 'code', text: code.join('\n'), language: fence[2] ?? '' });
    } else if (heading) {
      at += 1;
      blocks.push({ kind: 'heading', level: heading[1]!.length, spans: spansOf(heading[2]!) });
    } else if (RULE.test(line)) {
      at += 1;
      blocks.push({ kind: 'rule' });
    } else if (/^\s{0,3}>/.test(line)) {
      const quoted = taken((one) => /^\s{0,3}>/.test(one)).map((one) => one.replace(/^\s{0,3}>\s?/, ''));
      blocks.push({ kind: 'quote', spans: spansOf(quoted.join('\n')) });
    } else if (ITEM.test(line)) {
      blocks.push(listOf(taken((one) => ITEM.test(one) || (/^\s{2,}\S/.test(one) && !FENCE.test(one)))));
    } else if (line.includes('|') && TABLE_RULE.test(lines[at + 1] ?? '')) {
      const [head, , ...rows] = taken((one) => one.includes('|')).map(cellsOf);
      blocks.push({ kind: 'table', head: head ?? [], rows });
    } else {
      const ends = (one: string): boolean =>
        one.trim() === '' || FENCE.test(one) || HEADING.test(one) || ITEM.test(one) || /^\s{0,3}>/.test(one);
      const first = lines[at++]!;
      blocks.push({ kind: 'paragraph', spans: spansOf([first, ...taken((one) => !ends(one))].map((one) => one.trim()).join('\n')) });
    }
  }
  return blocks;
}

function listOf(lines: readonly string[]): Block {
  const items: { depth: number; text: string }[] = [];
  for (const line of lines) {
    const found = ITEM.exec(line);
    if (found) items.push({ depth: Math.min(5, Math.floor(found[1]!.length / 2)), text: found[3]! });
    else items.at(-1)!.text += `\n${line.trim()}`;
  }
  const ordered = /\d/.test(ITEM.exec(lines[0]!)![2]!);
  return { kind: 'list', ordered, items: items.map((item) => ({ depth: item.depth, spans: spansOf(item.text) })) };
}

function cellsOf(line: string): Span[][] {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => spansOf(cell.trim().replaceAll('\\|', '|')));
}

const INLINE =
  /(?<code>(`+)(.+?)\2(?!`))|(?<image>!\[([^\]]*)\]\(([^)\s]*)[^)]*\))|(?<link>\[([^\]]+)\]\(([^)\s]+)[^)]*\))|(?<auto><?(https?:\/\/[^\s<>)]+)>?)|(?<strong>(\*\*|__)(?=\S)(.+?)(?<=\S)\13)|(?<struck>~~(?=\S)(.+?)(?<=\S)~~)|(?<emphasis>(?<![\p{L}\p{N}])([*_])(?=\S)(.+?)(?<=\S)\18(?![\p{L}\p{N}]))/u;

/** A line in spans; nothing of it is lost but the marks. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let rest = text;
  for (;;) {
    const found = INLINE.exec(rest);
    if (found === null) break;
    if (found.index > 0) spans.push({ kind: 'text', text: rest.slice(0, found.index) });
    spans.push(spanOf(found));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest !== '') spans.push({ kind: 'text', text: rest });
  return spans;
}

function spanOf(found: RegExpExecArray): Span {
  const groups = found.groups!;
  if (groups.code !== undefined) return { kind: 'code', text: found[3]! };
  if (groups.image !== undefined) return { kind: 'text', text: found[5] || found[6]! };
  if (groups.link !== undefined) return linkOf(found[8]!, found[9]!);
  if (groups.auto !== undefined) return linkOf(found[11]!, found[11]!);
  if (groups.strong !== undefined) return { kind: 'strong', text: found[14]! };
  if (groups.struck !== undefined) return { kind: 'struck', text: found[16]! };
  return { kind: 'emphasis', text: found[19]! };
}

function linkOf(text: string, href: string): Span {
  return /^(https?:\/\/|mailto:)/i.test(href) ? { kind: 'link', text, href } : { kind: 'text', text };
}
