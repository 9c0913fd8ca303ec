// Addresses of the app as a closed set, and back. Pure, so that every address has a test.

export const RUN_TABS = ['charts', 'overview', 'system', 'logs'] as const;
export type RunTab = (typeof RUN_TABS)[number];

export type Route =
  | { page: 'home' }
  | { page: 'login' }
  | { page: 'entity'; entity: string }
  | { page: 'workspace'; entity: string; project: string }
  | { page: 'table'; entity: string; project: string }
  | { page: 'run'; entity: string; project: string; run: string; tab: RunTab }
  | { page: 'missing'; path: string };

/** First segments that can never be an entity. */
const RESERVED = new Set(
  (
    '- api graphql files artifacts artifactsV2 authorize login signup settings admin search share embed registry orgs ' +
    'assets'
  ).split(' '),
);

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** `path` is without the prefix of `--root-path`; segments are percent-decoded once. */
export function parsePath(path: string): Route {
  const parts = path.split('/').filter(Boolean).map(decode);
  const missing: Route = { page: 'missing', path };
  const [entity, project, kind, run, tab] = parts;
  if (entity === undefined) return { page: 'home' };
  if (entity === 'login' && parts.length === 1) return { page: 'login' };
  if (RESERVED.has(entity)) return missing;
  if (project === undefined) return { page: 'entity', entity };
  if (kind === undefined) return { page: 'workspace', entity, project };
  if (kind === 'workspace' && parts.length === 3) return { page: 'workspace', entity, project };
  if (kind === 'table' && parts.length === 3) return { page: 'table', entity, project };
  if (kind !== 'runs' || run === undefined || parts.length > 5) return missing;
  if (tab === undefined) return { page: 'run', entity, project, run, tab: 'charts' };
  const known = RUN_TABS.find((name) => name === tab);
  return known ? { page: 'run', entity, project, run, tab: known } : missing;
}

const encode = (...parts: string[]) => parts.map((part) => `/${encodeURIComponent(part)}`).join('');

export const paths = {
  home: () => '/',
  login: () => '/login',
  entity: (entity: string) => encode(entity),
  workspace: (entity: string, project: string) => encode(entity, project),
  table: (entity: string, project: string) => encode(entity, project, 'table'),
  run: (entity: string, project: string, run: string, tab: RunTab = 'charts') =>
    encode(entity, project, 'runs', run) + (tab === 'charts' ? '' : `/${tab}`),
};
