// The content of a logged table, loaded once its file is there. Tables are joined by content, so one that stays the same is asked for once.
import { untrack } from 'svelte';
import { getText } from '../api/client';
import { artifactFileUrl, tableAddress } from '../api/artifacts';
import { fileUrl } from '../api/files';
import { tableOf, type LoggedTable } from '../lib/tables';
import type { FileList } from './files.svelte';
import type { ProjectSession } from './project.svelte';

const BYTES_MAX = 30_000_000;

export interface TableLoad {
  readonly table: LoggedTable | null;
  readonly error: unknown;
  readonly tooBig: boolean;
  readonly pending: boolean;
  /** Address of a file that a cell names; "" for one that is not there. */
  fileUrl(path: string): string;
}

/** To be called while a component is made. */
export function tableFile(
  session: () => ProjectSession,
  read: () => { run: string; attempt: number | null; files: FileList | null; path: string; artifact: string },
): TableLoad {
  let table = $state.raw<LoggedTable | null>(null);
  let error = $state.raw<unknown>(null);
  const file = $derived(read().files?.find(read().path));
  const tooBig = $derived((file?.size ?? 0) > BYTES_MAX);
  const url = $derived.by(() => {
    const { run, attempt, path } = read();
    if (!file?.stored || tooBig) return null;
    const { entity, project } = session();
    return fileUrl(entity, project, run, path, { attempt, version: file.sha256 });
  });
  /** Where the files of its cells are: next to it in the artifact; "" for those of the run. */
  let base = $state('');
  $effect(() => {
    const address = url;
    if (address === null) {
      untrack(() => (table = null));
      return;
    }
    const controller = new AbortController();
    const { artifact } = read();
    const { entity, project } = session();
    // The client cuts a table's file after 10,000 rows, and leaves out what its cells show: an artifact has all.
    wholeTable(entity, project, artifact, controller.signal)
      .then((whole) => {
        if (whole) return whole;
        return getText(address, BYTES_MAX, controller.signal).then(({ text }) => ({ text, base: '' }));
      })
      .then((got) => {
        table = tableOf(JSON.parse(got.text)) ?? { columns: [], rows: [] };
        base = got.base;
        error = null;
      })
      .catch((caught: unknown) => {
        if (!controller.signal.aborted) error = caught;
      });
    return () => controller.abort();
  });
  return {
    get table() {
      return table;
    },
    get error() {
      return error;
    },
    get tooBig() {
      return tooBig;
    },
    get pending() {
      return file !== undefined && !file.stored;
    },
    fileUrl(path: string): string {
      if (base !== '') return artifactFileUrl(base, path);
      const { run, attempt, files } = read();
      const found = files?.find(path);
      const { entity, project } = session();
      return found?.stored ? fileUrl(entity, project, run, path, { attempt, version: found.sha256 }) : '';
    },
  };
}

/** A table as its artifact has it; null where there is none (any more), or it is too big. */
async function wholeTable(
  entity: string,
  project: string,
  artifact: string,
  signal: AbortSignal,
): Promise<{ text: string; base: string } | null> {
  if (artifact === '') return null;
  try {
    const found = await tableAddress(entity, project, artifact, signal);
    if (!found) return null;
    const { text, isCut } = await getText(artifactFileUrl(found.base, found.path), BYTES_MAX, signal);
    return isCut ? null : { text, base: found.base };
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}
