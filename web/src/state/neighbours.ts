// The runs that a run is looked at beside: the view's baseline, and the closest earlier run of the same program.
import { getRuns } from '../api/endpoints';
import type { Run } from '../api/types';

const LOOKED_AT = 10;

/** The closest earlier run of the same program; null where there is none. */
export async function previousRun(run: Run, signal?: AbortSignal): Promise<Run | null> {
  if (run.program === '') return null;
  // Filters know whole seconds; runs of the same second are told apart below.
  const until = new Date(Math.floor(run.created_us / 1e6) * 1000 + 1000).toISOString().replace('.000', '');
  const filter = `program:"${run.program.replaceAll('"', '')}" created<${until}`;
  const page = await getRuns(run.entity, run.project, { filter, sort: '-created', limit: LOOKED_AT }, signal);
  return page.runs.find((one) => one.id !== run.id && one.created_us < run.created_us) ?? null;
}
