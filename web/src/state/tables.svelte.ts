// The content of a logged table, loaded once its file is there. Tables are joined by content, so one that stays the same is asked for once.
import { untrack } from 'svelte';
import { getText } from '../api/client';
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
}

/** To be called while a component is made. */
export function tableFile(
  session: () => ProjectSession,
  read: () => { run: string; attempt: number | null; files: FileList | null; path: string },
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
  $effect(() => {
    const address = url;
    if (address === null) {
      untrack(() => (table = null));
      return;
    }
    const controller = new AbortController();
    getText(address, BYTES_MAX, controller.signal)
      .then(({ text }) => {
        table = tableOf(JSON.parse(text)) ?? { columns: [], rows: [] };
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
  };
}
