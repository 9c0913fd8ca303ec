// The filter language (docs/api/native.md) as the server reads it: text ⇄ tree, and where in the text each condition
// stands. `tests/fixtures/filters.json` holds texts with their trees for both. Pure.

export type Operator = ':' | '!:' | '>' | '>=' | '<' | '<=' | '~';
export type AttributeKind = 'text' | 'tags' | 'number' | 'time' | 'duration';

export interface Compare {
  space: '' | 'run' | 'config' | 'summary' | 'metric';
  /** With its space: `config.lr`. */
  key: string;
  operator: Operator;
  value: string;
  quoted: boolean;
}
export type FilterTree =
  Compare | { word: string } | { not: FilterTree } | { and: FilterTree[] } | { or: FilterTree[] };

/** Attributes of a run, and what their values are. */
export const ATTRIBUTES: Readonly<Record<string, AttributeKind>> = {
  attempt: 'number',
  cause: 'text',
  created: 'time',
  exit_code: 'number',
  finished: 'time',
  group: 'text',
  heartbeat: 'time',
  host: 'text',
  id: 'text',
  job_type: 'text',
  name: 'text',
  notes: 'text',
  program: 'text',
  rows: 'number',
  runtime: 'duration',
  started: 'time',
  state: 'text',
  step: 'number',
  sweep: 'text',
  tags: 'tags',
  updated: 'time',
  user: 'text',
};

/** The text cannot be read: what is wrong, where, and the piece of text it is about. */
export class FilterProblem extends Error {
  constructor(
    readonly detail: string,
    readonly position: number,
    readonly token = '',
  ) {
    super(detail);
  }
}

const TEXT_MAX = 8000;
const TERMS_MAX = 200;
const DEPTH_MAX = 50;
const TOKEN =
  /(?<space>\s+)|(?<open>\()|(?<close>\))|(?<operator>!:|!=|>=|<=|[:=<>~])|(?<quoted>"(?:[^"\\]|\\[\s\S])*")|(?<bare>(?:[^\s()":!<>=~]|!(?![:=]))+)/uy;
