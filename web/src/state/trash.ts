// Deleting without asking: what went into the trash comes back with one click.
import { deleteRuns, restoreRuns } from '../api/trash';
import { later } from '../strings-later';
import { toasts } from './toasts.svelte';

const UNDO_MS = 15_000;

/** Puts runs into the trash and offers to undo it; whether they are there. */
export async function throwAway(entity: string, project: string, runs: readonly string[], name = ''): Promise<boolean> {
  try {
    const gone = await deleteRuns(entity, project, runs);
    const undo = { label: later.trash.undo, run: () => void restore(entity, project, gone) };
    toasts.info(later.trash.moved(gone.length, name), gone.length > 0 ? undo : null, UNDO_MS);
    return true;
  } catch (error) {
    toasts.error(error);
    return false;
  }
}

/** Takes runs out of the trash; whether they are there again. */
export async function restore(entity: string, project: string, runs: readonly string[], name = ''): Promise<boolean> {
  try {
    const back = await restoreRuns(entity, project, runs);
    toasts.info(later.trash.restored(back.length, name));
    return true;
  } catch (error) {
    toasts.error(error);
    return false;
  }
}
