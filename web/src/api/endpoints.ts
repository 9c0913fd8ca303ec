// One function per request of docs/api/native.md; those about people stand in accounts.ts.
import { apiUrl, getJson, getText, postForBytes, segments, sendJson } from './client';
import type { ConsolePage, Field, Metric, Project, Run, RunDetail, RunPage, RunPatch, SeriesRequest } from './types';

const projectPath = (entity: string, project: string) => `/api/v1/projects${segments(entity, project)}`;
const runPath = (entity: string, project: string, run: string) =>
  `${projectPath(entity, project)}/runs${segments(run)}`;

export const getProjects = async (signal?: AbortSignal) =>
  (await getJson<{ projects: Project[] }>(apiUrl('/api/v1/projects'), signal)).projects;

export const getProject = (entity: string, project: string, signal?: AbortSignal) =>
  getJson<Project>(apiUrl(projectPath(entity, project)), signal);

export interface RunQuery {
  filter?: string;
  sort?: string;
  offset?: number;
  limit?: number;
}

export const getRuns = (entity: string, project: string, query: RunQuery, signal?: AbortSignal) =>
  getJson<RunPage>(apiUrl(`${projectPath(entity, project)}/runs`, { ...query }), signal);

export const getRun = (entity: string, project: string, run: string, signal?: AbortSignal) =>
  getJson<RunDetail>(apiUrl(runPath(entity, project, run)), signal);

export const patchRun = (entity: string, project: string, run: string, patch: RunPatch) =>
  sendJson<Run>('PATCH', apiUrl(runPath(entity, project, run)), patch);

export const stopRun = (entity: string, project: string, run: string) =>
  sendJson<unknown>('POST', apiUrl(`${runPath(entity, project, run)}/stop`), {});

export const deleteRun = (entity: string, project: string, run: string) =>
  sendJson<unknown>('DELETE', apiUrl(runPath(entity, project, run)));

export const getFields = async (entity: string, project: string, signal?: AbortSignal) =>
  (await getJson<{ fields: Field[] }>(apiUrl(`${projectPath(entity, project)}/fields`), signal)).fields;

export const getMetrics = async (entity: string, project: string, signal?: AbortSignal) =>
  (await getJson<{ metrics: Metric[] }>(apiUrl(`${projectPath(entity, project)}/metrics`), signal)).metrics;

export const postSeries = (entity: string, project: string, request: SeriesRequest, signal?: AbortSignal) =>
  postForBytes(apiUrl(`${projectPath(entity, project)}/series`), request, signal);

export interface ConsoleQuery {
  after?: number;
  limit?: number;
  tail?: number;
  stream?: string;
  search?: string;
  attempt?: number | null;
}

export const getConsole = (entity: string, project: string, run: string, query: ConsoleQuery, signal?: AbortSignal) =>
  getJson<ConsolePage>(apiUrl(`${runPath(entity, project, run)}/console`, { ...query }), signal);

export interface HistoryQuery {
  keys: readonly string[];
  after?: string;
  limit?: number;
  attempt?: number | null;
}

export const getHistory = (entity: string, project: string, run: string, query: HistoryQuery, signal?: AbortSignal) => {
  const { keys, ...rest } = query;
  const named = keys.map((key) => `keys=${encodeURIComponent(key)}`).join('&');
  const url = apiUrl(`${runPath(entity, project, run)}/history`, { ...rest });
  return getJson<HistoryPage>(`${url}${url.includes('?') ? '&' : '?'}${named}`, signal);
};

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

export const getFileText = getText;

/** Address of the change stream of one project, or of all. */
export const eventsUrl = (project?: string) => apiUrl('/api/v1/events', { project });
