// Requests about what a run keeps: files and logged rows.
import { apiUrl, getJson, segments } from './client';
import { runPath } from './endpoints';
import type { HistoryPage, RunFile } from './types';

export interface HistoryQuery {
  keys: readonly string[];
  after?: string;
  min_step?: number;
  limit?: number;
  attempt?: number | null;
}

export const getHistory = (entity: string, project: string, run: string, query: HistoryQuery, signal?: AbortSignal) => {
  const { keys, ...rest } = query;
  const named = keys.map((key) => `keys=${encodeURIComponent(key)}`).join('&');
  const url = apiUrl(`${runPath(entity, project, run)}/history`, { ...rest });
  return getJson<HistoryPage>(`${url}${url.includes('?') ? '&' : '?'}${named}`, signal);
};

/** What a redrawn line said before its last text, oldest first. */
export const getUpdates = async (
  entity: string,
  project: string,
  run: string,
  line: number,
  attempt: number | null,
  signal?: AbortSignal,
) => {
  const url = apiUrl(`${runPath(entity, project, run)}/console/${line}/updates`, { attempt });
  return (await getJson<{ updates: { time_us: number; text: string }[] }>(url, signal)).updates;
};

/** Address of all files of a run, or of one folder, in one. */
export const zipUrl = (entity: string, project: string, run: string, attempt: number | null, under = '') =>
  apiUrl(`${runPath(entity, project, run)}/files.zip`, { attempt, under });

export const getFiles = async (
  entity: string,
  project: string,
  run: string,
  attempt: number | null,
  signal?: AbortSignal,
) => (await getJson<{ files: RunFile[] }>(apiUrl(`${runPath(entity, project, run)}/files`, { attempt }), signal)).files;

/** Address of a file's content, for links, images and players. */
export const fileUrl = (
  entity: string,
  project: string,
  run: string,
  path: string,
  options: { attempt?: number | null; download?: boolean; version?: string } = {},
) =>
  apiUrl(`${runPath(entity, project, run)}/files${segments(...path.split('/'))}`, {
    attempt: options.attempt,
    download: options.download ? '1' : null,
    // Names the content, so that a file that changed is not taken from the browser's cache.
    v: options.version,
  });
