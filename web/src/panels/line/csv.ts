// The rows of a line panel as CSV. Pure.
import type { LineRows } from './rows';

function quoted(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf({ columns }: LineRows): string {
  const lines = [columns.map(({ name }) => quoted(name)).join(',')];
  const rows = columns[0]?.values.length ?? 0;
  for (let i = 0; i < rows; i++) {
    lines.push(
      columns.map(({ kind, values }) => (kind === 'text' ? quoted(values[i] as string) : values[i])).join(','),
    );
  }
  return `${lines.join('\n')}\n`;
}
