// Logged text of several runs as one list. Pure.
import type { Run } from '../../api/types';
import { flagOf, textOf, textsOf, type Options } from '../../lib/options';
import { matcher } from '../../state/sections';

export interface TextOptions {
  metric: string;
  search: string;
  newestFirst: boolean;
}

export function textOptions(options: Options, first: string): TextOptions {
  return {
    metric: textOf(options, 'metric', '') || (textsOf(options, 'metrics')?.[0] ?? first),
    search: textOf(options, 'search', ''),
    newestFirst: flagOf(options, 'newestFirst', true),
  };
}

export interface TextRow {
  run: Run;
  step: number;
  text: string;
}

/** By step, at one step in the order of the runs. Null where the search is no valid expression. */
export function textRows(
  parts: readonly { run: Run; steps: readonly { step: number; text: string }[] }[],
  options: TextOptions,
): TextRow[] | null {
  const test = matcher(options.search);
  if (test === null) return null;
  const rows = parts.flatMap(({ run, steps }) =>
    steps.flatMap(({ step, text }) => (test(text) ? [{ run, step, text }] : [])),
  );
  const direction = options.newestFirst ? -1 : 1;
  return rows.sort((a, b) => (a.step - b.step) * direction);
}
