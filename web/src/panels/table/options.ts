// What a table panel keeps. Pure.
import { flagOf, mapOf, numberOf, textOf, textsOf, type Options } from '../../lib/options';
import type { Sorting } from '../../lib/tables';

export interface TableOptions {
  metric: string;
  /** Run id; "" for the first that has the table. */
  run: string;
  /** The run it is joined with; "" for none. */
  with: string;
  /** The column to join on; "" for one that fits. */
  key: string;
  filter: string;
  sort: Sorting | null;
  onlyChanged: boolean;
  step: number | null;
  linked: boolean;
}

export function tableOptions(options: Options, first: string): TableOptions {
  const sort = mapOf(options, 'sort');
  const column = numberOf(sort, 'column', -1);
  return {
    metric: textOf(options, 'metric', '') || (textsOf(options, 'metrics')?.[0] ?? first),
    run: textOf(options, 'run', ''),
    with: textOf(options, 'with', ''),
    key: textOf(options, 'key', ''),
    filter: textOf(options, 'filter', ''),
    sort: column < 0 ? null : { column, direction: sort.direction === -1 ? -1 : 1 },
    onlyChanged: flagOf(options, 'onlyChanged', false),
    step: numberOf(options, 'step', null),
    linked: flagOf(options, 'linked', true),
  };
}
