// Requests about artifacts.
import { apiUrl, getJson, segments, sendJson } from './client';
import { projectPath } from './endpoints';
import type {
  ArtifactChanges,
  ArtifactDetail,
  ArtifactEdit,
  ArtifactFolder,
  ArtifactList,
  ArtifactVersions,
  ClientArtifact,
  RunArtifacts,
} from './types';

const root = (entity: string, project: string) => `${projectPath(entity, project)}/artifacts`;
const versionPath = (entity: string, project: string, collection: string, version: string) =>
  `${root(entity, project)}${segments(collection, version)}`;

export const getArtifacts = (
  entity: string,
  project: string,
  query: { type?: string; search?: string; offset?: number; limit?: number },
  signal?: AbortSignal,
) => getJson<ArtifactList>(apiUrl(root(entity, project), query), signal);

export const getVersions = (
  entity: string,
  project: string,
  collection: string,
  query: { offset?: number; limit?: number },
  signal?: AbortSignal,
) => getJson<ArtifactVersions>(apiUrl(`${root(entity, project)}${segments(collection)}`, query), signal);

export const deleteCollection = (entity: string, project: string, collection: string) =>
  sendJson('DELETE', apiUrl(`${root(entity, project)}${segments(collection)}`));

export const getArtifact = (
  entity: string,
  project: string,
  collection: string,
  version: string,
  signal?: AbortSignal,
) => getJson<ArtifactDetail>(apiUrl(versionPath(entity, project, collection, version)), signal);

export const editArtifact = (
  entity: string,
  project: string,
  collection: string,
  version: string,
  edit: ArtifactEdit,
) => sendJson<ArtifactDetail>('PATCH', apiUrl(versionPath(entity, project, collection, version)), edit);

export const deleteArtifact = (entity: string, project: string, collection: string, version: string) =>
  sendJson('DELETE', apiUrl(versionPath(entity, project, collection, version), { aliases: 'true' }));

export const getArtifactFiles = (
  entity: string,
  project: string,
  collection: string,
  version: string,
  query: { under?: string; offset?: number; limit?: number },
  signal?: AbortSignal,
) => getJson<ArtifactFolder>(apiUrl(`${versionPath(entity, project, collection, version)}/files`, query), signal);

export const getArtifactChanges = (
  entity: string,
  project: string,
  collection: string,
  version: string,
  query: { since: string; offset?: number; limit?: number },
  signal?: AbortSignal,
) => getJson<ArtifactChanges>(apiUrl(`${versionPath(entity, project, collection, version)}/changes`, query), signal);

export const getRunArtifacts = (entity: string, project: string, run: string, signal?: AbortSignal) =>
  getJson<RunArtifacts>(apiUrl(`${projectPath(entity, project)}/runs${segments(run)}/artifacts`), signal);

/** Address below which the files of a version are. */
export const artifactContent = (entity: string, project: string, collection: string, version: string) =>
  apiUrl(`${versionPath(entity, project, collection, version)}/content`);

export const artifactFileUrl = (content: string, path: string, download = false) =>
  `${content}${segments(...path.split('/'))}${download ? '?download=true' : ''}`;

const CLIENT = /^wandb-client-artifact:\/\/([^/:]+)(?::[^/]*)?\/(.+)$/;

/** Where a `wandb-client-artifact://` address in a logged value leads; null for any other address. */
export async function tableAddress(entity: string, project: string, address: string, signal?: AbortSignal) {
  const [, client, path] = CLIENT.exec(address) ?? [];
  if (client === undefined || path === undefined) return null;
  const url = apiUrl(`${projectPath(entity, project)}/artifact-clients${segments(client)}`);
  const found = await getJson<ClientArtifact>(url, signal);
  return { base: artifactContent(found.entity, found.project, found.collection, `v${found.version}`), path };
}
