// The value of a run that a column, a filter or a group speaks of, by its path. Pure.
import type { Json, JsonTree, Run } from '../api/types';
import { valueAt } from '../ui/format';

/** Paths are those of filters: `config.lr`, `summary.loss`, `created`, `group`. */
export function fieldValue(run: Run, path: string): Json | undefined {
  if (path.startsWith('config.')) return valueAt(run.config, path.slice(7));
  if (path.startsWith('summary.')) return valueAt(run.summary, path.slice(8));
  const times: Record<string, Json> = { created: run.created_us, runtime: run.runtime_us };
  return path in times ? times[path] : ((run as unknown as JsonTree)[path] ?? undefined);
}

/** How a path reads: `config.lr` is lr, `summary.val/acc` is val/acc. */
export function pathLabel(path: string): string {
  return path.replace(/^(config|summary)\./, '').replace(/\\(.)/g, '$1');
}
