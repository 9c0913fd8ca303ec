// Sweeps: listed, shown, made, changed.
import { apiUrl, getJson, segments, sendJson } from './client';
import type { OpenedSweepAnswer, SweepAgentAnswer, SweepAnswer, SweepParameterAnswer, SweepsAnswer } from './schema';

export type Sweep = SweepAnswer;
export type OpenedSweep = OpenedSweepAnswer;
export type SweepParameter = SweepParameterAnswer;
export type SweepAgent = SweepAgentAnswer;
export type SweepState = SweepAnswer['state'];

export interface SweepPatch {
  state?: SweepState;
  name?: string;
  description?: string;
  config?: string;
}

/** As many as the server tells at once. */
export const SWEEPS_MAX = 100;

const path = (entity: string, project: string, ...rest: string[]) =>
  `/api/v1/projects${segments(entity, project, 'sweeps', ...rest)}`;

export const getSweeps = (entity: string, project: string, offset: number, limit: number, signal?: AbortSignal) =>
  getJson<SweepsAnswer>(apiUrl(path(entity, project), { offset, limit }), signal);

export const getSweep = (entity: string, project: string, sweep: string, signal?: AbortSignal) =>
  getJson<OpenedSweep>(apiUrl(path(entity, project, sweep)), signal);

export const addSweep = (entity: string, project: string, config: string) =>
  sendJson<OpenedSweep>('POST', apiUrl(path(entity, project)), { config });

export const patchSweep = (entity: string, project: string, sweep: string, patch: SweepPatch) =>
  sendJson<OpenedSweep>('PATCH', apiUrl(path(entity, project, sweep)), patch);
