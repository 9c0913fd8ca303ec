// One function per request of docs/api/native.md; those about people stand in accounts.ts, about files and rows in files.ts.
import { apiUrl, getJson, postForBytes, segments, sendJson } from './client';
import { edits } from './edits.svelte';
import type {
  ConsolePage,
  Field,
  Found,
  Metric,
  OwnAlert,
  Project,
  Run,
  RunDetail,
  RunPage,
  RunPatch,
  SeriesRequest,
} from './types';

export const projectPath = (entity: string, project: string) => `/api/v1/projects${segments(entity, project)}`;
export const runPath = (entity: string, project: string, run: string) =>
  `${projectPath(entity, project)}/runs${segments(run)}`;

export const getProjects = async (signal?: AbortSignal) =>
  (await getJson<{ projects: Project[] }>(apiUrl('/api/v1/projects'), signal)).projects;

export const getProject = (entity: string, project: string, signal?: AbortSignal) =>
  getJson<Project>(apiUrl(projectPath(entity, project)), signal);

export const getSearch = (q: string, limit?: number, signal?: AbortSignal) =>
  getJson<Found>(apiUrl('/api/v1/search', { q, limit }), signal);

export const getOwnAlerts = async (limit: number, signal?: AbortSignal) =>
  (await getJson<{ alerts: OwnAlert[] }>(apiUrl('/api/v1/alerts', { limit }), signal)).alerts;

export interface RunQuery {
  filter?: string;
  sort?: string;
  /** What to compute for each run: `metric.min.loss`, written as in a sort. */
  columns?: string;
  offset?: number;
  limit?: number;
}

export const getRuns = (entity: string, project: string, query: RunQuery, signal?: AbortSignal) =>
  getJson<RunPage>(apiUrl(`${projectPath(entity, project)}/runs`, { ...query }), signal);

export const getRun = (entity: string, project: string, run: string, signal?: AbortSignal) =>
  getJson<RunDetail>(apiUrl(runPath(entity, project, run)), signal);

/** Waits while the server is away. */
export const patchRun = (entity: string, project: string, run: string, patch: RunPatch) =>
  edits.send(() => sendJson<Run>('PATCH', apiUrl(runPath(entity, project, run)), patch));

export const stopRun = (entity: string, project: string, run: string) =>
  sendJson<unknown>('POST', apiUrl(`${runPath(entity, project, run)}/stop`), {});

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
  before?: number;
  until_us?: number;
  stream?: string;
  /** Of a writer of a shared run. */
  label?: string;
  search?: string;
  attempt?: number | null;
}

export const getConsole = (entity: string, project: string, run: string, query: ConsoleQuery, signal?: AbortSignal) =>
  getJson<ConsolePage>(apiUrl(`${runPath(entity, project, run)}/console`, { ...query }), signal);

/** Address of the change stream of one project, or of all. */
export const eventsUrl = (project?: string) => apiUrl('/api/v1/events', { project });
