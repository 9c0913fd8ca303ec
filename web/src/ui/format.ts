// Text for values that are not chart numbers: times, states, cells.
import type { Json, JsonTree } from '../api/types';
import { language } from '../lib/language';
import { formatDuration, formatMoment, formatValue, groupThousands } from '../lib/numbers';
import { strings } from '../strings';

const MICRO = 1e6;

export function ago(timeUs: number | null, nowMs = Date.now()): string {
  if (timeUs === null) return '';
  const seconds = Math.max(0, nowMs / 1000 - timeUs / MICRO);
  if (seconds < 10) return strings.time.now;
  if (seconds < 60) return strings.time.seconds(Math.floor(seconds));
  if (seconds < 3600) return strings.time.minutes(Math.floor(seconds / 60));
  if (seconds < 86_400) return strings.time.hours(Math.floor(seconds / 3600));
  if (seconds < 86_400 * 60) return strings.time.days(Math.floor(seconds / 86_400));
  return new Date(timeUs / 1000).toLocaleDateString(language === 'en' ? 'en-CA' : language);
}

export function moment(timeUs: number | null): string {
  return timeUs === null ? '' : formatMoment(timeUs / MICRO);
}

export function duration(us: number | null): string {
  return us === null ? '' : formatDuration(Math.round(us / MICRO));
}

const NUMBER_WORDS: Record<string, number> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** A number of a config or summary tree, the three written as words included; null for anything else. */
export function asNumber(value: Json | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && value in NUMBER_WORDS) return NUMBER_WORDS[value] as number;
  return null;
}

/** The times that every summary holds, in words; null for other keys and values. */
export function clockText(path: string, value: Json): string | null {
  if (typeof value !== 'number') return null;
  if (path === '_timestamp') return formatMoment(value);
  return path === '_runtime' ? formatDuration(value) : null;
}

const MEDIA = /^(histogram|[a-z]+-file|[a-z]+\/separated)$/;

/** What a logged picture, table or the like is, in a few words; null for any other value. */
export function mediaText(value: Json | undefined): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { _type: type, count, nrows, ncols, width, height } = value;
  if (typeof type !== 'string' || !MEDIA.test(type)) return null;
  const word = type.replace(/-file$|\/separated$/, '');
  const [across, down] = typeof nrows === 'number' ? [nrows, ncols] : [width, height];
  const size = typeof across === 'number' && typeof down === 'number' && across > 0 ? `, ${across} × ${down}` : '';
  return (typeof count === 'number' ? `${count} ${word}` : word) + size;
}

/** A value of a config or summary tree in one line. */
export function cell(value: Json | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'bigint') return String(value);
  const number = asNumber(value);
  if (number !== null) return formatValue(number);
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) return mediaText(value) ?? JSON.stringify(value);
  return String(value);
}

export function exact(value: Json | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The keys of a path, outermost first: dots part them, a backslash makes the next character literal. */
export function splitPath(path: string): string[] {
  const keys = [''];
  for (let i = 0; i < path.length; i++) {
    const character = path[i] as string;
    if (character === '.') keys.push('');
    else keys[keys.length - 1] += character === '\\' ? (path[++i] ?? '\\') : character;
  }
  return keys;
}

/** The value at a dotted path; a key that itself holds the rest of the path (with its dots) is found too. */
export function valueAt(tree: Json | undefined, path: string): Json | undefined {
  if (path.includes('\\')) {
    return splitPath(path).reduce<Json | undefined>(
      (node, key) => (isTree(node) && Object.hasOwn(node, key) ? node[key] : undefined),
      tree,
    );
  }
  if (tree === undefined || tree === null || typeof tree !== 'object' || Array.isArray(tree)) {
    if (Array.isArray(tree)) {
      const cut = path.indexOf('.');
      const item = tree[Number(cut < 0 ? path : path.slice(0, cut))];
      return cut < 0 || item === undefined ? item : valueAt(item, path.slice(cut + 1));
    }
    return undefined;
  }
  if (Object.hasOwn(tree, path)) return tree[path];
  for (let cut = path.indexOf('.'); cut >= 0; cut = path.indexOf('.', cut + 1)) {
    const head = path.slice(0, cut);
    if (!Object.hasOwn(tree, head)) continue;
    const found = valueAt(tree[head], path.slice(cut + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function isTree(value: Json | undefined): value is JsonTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const count = groupThousands;
