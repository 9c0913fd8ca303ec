/** Text in columns: CSV as RFC 4180 has it, and its kin with tabs, semicolons or bars between. */

export interface Delimited {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What stands between two fields. */
  readonly mark: string;
}

const MARKS = [',', '\t', ';', '|'] as const;
const SNIFFED_LINES = 20;

/** The mark that parts the first lines into most, and equally many, fields. */
export function markOf(text: string): string {
  const head = text.slice(0, 20_000);
  let best: string = ',';
  let most = 1;
  for (const mark of MARKS) {
    const counts = split(head, mark, SNIFFED_LINES)
      .filter((row) => row.length > 1 || row[0] !== '')
      .map((row) => row.length);
    const first = counts[0] ?? 1;
    const alike = counts.filter((count) => count === first).length;
    if (first > most && alike >= counts.length * 0.8) [best, most] = [mark, first];
  }
  return best;
}

/**
 * The rows below the first, which names the columns. Short rows are filled up; names are made for fields beyond the
 * named ones. `isCut`: the text ends somewhere, so its last row is left out.
 */
export function parseDelimited(text: string, options: { mark?: string; isCut?: boolean } = {}): Delimited {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  const mark = options.mark ?? markOf(body);
  const all = split(body, mark).filter((row) => row.length > 1 || row[0] !== '');
  if (options.isCut) all.pop();
  const [names = [], ...rows] = all;
  const width = rows.reduce((most, row) => Math.max(most, row.length), names.length);
  const columns = Array.from({ length: width }, (_, at) => names[at] ?? `column ${at + 1}`);
  return { columns, rows, mark };
}

function split(text: string, mark: string, rowsMax = Infinity): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  const endRow = (): void => {
    rows.push(row);
    row = [];
  };
  while (at < text.length && rows.length < rowsMax) {
    let field: string;
    if (text[at] === '"') [field, at] = quoted(text, at, mark);
    else {
      const from = at;
      while (at < text.length && text[at] !== mark && text[at] !== '\n' && text[at] !== '\r') at += 1;
      field = text.slice(from, at);
    }
    row.push(field);
    if (text[at] === mark) {
      at += 1;
      // A mark at the very end has an empty field behind it.
      if (at === text.length) row.push('');
      else if (text[at] === '\n' || text[at] === '\r') row.push('');
      else continue;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
    at += 1;
    endRow();
  }
  if (row.length > 0) endRow();
  return rows;
}

/** A field in quotes, a quote inside it doubled; what follows the closing one up to the mark belongs to it, too. */
function quoted(text: string, start: number, mark: string): [string, number] {
  let field = '';
  let at = start + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return [field + text.slice(at), text.length];
    field += text.slice(at, end);
    at = end + 1;
    if (text[at] !== '"') break;
    field += '"';
    at += 1;
  }
  const from = at;
  while (at < text.length && text[at] !== mark && text[at] !== '\n' && text[at] !== '\r') at += 1;
  return [field + text.slice(from, at), at];
}

/** What a field says, as far as a table is concerned: a number where it is written as one. */
export function fieldNumber(field: string): number | null {
  return field !== '' && /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(field) ? Number(field) : null;
}
