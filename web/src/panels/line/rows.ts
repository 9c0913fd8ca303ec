// What a line panel shows as the columns of a table, in full precision: points where every series is exact, else buckets.
import type { ChartLine } from '../../charts';
import type { ParquetColumn } from '../../lib/parquet';

/** Said in the file: what a row is. */
export type RowKind = 'points' | 'buckets' | 'groups';

export interface LineRows {
  kind: RowKind;
  columns: readonly ParquetColumn[];
}

export function rowsOf(lines: readonly ChartLine[], xName: string): LineRows {
  const kind: RowKind = lines.some((line) => line.data.group !== undefined)
    ? 'groups'
    : lines.every((line) => line.data.exact)
      ? 'points'
      : 'buckets';
  const total = lines.reduce((sum, { data }) => sum + data.n, 0);
  const texts = (pick: (line: ChartLine) => string) =>
    lines.flatMap((line) => Array<string>(line.data.n).fill(pick(line)));
  const numbers = (pick: (line: ChartLine) => ArrayLike<number> | null): Float64Array => {
    const out = new Float64Array(total).fill(NaN);
    let at = 0;
    for (const line of lines) {
      const column = pick(line);
      if (column !== null) out.set(column, at);
      at += line.data.n;
    }
    return out;
  };
  const text = (name: string, pick: (line: ChartLine) => string): ParquetColumn => ({
    name,
    kind: 'text',
    values: texts(pick),
  });
  const number = (name: string, pick: (line: ChartLine) => ArrayLike<number> | null): ParquetColumn => ({
    name,
    kind: 'number',
    values: numbers(pick),
  });
  const whole = (name: string, pick: (line: ChartLine) => ArrayLike<number>): ParquetColumn => ({
    name,
    kind: 'whole',
    values: Uint32Array.from(numbers(pick)),
  });
  const columns: ParquetColumn[] = [
    text(kind === 'groups' ? 'group' : 'run_id', (line) => line.subject),
    text('name', (line) => line.label),
    text('metric', (line) => line.data.metric),
    number(xName, (line) => line.data.x),
  ];
  if (kind === 'points') columns.push(number('value', (line) => line.data.first));
  else if (kind === 'groups') {
    columns.push(
      number('value', (line) => line.data.first),
      number('low', (line) => line.band?.low ?? null),
      number('high', (line) => line.band?.high ?? null),
      whole('runs', (line) => line.data.group?.contributors ?? new Uint32Array(line.data.n)),
    );
  } else {
    columns.push(
      whole('points', (line) => line.data.count ?? new Uint32Array(line.data.n).fill(1)),
      number('mean', (line) => line.data.mean),
      number('min', (line) => line.data.min),
      number('max', (line) => line.data.max),
      number('last', (line) => line.data.last),
    );
  }
  return { kind, columns };
}