const VALUE = /[^\s()"]+/uy;
const SPECIAL = /[\s()":!<>=~,\\]/u;
const KEYWORD = /^(and|or|not)$/i;
const NUMBER = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$/i;
const DURATION = /^(\d+(?:\.\d*)?|\.\d+)([smhdw]?)$/;
const MOMENT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** What is written for an operator that there is not, and what for it. */
const MEANT: Readonly<Record<string, string>> = {
  '=>': '>=',
  '=<': '<=',
  '==': '=',
  ':>': '>',
  ':<': '<',
  ':>=': '>=',
  ':<=': '<=',
  ':=': '=',
  '<>': '!=',
  '~=': '~',
  '!==': '!=',
  '===': '=',
};
const SIGNS = /[=<>]+/uy;

type Kind = 'open' | 'close' | 'operator' | 'quoted' | 'bare' | 'end';

interface Token {
  kind: Kind;
  /** As meant: quotes and escapes resolved. */
  text: string;
  start: number;
  end: number;
}

/** A part of a filter and where it stands. */
interface Placed {
  tree: FilterTree;
  start: number;
  end: number;
}

const unquote = (text: string) => text.slice(1, -1).replace(/\\(["\\])/g, '$1');

/** Quoted, a value is taken as it is; inside quotes a quote and a backslash are escaped. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`;
}

function refuse(detail: string, position: number, token = ''): never {
  throw new FilterProblem(detail, position, token);
}

class Parser {
  private at = 0;
  private terms = 0;

  constructor(private readonly text: string) {
    if (text.length > TEXT_MAX) refuse(`the filter is longer than 8,000 characters`, TEXT_MAX);
  }

  parse(): Placed[] {
    if (this.peek().kind === 'end') return [];
    const items = this.anyOf(0);
    const rest = this.peek();
    if (rest.kind !== 'end') refuse("')' closes nothing", rest.start, rest.text);
    return items;
  }

  private skip(): void {
    while (this.at < this.text.length && /\s/.test(this.text[this.at] as string)) this.at += 1;
  }

  private match(at: number): { kind: Kind; text: string } | null {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(this.text)?.groups;
    const found = Object.entries(groups ?? {}).find(([, text]) => text !== undefined);
    return found ? { kind: found[0] as Kind, text: found[1] as string } : null;
  }

  private peek(): Token {
    this.skip();
    const start = this.at;
    if (start >= this.text.length) return { kind: 'end', text: '', start, end: start };
    const found = this.match(start);
    if (!found) {
      const character = this.text[start] as string;
      if (character === '"') refuse('the quote is never closed', start, this.text.slice(start));
      refuse(`unexpected '${character}'`, start, character);
    }
    const text = found.kind === 'quoted' ? unquote(found.text) : found.text;
    return { kind: found.kind, text, start, end: start + found.text.length };
  }

  private take(): Token {
    const token = this.peek();
    this.at = token.end;
    return token;
  }

  private value(): Token {
    this.skip();
    if (this.text[this.at] === '"') return this.take();
    VALUE.lastIndex = this.at;
    const found = VALUE.exec(this.text);
    if (!found) refuse('a value is missing (write "" for an empty one)', this.at);
    const start = this.at;
    this.at += found[0].length;
    return { kind: 'bare', text: found[0], start, end: this.at };
  }

  /** The items joined by *and* at the top; one item where *or* joins. */
  private anyOf(depth: number): Placed[] {
    if (depth > DEPTH_MAX) refuse(`more than ${DEPTH_MAX} levels of nesting`, this.at);
    const choices = [this.allOf(depth)];
    while (this.keyword('or')) choices.push(this.allOf(depth));
    if (choices.length === 1) return choices[0] as Placed[];
    const trees = choices.map((items) => both(items.map((item) => item.tree)));
    return [
      {
        tree: { or: trees.flatMap((tree) => ('or' in tree ? tree.or : [tree])) },
        start: (choices[0] as Placed[])[0]!.start,
        end: choices.at(-1)!.at(-1)!.end,
      },
    ];
  }

  private allOf(depth: number): Placed[] {
    const items = [this.item(depth)];
    for (;;) {
      if (this.keyword('and')) items.push(this.item(depth));
      else {
        const token = this.peek();
        if (token.kind === 'end' || token.kind === 'close' || this.isKeyword(token, 'or')) return items;
        items.push(this.item(depth));
      }
    }
  }

  private item(depth: number): Placed {
    const token = this.peek();
    const { start } = token;
    if (this.keyword('not')) {
      if (depth > DEPTH_MAX) refuse(`more than ${DEPTH_MAX} levels of nesting`, start);
      const { tree, end } = this.item(depth + 1);
      return { tree: { not: tree }, start, end };
    }
    this.take();
    if (token.kind === 'open') {
      const inner = this.anyOf(depth + 1);
      if (this.take().kind !== 'close') refuse("'(' is never closed", start, '(');
      return { tree: both(inner.map((item) => item.tree)), start, end: this.at };
    }
    if ((token.kind !== 'bare' && token.kind !== 'quoted') || token.text === '' || this.isKeyword(token)) {
      refuseItem(token);
    }
    this.terms += 1;
    if (this.terms > TERMS_MAX) refuse(`more than ${TERMS_MAX} conditions`, start, token.text);
    if (this.peek().kind === 'operator') return { tree: this.comparison(token), start, end: this.at };
    return { tree: { word: token.text }, start, end: token.end };
  }

  private comparison(key: Token): Compare {
    const { space } = keyOf(key);
    const sign = this.take();
    const operator = (sign.text === '=' ? ':' : sign.text === '!=' ? '!:' : sign.text) as Operator;
    this.refuseSigns(key, sign);
    const value = this.value();
    check(space, key, sign, operator, value);
    return { space, key: key.text, operator, value: value.text, quoted: value.kind === 'quoted' };
  }

  /** Refuses an operator that there is not; a value that begins with a sign is quoted. */
  private refuseSigns(key: Token, sign: Token): void {
    if (key.kind === 'bare' && key.text.endsWith('!')) {
      refuse(`'!${sign.text}' is no operator: write not in front`, key.end - 1, `!${sign.text}`);
    }
    SIGNS.lastIndex = sign.end;
    const more = SIGNS.exec(this.text)?.[0];
    if (more === undefined) return;
    const written = sign.text + more;
    const meant = Object.hasOwn(MEANT, written) ? MEANT[written] : undefined;
    const advice = meant ? `write '${meant}'` : 'a value that begins with it stands in quotes';
    refuse(`'${written}' is no operator: ${advice}`, sign.start, written);
  }

  private keyword(word: string): boolean {
    if (!this.isKeyword(this.peek(), word)) return false;
    this.take();
    return true;
  }

  private isKeyword(token: Token, word?: string): boolean {
    if (token.kind !== 'bare' || !KEYWORD.test(token.text)) return false;
    if (word !== undefined && token.text.toLowerCase() !== word) return false;
    // `or:3` compares a key of that name.
    return this.match(token.end)?.kind !== 'operator';
  }
}

function refuseItem(token: Token): never {
  if (token.kind === 'end') refuse('something is missing at the end', token.start);
  if (token.kind === 'operator') refuse(`'${token.text}' has no key in front of it`, token.start, token.text);
  if (token.kind === 'close') refuse("nothing stands before ')'", token.start, token.text);
  if (token.kind === 'quoted') refuse('an empty text finds nothing', token.start, '""');
  refuse(`'${token.text}' has nothing to join`, token.start, token.text);
}

const SPACES = ['config', 'summary'] as const;
/** What a metric of a run amounts to; its value at a step is a column that no run is found by. */
const METRIC = /^metric\.(?:last|best|min|max|mean|nan|inf|(at)\.\d{1,18})\.[\s\S]/;

function keyOf(token: Token): { space: Compare['space'] } {
  if (Object.hasOwn(ATTRIBUTES, token.text)) return { space: 'run' };
  const metric = METRIC.exec(token.text);
  if (metric?.[1]) {
    refuse('the value at a step is a column: runs are not found or sorted by it', token.start, token.text);
  }
  if (metric) return { space: 'metric' };
  for (const space of SPACES) {
    if (!token.text.startsWith(`${space}.`)) continue;
    if (token.text.length === space.length + 1) refuse(`'${token.text}' names no key`, token.start, token.text);
    return { space };
  }
  return { space: '' };
}

function check(space: Compare['space'], key: Token, sign: Token, operator: Operator, value: Token): void {
  const isOrder = operator !== ':' && operator !== '!:' && operator !== '~';
  const kind = space === 'run' ? ATTRIBUTES[key.text] : undefined;
  const { text } = value;
  if (isOrder && (kind === 'text' || kind === 'tags')) {
    refuse(`'${key.text}' is text: compare it with ':' or '~'`, sign.start, sign.text);
  }
  if (operator === '~') {
    if (kind === 'number' || kind === 'time' || kind === 'duration') {
      refuse(`'${key.text}' is a ${kind}: compare it with ':' or '>'`, sign.start, sign.text);
    }
    if (text === '') refuse("'~' needs a text to search", value.start);
    return;
  }
  if (kind === undefined || kind === 'text' || kind === 'tags' || kind === 'number') {
    if ((isOrder || (kind === 'number' && text !== '*')) && !NUMBER.test(text)) {
      refuse(`'${text}' is not a number`, value.start, text);
    }
  } else if (text === '*' && !isOrder) {
    return;
  } else if (kind === 'duration') {
    if (!DURATION.test(text)) refuse(`'${text}' is not a duration such as 90s or 2h`, value.start, text);
  } else if (!isMoment(text)) {
    refuse(`'${text}' is not a moment such as 7d or 2026-01-31`, value.start, text);
  } else if (DURATION.test(text) && !isOrder) {
    refuse("an age is compared with '>' or '<'", sign.start, sign.text);
  }
}

function isMoment(text: string): boolean {
  const age = DURATION.exec(text);
  if (age) return age[2] !== '';
  return MOMENT.test(text) && !Number.isNaN(Date.parse(text.slice(0, 10)));
}

function both(items: readonly FilterTree[]): FilterTree {
  const flat = items.flatMap((item) => ('and' in item ? item.and : [item]));
  return flat.length === 1 ? (flat[0] as FilterTree) : { and: flat };
}

/** The tree of a filter, null for an empty one. Throws FilterProblem. */
export function parseFilter(text: string): FilterTree | null {
  const items = new Parser(text).parse();
  return items.length === 0 ? null : both(items.map((item) => item.tree));
}

/** The text of a key as a filter or a sort spells it. */
export function keyText(key: string): string {
  // A key called `or`, or one that begins like a descending sort, is quoted to stay a key.
  return SPECIAL.test(key) || KEYWORD.test(key) || key.startsWith('-') ? quoted(key) : key;
}

/** The text of a tree; reading it gives the tree again. */
export function printFilter(tree: FilterTree | null): string {
  if (tree === null) return '';
  const grouped = (inner: FilterTree, needs: boolean) => (needs ? `(${printFilter(inner)})` : printFilter(inner));
  if ('or' in tree) return tree.or.map(printFilter).join(' or ');
  if ('and' in tree) return tree.and.map((item) => grouped(item, 'or' in item)).join(' ');
  if ('not' in tree) return `not ${grouped(tree.not, 'and' in tree.not || 'or' in tree.not)}`;
  if ('word' in tree) return SPECIAL.test(tree.word) || KEYWORD.test(tree.word) ? quoted(tree.word) : tree.word;
  return `${keyText(tree.key)}${tree.operator}${tree.quoted ? quoted(tree.value) : tree.value}`;
}

export interface Chip {
  /** As the person wrote it. */
  text: string;
  tree: FilterTree;
}

/** The conditions of a filter that all must hold, each in its own words. Throws FilterProblem. */
export function chipsOf(text: string): Chip[] {
  return new Parser(text).parse().map(({ tree, start, end }) => ({ tree, text: text.slice(start, end) }));
}

/** A filter of conditions; one that joins with *or* keeps its meaning beside others. */
export function joinChips(texts: readonly string[]): string {
  if (texts.length < 2) return texts.join('');
  return texts
    .map((text) => {
      const tree = parseFilter(text);
      return tree !== null && 'or' in tree && !isWrapped(text) ? `(${text})` : text;
    })
    .join(' ');
}

function isWrapped(text: string): boolean {
  return text.startsWith('(') && text.endsWith(')') && chipsOf(text).length === 1 && !/^\(.*\)\s+or\s/i.test(text);
}

/** What is being typed at the end of a text: a key (or word), or a value behind a key and an operator. */
export type Typing =
  | { kind: 'key'; prefix: string; start: number }
  | { kind: 'value'; key: string; operator: Operator; prefix: string; start: number; keyStart: number };

export function typingAt(text: string): Typing {
  const key = String.raw`(?:"(?:[^"\\]|\\.)*"|(?:[^\s()":!<>=~]|!(?![:=]))+)`;
  const behind = new RegExp(String.raw`(${key})\s*(!:|!=|>=|<=|[:=<>~])\s*("(?:[^"\\]|\\.)*|[^\s()"]*)$`).exec(text);
  if (behind) {
    const [whole, name, sign, typed] = behind as unknown as [string, string, string, string];
    const operator = (sign === '=' ? ':' : sign === '!=' ? '!:' : sign) as Operator;
    return {
      kind: 'value',
      key: name.startsWith('"') ? unquote(name) : name,
      operator,
      prefix: typed.startsWith('"') ? unquote(`${typed}"`) : typed,
      start: behind.index + whole.length - typed.length,
      keyStart: behind.index,
    };
  }
  const typed = /(?:"(?:[^"\\]|\\.)*|[^\s()"]*)$/.exec(text)?.[0] ?? '';
  return {
    kind: 'key',
    prefix: typed.startsWith('"') ? unquote(`${typed}"`) : typed,
    start: text.length - typed.length,
  };
}
