import type { FileList } from '../../state/files.svelte';
import type { ProjectSession } from '../../state/project.svelte';
import { later } from '../../strings-later';

/** What is said of a file whose content is not there: it may still come, unless the run has ended without it. */
export function absentText(session: ProjectSession, run: string, files: FileList, path: string): string {
  if (!files.files) return '';
  const isOver = (session.runs.known(run)?.state ?? 'running') !== 'running';
  return isOver && !files.find(path) ? later.media.gone : later.media.pending;
}
