// Whether an expression can be computed: the server reads it, and says which token it does not understand.
import { ApiError } from '../../api/client';
import { postSeries } from '../../api/endpoints';
import type { Metric } from '../../api/types';
import type { ProjectSession } from '../../state/project.svelte';

/** What the server says against it; null when it can be computed. */
export async function refusalOf(
  session: ProjectSession,
  expression: string,
  space: Metric['space'],
  run: string | undefined,
): Promise<string | null> {
  const runs = run === undefined ? [] : [run];
  const range = { x: '_step', x_min: null, x_max: null, buckets: 2, log_x: false };
  try {
    await postSeries(session.entity, session.project, { space, metrics: [expression], runs, ...range });
    return null;
  } catch (error) {
    return error instanceof ApiError ? error.detail : String(error);
  }
}
