/**
 * A Jupyter notebook as data: cells and what they printed, to be shown as text and pictures by whoever shows them.
 * Of an output with several forms the best one that needs no script and no markup is taken.
 */

export type NotebookOutput =
  /** May hold terminal colours. */
  | { readonly kind: 'text'; readonly text: string; readonly isError: boolean }
  | { readonly kind: 'markdown'; readonly text: string }
  /** A data URL. */
  | { readonly kind: 'picture'; readonly url: string }
  /** Something that only a notebook can show, by its type. */
  | { readonly kind: 'other'; readonly type: string };

export interface NotebookCell {
  readonly kind: 'code' | 'markdown' | 'raw';
  readonly source: string;
  /** Number of its last execution; null where it has none. */
  readonly count: number | null;
  readonly outputs: readonly NotebookOutput[];
}

export interface Notebook {
  readonly language: string;
  readonly cells: readonly NotebookCell[];
}

type Plain = Record<string, unknown>;

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** Null for what is no notebook of format 4 (or 3, of which the cells are read). */
export function parseNotebook(text: string): Notebook | null {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isPlain(root)) return null;
  const sheet = Array.isArray(root.worksheets) ? root.worksheets[0] : undefined;
  const cells = Array.isArray(root.cells) ? root.cells : isPlain(sheet) && Array.isArray(sheet.cells) ? sheet.cells : null;
  if (cells === null) return null;
  const about = isPlain(root.metadata) ? root.metadata : {};
  const spec = isPlain(about.kernelspec) ? about.kernelspec : isPlain(about.language_info) ? about.language_info : {};
  return { language: String(spec.language ?? spec.name ?? 'python'), cells: cells.filter(isPlain).map(cellOf) };
}

function cellOf(cell: Plain): NotebookCell {
  const kind = cell.cell_type === 'code' || cell.cell_type === 'markdown' ? cell.cell_type : 'raw';
  const count = cell.execution_count ?? cell.prompt_number;
  return {
    kind,
    source: textOf(cell.source ?? cell.input),
    count: typeof count === 'number' ? count : null,
    outputs: Array.isArray(cell.outputs) ? joined(cell.outputs.filter(isPlain).map(outputOf)) : [],
  };
}

function outputOf(output: Plain): NotebookOutput {
  switch (output.output_type) {
    case 'stream':
      return { kind: 'text', text: textOf(output.text), isError: output.name === 'stderr' };
    case 'error':
    case 'pyerr': {
      const lines = Array.isArray(output.traceback) ? output.traceback.map(String) : [];
      const text = lines.length > 0 ? lines.join('\n') : `${textOf(output.ename)}: ${textOf(output.evalue)}`;
      return { kind: 'text', text, isError: true };
    }
    default:
      return bestOf(isPlain(output.data) ? output.data : output);
  }
}

function bestOf(data: Plain): NotebookOutput {
  for (const type of PICTURES) {
    const held = textOf(data[type] ?? data[type.slice('image/'.length)]).replace(/\s+/g, '');
    if (held !== '' && /^[A-Za-z0-9+/]+=*$/.test(held)) return { kind: 'picture', url: `data:${type};base64,${held}` };
  }
  if (data['text/markdown'] !== undefined) return { kind: 'markdown', text: textOf(data['text/markdown']) };
  const plain = data['text/plain'] ?? data.text;
  if (plain !== undefined) return { kind: 'text', text: textOf(plain), isError: false };
  return { kind: 'other', type: Object.keys(data).find((key) => key.includes('/')) ?? '' };
}

/** Pieces of one stream that follow each other are one output. */
function joined(outputs: readonly NotebookOutput[]): NotebookOutput[] {
  const all: NotebookOutput[] = [];
  for (const one of outputs) {
    const last = all.at(-1);
    if (one.kind === 'text' && last?.kind === 'text' && last.isError === one.isError && last.text.endsWith('\n')) {
      all[all.length - 1] = { ...last, text: last.text + one.text };
    } else all.push(one);
  }
  return all;
}

const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join('');
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value);
}
