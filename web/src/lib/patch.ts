/** A unified diff, such as `git diff` writes it, as files and rows to show. */

export interface PatchRow {
  readonly kind: 'same' | 'deleted' | 'inserted' | 'hunk' | 'note';
  readonly text: string;
  /** Line numbers from 1; null where a side has no such line. */
  readonly a: number | null;
  readonly b: number | null;
}

export interface PatchFile {
  readonly path: string;
  /** The name before, where it differs. */
  readonly from: string;
  readonly rows: readonly PatchRow[];
  readonly added: number;
  readonly removed: number;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/;
const HEADERS = /^(index |old mode|new mode|new file mode|deleted file mode|similarity |dissimilarity |rename |copy )/;

export function parsePatch(text: string): PatchFile[] {
  const reader = new PatchReader();
  for (const line of text.split('\n')) reader.take(line.endsWith('\r') ? line.slice(0, -1) : line);
  return reader.end();
}

class PatchReader {
  private readonly files: PatchFile[] = [];
  private path = '';
  private from = '';
  private rows: PatchRow[] = [];
  private a = 0;
  private b = 0;
  /** Lines of the hunk that are still to come, so that a line `--- x` inside of one is a line of text. */
  private aLeft = 0;
  private bLeft = 0;

  take(line: string): void {
    if (this.aLeft > 0 || this.bLeft > 0) this.takeBody(line);
    else if (line.startsWith('diff --git ')) this.begin(nameAfter(line.slice(line.lastIndexOf(' b/') + 1)));
    else if (line.startsWith('--- ')) this.takeOld(nameAfter(line.slice(4)));
    else if (line.startsWith('+++ ')) this.takeNew(nameAfter(line.slice(4)));
    else if (HUNK.test(line)) this.takeHunk(line);
    else if (line.startsWith('\\') || /^(GIT binary|Binary files)/.test(line)) this.push('note', line, null, null);
    else if (line !== '' && !HEADERS.test(line) && this.path !== '') this.push('note', line, null, null);
  }

  end(): PatchFile[] {
    this.begin('');
    return this.files;
  }

  private takeBody(line: string): void {
    const mark = line[0] ?? ' ';
    const text = line.slice(1);
    if (mark === '-') {
      this.push('deleted', text, this.a++, null);
      this.aLeft -= 1;
    } else if (mark === '+') {
      this.push('inserted', text, null, this.b++);
      this.bLeft -= 1;
    } else if (mark === '\\') {
      this.push('note', line, null, null);
    } else {
      this.push('same', text, this.a++, this.b++);
      this.aLeft -= 1;
      this.bLeft -= 1;
    }
  }

  private takeOld(name: string): void {
    // Without a "diff --git" line before it, this is where a file begins.
    if (this.rows.some((row) => row.kind === 'hunk')) this.begin('');
    this.from = name;
  }

  private takeNew(name: string): void {
    this.path = name === '/dev/null' ? this.from : name;
  }

  private takeHunk(line: string): void {
    const [, a, aCount, b, bCount, title] = HUNK.exec(line)!;
    this.push('hunk', line.slice(0, line.length - (title ?? '').length).trim() + (title ?? ''), null, null);
    [this.a, this.b] = [Number(a), Number(b)];
    [this.aLeft, this.bLeft] = [Number(aCount ?? 1), Number(bCount ?? 1)];
  }

  private begin(path: string): void {
    if (this.path !== '') {
      const count = (kind: PatchRow['kind']): number => this.rows.filter((row) => row.kind === kind).length;
      const from = this.from === this.path || this.from === '/dev/null' ? '' : this.from;
      const [added, removed] = [count('inserted'), count('deleted')];
      this.files.push({ path: this.path, from, rows: this.rows, added, removed });
    }
    this.path = path;
    this.from = path;
    this.rows = [];
    this.aLeft = this.bLeft = 0;
  }

  private push(kind: PatchRow['kind'], text: string, a: number | null, b: number | null): void {
    this.rows.push({ kind, text, a, b });
  }
}

/** A path without `a/` or `b/`, quotes, and the time that plain `diff` writes behind it. */
function nameAfter(text: string): string {
  const name = text.split('\t')[0]!.replace(/^"(.*)"$/, '$1');
  return name.replace(/^[abciow]\//, '');
}
