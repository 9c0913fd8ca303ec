// Changes of many runs at once, by their ids or by a filter, and taking them back.
import { apiUrl, segments, sendJson } from './client';
import type { BulkAnswer } from './schema';

export type { BulkAnswer } from './schema';

export type Which = { runs: readonly string[] } | { filter: string };

export interface BulkEdit {
  tags_add?: string[];
  tags_remove?: string[];
  group?: string;
  job_type?: string;
  notes?: string;
  color?: number;
}

const url = (entity: string, project: string, rest: string) =>
  apiUrl(`/api/v1/projects${segments(entity, project)}/runs${rest}`);

export const editRuns = (entity: string, project: string, which: Which, edit: BulkEdit) =>
  sendJson<BulkAnswer>('POST', url(entity, project, '/edit'), { ...which, ...edit });

export const undoEdit = (entity: string, project: string, undo: string) =>
  sendJson<BulkAnswer>('POST', url(entity, project, `/edit/${encodeURIComponent(undo)}/undo`));

export const stopRuns = (entity: string, project: string, which: Which) =>
  sendJson<BulkAnswer>('POST', url(entity, project, '/stop'), which);

export const deleteMatching = (entity: string, project: string, filter: string, expected: number) =>
  sendJson<BulkAnswer>('POST', url(entity, project, '/delete-matching'), { filter, expected });
