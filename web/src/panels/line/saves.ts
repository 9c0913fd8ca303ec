// Files of a line panel; loaded when somebody saves one.
import type { ChartLine } from '../../charts';
import { parquetOf } from '../../lib/parquet';
import { csvOf } from './csv';
import { rowsOf } from './rows';

export function csv(lines: readonly ChartLine[], xName: string): string {
  return csvOf(rowsOf(lines, xName));
}

export function parquet(lines: readonly ChartLine[], xName: string): Blob {
  const { kind, columns } = rowsOf(lines, xName);
  return parquetOf(columns, { 'kiseki.rows': kind });
}
