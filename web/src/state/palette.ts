// What the palette finds: one ranked list over everything that the page knows. Pure.
import type { IconName } from '../ui/Icon.svelte';
import { fuzzy, needleOf } from '../lib/fuzzy';

export type EntryKind = 'action' | 'page' | 'run' | 'metric' | 'project' | 'sweep' | 'tag' | 'user';

export interface Entry {
  /** The same thing has the same key the next time: recency is kept by it. */
  readonly key: string;
  readonly kind: EntryKind;
  readonly text: string;
  readonly detail?: string;
  readonly icon: IconName;
  /** Names of keys that do the same. */
  readonly keys?: readonly string[];
  /** Colour number of a run. */
  readonly color?: number;
  /** Where it leads; else what it does. */
  readonly path?: string;
  readonly run?: () => void;
}

export interface Hit {
  readonly entry: Entry;
  readonly at: readonly number[];
}

export interface Query {
  /** The only kind wanted; null for all. */
  readonly kind: EntryKind | null;
  readonly text: string;
}

const PREFIXES: Record<string, EntryKind> = { '>': 'action', '#': 'tag', '/': 'metric', '@': 'user' };
const RECENT_BONUS = 24;
const RECENT_MAX = 40;
/** Whoever types a few letters rather means an action or a page than one of ten thousand metrics that hold them too. */
const KIND_BONUS: Record<EntryKind, number> = {
  action: 2,
  page: 3,
  project: 2,
  sweep: 2,
  run: 1,
  metric: 0,
  tag: 0,
  user: 0,
};

export function parseQuery(text: string): Query {
  const trimmed = text.trimStart();
  const kind = PREFIXES[trimmed[0] ?? ''] ?? null;
  return { kind, text: (kind ? trimmed.slice(1) : trimmed).trim() };
}

/** The best entries, best first. Tags and users come when they are asked for. */
export function rank(entries: Iterable<Entry>, query: Query, recent: readonly string[], limit: number): Hit[] {
  const needle = needleOf(query.text);
  const recency = new Map(recent.map((key, i) => [key, RECENT_BONUS * (1 - i / RECENT_MAX)]));
  const best: { score: number; hit: Hit }[] = [];
  for (const entry of entries) {
    if (query.kind ? entry.kind !== query.kind : entry.kind === 'tag' || entry.kind === 'user') continue;
    const bonus = recency.get(entry.key) ?? 0;
    // Before anything is typed: what was used last, then what can be done and where one can go.
    const isListed = query.kind !== null || entry.kind === 'action' || entry.kind === 'page' || bonus > 0;
    if (query.text === '' && !isListed) continue;
    const found = fuzzy(needle, entry.text);
    if (!found) continue;
    const score = found.score + bonus + KIND_BONUS[entry.kind];
    if (best.length === limit && score <= (best[limit - 1]?.score ?? 0)) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1]?.score ?? 0) < score) place -= 1;
    best.splice(place, 0, { score, hit: { entry, at: found.at } });
    if (best.length > limit) best.pop();
  }
  // Letters strewn over a long name are no answer where something else is one.
  const least = (best[0]?.score ?? 0) / 3;
  return best.filter((one) => query.text === '' || one.score >= least).map((one) => one.hit);
}

export function remembered(recent: readonly string[], key: string): string[] {
  return [key, ...recent.filter((one) => one !== key)].slice(0, RECENT_MAX);
}
