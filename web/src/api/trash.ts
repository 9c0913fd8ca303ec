// Runs deleted, restored, and those in the trash.
import { apiUrl, getJson, segments, sendJson } from './client';
import type { TrashAnswer, TrashedRunAnswer } from './schema';

export type TrashedRun = TrashedRunAnswer;

/** As many as the server takes at once. */
const RUNS_MAX = 1000;
const path = (entity: string, project: string, rest: string) =>
  apiUrl(`/api/v1/projects${segments(entity, project)}${rest}`);

async function sendRuns(url: string, runs: readonly string[]): Promise<string[]> {
  const changed: string[] = [];
  for (let at = 0; at < runs.length; at += RUNS_MAX) {
    const answer = await sendJson<{ runs: string[] }>('POST', url, { runs: runs.slice(at, at + RUNS_MAX) });
    changed.push(...answer.runs);
  }
  return changed;
}

/** Returns those that were not in the trash before. */
export const deleteRuns = (entity: string, project: string, runs: readonly string[]) =>
  sendRuns(path(entity, project, '/runs/delete'), runs);

/** Returns those that were in the trash. */
export const restoreRuns = (entity: string, project: string, runs: readonly string[]) =>
  sendRuns(path(entity, project, '/runs/restore'), runs);

export const getTrash = (entity: string, project: string, offset: number, limit: number, signal?: AbortSignal) =>
  getJson<TrashAnswer>(apiUrl(`/api/v1/projects${segments(entity, project)}/trash`, { offset, limit }), signal);
