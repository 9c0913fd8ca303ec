// Downloads of picked runs, with the columns that the table shows.
import { getFields } from '../../api/endpoints';
import { basePath } from '../../api/client';
import type { Run } from '../../api/types';
import { codeOf, csvOf, jsonOf, readRuns, type ExportColumn } from '../../state/export-runs';
import type { ProjectSession } from '../../state/project.svelte';
import { quoteKey } from '../../state/sorting';
import { toasts } from '../../state/toasts.svelte';
import { copyText, saveFile } from '../../ui/clipboard';
import { allColumns, automaticColumns, columnOf, valueIn, type Column } from '../table/columns';

export type ExportKind = 'csv' | 'json' | 'pandas' | 'polars';

async function columnsOf(session: ProjectSession): Promise<Column[]> {
  const chosen = session.view.table.columns;
  const fields = await getFields(session.entity, session.project);
  const all = allColumns(fields);
  const paths = chosen ?? automaticColumns(all, session.runs.first(50));
  const byPath = new Map(all.map((column) => [column.path, column]));
  return paths
    .map((path) => byPath.get(path) ?? columnOf(path))
    .filter((column): column is Column => column !== null && column.group !== 'spark');
}

/** Times as people and programs read them. */
const valueOf = (run: Run, column: Column) =>
  column.path === 'created' && run.created_us !== null
    ? new Date(run.created_us / 1000).toISOString()
    : valueIn(run, column);

export async function saveRuns(
  session: ProjectSession,
  kind: ExportKind,
  onprogress: (done: number) => void,
): Promise<void> {
  const { entity, project } = session;
  try {
    const columns = await columnsOf(session);
    const { target } = session.selection;
    const { sort } = session.runs;
    if (kind === 'pandas' || kind === 'polars') {
      const paths = columns.map(({ path }) => path);
      const code = codeOf(kind, `${location.origin}${basePath}`, `${entity}/${project}`, target, sort, paths);
      await copyText(code);
      return;
    }
    const computed = columns.filter(({ group }) => group === 'metric').map(({ path }) => quoteKey(path));
    const runs = await readRuns(entity, project, target, sort, computed.join(','), onprogress);
    const own: ExportColumn[] = [
      { path: 'id', value: (run) => run.id },
      { path: 'name', value: (run) => run.name },
    ];
    const rest = columns
      .filter(({ path }) => path !== 'id')
      .map((column): ExportColumn => ({ path: column.path, value: (run) => valueOf(run, column) }));
    const [text, type] =
      kind === 'csv'
        ? [csvOf(runs, [...own, ...rest]), 'text/csv;charset=utf-8']
        : [jsonOf(runs, [...own, ...rest]), 'application/json'];
    saveFile(`${project}-runs.${kind}`, new Blob([text], { type }));
  } catch (error) {
    toasts.error(error);
  }
}
