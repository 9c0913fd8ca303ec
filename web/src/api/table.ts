// Requests of the runs table: groups and values computed by the server over all runs that match.
import { apiUrl, getJson, segments } from './client';
import type { GroupAnswer, GroupsAnswer, SpreadAnswer, ValuesAnswer } from './schema';

export type Group = GroupAnswer;
export type Spread = SpreadAnswer;
export type GroupValue = boolean | number | string | null;

export interface GroupQuery {
  by: string;
  columns?: string;
  filter?: string;
  sort?: string;
  offset?: number;
  limit?: number;
  members?: number;
}

const path = (entity: string, project: string, rest: string) => `/api/v1/projects${segments(entity, project)}${rest}`;

export const getGroups = (entity: string, project: string, query: GroupQuery, signal?: AbortSignal) =>
  getJson<GroupsAnswer>(apiUrl(path(entity, project, '/groups'), { ...query }), signal);

export interface ValueQuery {
  key: string;
  filter?: string;
  search?: string;
  limit?: number;
}

export const getValues = (entity: string, project: string, query: ValueQuery, signal?: AbortSignal) =>
  getJson<ValuesAnswer>(apiUrl(path(entity, project, '/values'), { ...query }), signal);
