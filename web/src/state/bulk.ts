// What is done to many picked runs: one request, by ids or by the filter that all of them match; taken back by one click.
import { deleteMatching, editRuns, stopRuns, undoEdit, type BulkAnswer, type BulkEdit, type Which } from '../api/bulk';
import { tableText } from '../strings-table';
import { quoted } from './filters';
import type { ProjectSession } from './project.svelte';
import type { Target } from './selection.svelte';
import { toasts } from './toasts.svelte';
import { throwAway } from './trash';

const UNDO_MS = 15_000;

/** All runs that match a filter but those taken out by hand. */
export function whichOf(target: Target): Which {
  if ('ids' in target) return { runs: target.ids };
  const filter = target.filter.trim();
  const out = target.except.map((id) => `not id:${quoted(id)}`).join(' ');
  if (out === '') return { filter };
  return { filter: filter === '' ? out : `(${filter}) ${out}` };
}

/** Does something to the picked runs and says so; whether it was done. */
async function change(
  session: ProjectSession,
  ask: () => Promise<BulkAnswer>,
  done: (count: number) => string,
): Promise<boolean> {
  const { entity, project } = session;
  try {
    const { changed, undo } = await toasts.during(ask(), tableText.bulk.changing(session.selection.size));
    const back = () => change(session, () => undoEdit(entity, project, undo), tableText.bulk.done);
    toasts.info(done(changed), undo === '' ? null : { label: tableText.bulk.undo, run: () => void back() }, UNDO_MS);
    session.runs.lookAgain();
    session.groups.lookAgain();
    return true;
  } catch (error) {
    toasts.error(error);
    return false;
  }
}

export const bulkEdit = (session: ProjectSession, target: Target, edit: BulkEdit, done = tableText.bulk.done) =>
  change(session, () => editRuns(session.entity, session.project, whichOf(target), edit), done);

export const bulkStop = (session: ProjectSession, target: Target) =>
  change(
    session,
    () => stopRuns(session.entity, session.project, whichOf(target)),
    (count) => (count === 0 ? tableText.bulk.noneRunning : tableText.bulk.stopped(count)),
  );

export function bulkDelete(session: ProjectSession, target: Target, expected: number, name = ''): Promise<boolean> {
  const { entity, project } = session;
  if ('ids' in target) return throwAway(entity, project, target.ids, name);
  const { filter } = whichOf(target) as { filter: string };
  return change(session, () => deleteMatching(entity, project, filter, expected), tableText.bulk.deleted);
}
