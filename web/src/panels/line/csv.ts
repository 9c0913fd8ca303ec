// The drawn buckets as CSV, with full precision: one row per line and bucket. Pure.
import type { ChartLine } from '../../charts';

const HEADER = 'run_id,run_name,x,points,value,min,max,last';

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(lines: readonly ChartLine[]): string {
  const rows = [HEADER];
  for (const { subject, label, data } of lines) {
    const name = `${quoted(subject)},${quoted(label)}`;
    for (let i = 0; i < data.n; i++) {
      const cells = [data.x[i], data.count?.[i] ?? 1, data.mean[i], data.min[i], data.max[i], data.last[i]];
      rows.push(`${name},${cells.join(',')}`);
    }
  }
  return `${rows.join('\n')}\n`;
}
