// A comparison as tables: for Markdown, and for paper. Pure.
import type { Json, RunDetail } from '../../api/types';
import { compareTrees, markdownTable } from '../../lib/compare';
import { compareStrings } from '../../strings-compare';
import { later } from '../../strings-later';
import { exact } from '../../ui/format';
import { deltaText } from './words';

export type ComparedPart = 'config' | 'summary' | 'environment' | 'packages';
export const COMPARED: readonly ComparedPart[] = ['config', 'summary', 'environment', 'packages'];

export interface ComparedTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const LONG = 300;

/** The keys that differ and are not ignored, part by part; numbers with how far they are from the base's. */
export function comparedTables(runs: readonly RunDetail[], isIgnored: (path: string) => boolean): ComparedTable[] {
  return COMPARED.map((part) => {
    const rows = compareTrees(runs.map((run) => run[part])).filter((row) => row.differs && !isIgnored(row.path));
    return {
      title: later.compare.tabs[part],
      head: [later.compare.key, ...runs.map((run) => run.name)],
      rows: rows.map((row) => [
        row.path,
        ...row.values.map((value, i) => {
          const text = value === undefined ? '' : exact(value as Json);
          const delta = i === 0 ? '' : deltaText(row.values[0], value);
          return (text.length > LONG ? `${text.slice(0, LONG)}…` : text) + (delta === '' ? '' : ` (${delta})`);
        }),
      ]),
    };
  });
}

export function comparisonMarkdown(
  runs: readonly RunDetail[],
  isIgnored: (path: string) => boolean,
  url: string,
): string {
  const parts = comparedTables(runs, isIgnored).map(
    ({ title, head, rows }) =>
      `## ${title}\n\n${rows.length === 0 ? compareStrings.noDifferences : markdownTable(head, rows)}`,
  );
  const title = compareStrings.title(runs[0]?.name ?? '', runs.length - 1);
  return `# ${title.replaceAll('\n', ' ')}\n\n<${url}>\n\n${parts.join('\n\n')}\n`;
}
