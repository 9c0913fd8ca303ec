// Runs as files and as code. Numbers stand in full and unrounded; what is not a number says so in words.
import { getRuns } from '../api/endpoints';
import type { Json, Run } from '../api/types';
import { idsFilter } from './filters';
import { whichOf } from './bulk';
import type { Target } from './selection.svelte';

const PAGE = 1000;
/** Ids in one filter. */
const IDS_PAGE = 100;

export interface ExportColumn {
  path: string;
  value: (run: Run) => Json | undefined;
}

/** Every picked run, page after page; `onprogress` is told how many there are so far. */
export async function readRuns(
  entity: string,
  project: string,
  target: Target,
  sort: string,
  columns: string,
  onprogress: (done: number) => void = () => {},
): Promise<Run[]> {
  const found: Run[] = [];
  const read = async (filter: string) => {
    for (let offset = 0; ; offset += PAGE) {
      const page = await getRuns(entity, project, {
        filter,
        sort,
        offset,
        limit: PAGE,
        ...(columns ? { columns } : {}),
      });
      found.push(...page.runs);
      onprogress(found.length);
      if (page.runs.length < PAGE) return;
    }
  };
  const which = whichOf(target);
  if ('filter' in which) await read(which.filter);
  else {
    for (let at = 0; at < which.runs.length; at += IDS_PAGE) {
      await read(idsFilter(which.runs.slice(at, at + IDS_PAGE)));
    }
  }
  return found;
}

function csvCell(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  // A text that a spreadsheet would run as a formula is made plain text.
  const safe =
    typeof value === 'string' && /^[=+\-@\t\r]/.test(text) && !/^-?(\d|Infinity)/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export function csvOf(runs: readonly Run[], columns: readonly ExportColumn[]): string {
  const rows = runs.map((run) => columns.map(({ value }) => csvCell(value(run))).join(','));
  return [columns.map(({ path }) => csvCell(path)).join(','), ...rows].join('\r\n') + '\r\n';
}

export function jsonOf(runs: readonly Run[], columns: readonly ExportColumn[]): string {
  const rows = runs.map((run) => Object.fromEntries(columns.map(({ path, value }) => [path, value(run) ?? null])));
  return JSON.stringify(rows, null, 1);
}

const python = (text: string) =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Code that makes the same table with `kiseki.Api`. */
export function codeOf(
  library: 'pandas' | 'polars',
  address: string,
  project: string,
  target: Target,
  sort: string,
  paths: readonly string[],
): string {
  const which = whichOf(target);
  const filter = 'filter' in which ? which.filter : idsFilter(which.runs);
  const alias = library === 'pandas' ? 'pd' : 'pl';
  const keys = (space: string) =>
    paths.filter((path) => path.startsWith(`${space}.`)).map((path) => path.slice(space.length + 1));
  const list = (names: readonly string[]) => `[${names.map(python).join(', ')}]`;
  const attributes: Record<string, string> = { created: 'started_us', runtime: 'runtime_us' };
  const own = paths.filter((path) => !path.includes('.')).map((path) => attributes[path] ?? path);
  const known = new Set(['state', 'user', 'tags', 'group', 'job_type', 'notes', 'rows', 'started_us', 'runtime_us']);
  const lines = [
    'import kiseki',
    `import ${library} as ${alias}`,
    '',
    '',
    'def value(tree, path):',
    '    if path in tree:',
    '        return tree[path]',
    '    for key in path.split("."):',
    '        tree = tree.get(key) if isinstance(tree, dict) else None',
    '    return tree',
    '',
    '',
    `api = kiseki.Api(${python(address)})`,
    `runs = api.runs(${python(project)}, filters=${python(filter)}, order=${python(sort || '-created')})`,
    'rows = [',
    '    {"id": run.id, "name": run.name}',
    `    | {name: getattr(run, name) for name in ${list(own.filter((name) => known.has(name)))}}`,
    `    | {"config." + key: value(run.config, key) for key in ${list(keys('config'))}}`,
    `    | {"summary." + key: value(run.summary, key) for key in ${list(keys('summary'))}}`,
    '    for run in runs',
    ']',
    library === 'pandas'
      ? 'df = pd.DataFrame(rows)'
      : 'df = pl.DataFrame(rows, infer_schema_length=None, strict=False)',
  ];
  return lines.join('\n') + '\n';
}
