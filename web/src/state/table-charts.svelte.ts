// Which chart a logged table is the data of: said by the value beside it, or by the run for the official client.
import { getRun } from '../api/endpoints';
import type { Json, JsonTree } from '../api/types';
import { plotChart, visualizedChart, type TableChart } from '../lib/table-charts';
import { valueAt } from '../ui/format';
import type { ProjectSession } from './project.svelte';

const TABLE = '_table';

const branch = (value: Json | undefined, key: string): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonTree)[key] : undefined;

/** To be called while a component is made. */
export function chartOfTable(
  session: () => ProjectSession,
  read: () => { run: string; key: string },
): { readonly chart: TableChart | null } {
  let found = $state.raw<TableChart | null>(null);
  $effect(() => {
    const { run, key } = read();
    found = null;
    if (run === '' || !key.endsWith(TABLE)) return;
    const name = key.slice(0, -TABLE.length);
    const { entity, project, runs } = session();
    const said = plotChart(valueAt(runs.known(run)?.summary, name));
    if (said) {
      found = said;
      return;
    }
    const controller = new AbortController();
    getRun(entity, project, run, controller.signal).then(
      (detail) => {
        const listed = branch(branch(detail.environment as Json, 'wandb'), 'visualize');
        found = plotChart(valueAt(detail.summary, name)) ?? visualizedChart(branch(listed, name));
      },
      () => undefined, // without it the table is shown as a table
    );
    return () => controller.abort();
  });
  return {
    get chart() {
      return found;
    },
  };
}
