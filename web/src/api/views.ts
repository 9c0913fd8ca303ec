// Saved views of a project (docs/api/native.md, "Views").
import { apiUrl, getJson, segments, sendJson } from './client';
import type { OpenedViewAnswer, VersionsAnswer, ViewAnswer, ViewsAnswer } from './schema';

export type SavedView = ViewAnswer;
export type OpenedView = OpenedViewAnswer;
export type ViewVersions = VersionsAnswer;

/** The view that everybody has without asking. */
export const MINE = 'mine';

const path = (entity: string, project: string, ...rest: string[]) =>
  `/api/v1/projects${segments(entity, project, ...rest)}`;

export const listViews = async (entity: string, project: string): Promise<readonly SavedView[]> =>
  (await getJson<ViewsAnswer>(apiUrl(path(entity, project, 'views')))).views;

export const getView = (entity: string, project: string, slug: string, version?: number) =>
  getJson<OpenedView>(apiUrl(path(entity, project, 'views', slug), { version }));

export const getDraft = (entity: string, project: string, id: string) =>
  getJson<{ doc: unknown }>(apiUrl(path(entity, project, 'drafts', id)));

export const addDraft = (entity: string, project: string, doc: unknown) =>
  sendJson<{ id: string }>('POST', apiUrl(path(entity, project, 'drafts')), { doc });

export interface ViewSave {
  doc: unknown;
  base_version: number;
  name?: string;
}

/** `leaving`: the page is about to close, and the request goes out all the same. */
export const putView = (entity: string, project: string, slug: string, save: ViewSave, leaving = false) =>
  sendJson<SavedView>('PUT', apiUrl(path(entity, project, 'views', slug)), save, undefined, leaving);

export const addView = (entity: string, project: string, view: { name: string; doc: unknown; shared: boolean }) =>
  sendJson<SavedView>('POST', apiUrl(path(entity, project, 'views')), view);

export const editView = (
  entity: string,
  project: string,
  slug: string,
  edit: { name?: string; shared?: boolean; default?: boolean },
) => sendJson<SavedView>('PATCH', apiUrl(path(entity, project, 'views', slug)), edit);

export const deleteView = (entity: string, project: string, slug: string) =>
  sendJson<null>('DELETE', apiUrl(path(entity, project, 'views', slug)));

export const restoreView = (entity: string, project: string, slug: string) =>
  sendJson<SavedView>('POST', apiUrl(path(entity, project, 'views', slug, 'restore')), {});

export const listVersions = async (entity: string, project: string, slug: string) =>
  (await getJson<ViewVersions>(apiUrl(path(entity, project, 'views', slug, 'versions')))).versions;
