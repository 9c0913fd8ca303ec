// Addresses of the app as a closed set, and back. Pure, so that every address has a test.

export const RUN_TABS = ['charts', 'overview', 'media', 'system', 'logs', 'files', 'code', 'artifacts'] as const;
export type RunTab = (typeof RUN_TABS)[number];

/** Parts of the page of a version of an artifact. */
export const VERSION_TABS = ['files', 'changes', 'metadata', 'usage', 'lineage'] as const;
export type VersionTab = (typeof VERSION_TABS)[number];

export const SETTINGS_SECTIONS = ['profile', 'keys', 'appearance', 'teams', 'server'] as const;
export type SettingsSection = (typeof SETTINGS_SECTIONS)[number];

/** Pages without the app around them: where one comes in. */
export const ENTRY_PAGES = ['login', 'signup', 'invite', 'authorize', 'claim'] as const;
export type EntryPage = (typeof ENTRY_PAGES)[number];

/** Tabs that show one of the run's files: its path stands behind the tab's name. */
const FILE_TABS: readonly RunTab[] = ['files', 'code'];

export type Route =
  | { page: 'home' }
  | { page: EntryPage }
  | { page: 'search' }
  | { page: 'settings'; section: SettingsSection }
  | { page: 'team'; team: string }
  | { page: 'entity'; entity: string }
  | { page: 'workspace'; entity: string; project: string }
  | { page: 'table'; entity: string; project: string }
  | { page: 'group'; entity: string; project: string; group: string }
  | { page: 'trash'; entity: string; project: string }
  | { page: 'compare'; entity: string; project: string }
  | { page: 'sweeps'; entity: string; project: string; sweep: string }
  | {
      page: 'artifacts';
      entity: string;
      project: string;
      /** What is looked at, from the outside in; "" from where on nothing is chosen. */
      type: string;
      name: string;
      version: string;
      tab: VersionTab;
      file: string;
    }
  | { page: 'run'; entity: string; project: string; run: string; tab: RunTab; file: string }
  | { page: 'missing'; path: string };

/** First segments that can never be an entity. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    '- api graphql files artifacts artifactsV2 authorize login signup invite claim settings teams admin search share ' +
    'embed registry orgs assets'
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
  const entry = ENTRY_PAGES.find((name) => name === entity);
  if (entry && parts.length === 1) return { page: entry };
  if (entity === 'settings' && parts.length <= 2) {
    const section = SETTINGS_SECTIONS.find((name) => name === (project ?? 'profile'));
    return section ? { page: 'settings', section } : missing;
  }
  if (entity === 'teams' && project !== undefined && parts.length === 2) return { page: 'team', team: project };
  if (entity === 'search' && parts.length === 1) return { page: 'search' };
  if (RESERVED.has(entity)) return missing;
  if (project === undefined) return { page: 'entity', entity };
  if (kind === undefined) return { page: 'workspace', entity, project };
  if (kind === 'workspace' && parts.length === 3) return { page: 'workspace', entity, project };
  if (kind === 'table' && parts.length === 3) return { page: 'table', entity, project };
  if (kind === 'trash' && parts.length === 3) return { page: 'trash', entity, project };
  if (kind === 'compare' && parts.length === 3) return { page: 'compare', entity, project };
  if (kind === 'sweeps' && parts.length <= 4) return { page: 'sweeps', entity, project, sweep: run ?? '' };
  if (kind === 'groups' && run !== undefined && parts.length === 4)
    return { page: 'group', entity, project, group: run };
  if (kind === 'artifacts') return artifactsRoute(entity, project, parts.slice(3)) ?? missing;
  if (kind !== 'runs' || run === undefined) return missing;
  if (tab === undefined) return { page: 'run', entity, project, run, tab: 'charts', file: '' };
  const known = RUN_TABS.find((name) => name === tab);
  const file = parts.slice(5).join('/');
  if (!known || (file !== '' && !FILE_TABS.includes(known))) return missing;
  return { page: 'run', entity, project, run, tab: known, file };
}

function artifactsRoute(entity: string, project: string, parts: readonly string[]): Route | null {
  const [type = '', name = '', version = '', tab = 'files', ...file] = parts;
  const known = VERSION_TABS.find((one) => one === tab);
  if (!known || (file.length > 0 && known !== 'files')) return null;
  return { page: 'artifacts', entity, project, type, name, version, tab: known, file: file.join('/') };
}

const encode = (...parts: string[]) => parts.map((part) => `/${encodeURIComponent(part)}`).join('');

export const paths = {
  home: () => '/',
  login: () => '/login',
  signup: () => '/signup',
  authorize: () => '/authorize',
  search: (text = '') => (text === '' ? '/search' : `/search?q=${encodeURIComponent(text)}`),
  settings: (section: SettingsSection) => encode('settings', section),
  team: (team: string) => encode('teams', team),
  entity: (entity: string) => encode(entity),
  workspace: (entity: string, project: string) => encode(entity, project),
  table: (entity: string, project: string) => encode(entity, project, 'table'),
  group: (entity: string, project: string, group: string) => encode(entity, project, 'groups', group),
  artifacts: (entity: string, project: string, ...chosen: string[]) => encode(entity, project, 'artifacts', ...chosen),
  artifact: (
    entity: string,
    project: string,
    type: string,
    name: string,
    version: string,
    tab: VersionTab = 'files',
    file = '',
  ) =>
    encode(entity, project, 'artifacts', type, name, version) +
    (tab === 'files' && file === '' ? '' : `/${tab}`) +
    (file === '' ? '' : encode(...file.split('/'))),
  trash: (entity: string, project: string) => encode(entity, project, 'trash'),
  /** Without an id their list. */
  sweeps: (entity: string, project: string, sweep = '') => encode(entity, project, 'sweeps') + (sweep && encode(sweep)),
  run: (entity: string, project: string, run: string, tab: RunTab = 'charts', file = '') =>
    encode(entity, project, 'runs', run) +
    (tab === 'charts' ? '' : `/${tab}`) +
    (file === '' ? '' : encode(...file.split('/'))),
  /** The first run is the one that the others are compared with. */
  compare: (entity: string, project: string, runs: readonly string[], tab = '') =>
    `${encode(entity, project, 'compare')}?runs=${runs.map(encodeURIComponent).join(',')}${tab ? `&tab=${tab}` : ''}`,
};

/** Where to go after sign-in: `next` if it is a path of this server, else the start page. Never another site. */
export function safeNext(next: string | null): string {
  // Browsers read a backslash as a slash and drop control characters, so neither may stand in it.
  return next !== null && /^\/(?![/\\])[^\\\u0000-\u001f]*$/.test(next) ? next : '/';
}
