// What a filter that is being typed can go on with: keys with how many runs have them, then values with how many have
// those. Quoting is done here, not by the person. Pure but for `suggest`, which asks the server.
import { getFields } from '../api/endpoints';
import { getValues } from '../api/table';
import type { Field } from '../api/types';
import { ATTRIBUTES, chipsOf, joinChips, keyText, typingAt, type Typing } from './filter-language';
import { valueText } from './filters';
import { quoteKey } from './sorting';

export interface Suggestion {
  /** As people read it. */
  label: string;
  /** Takes the place of what is being typed. */
  text: string;
  runs: number | null;
  /** `number`, `text`, … of a key. */
  kind: string;
  isKey: boolean;
}

export const SUGGESTIONS_MAX = 12;
/** Attributes of runs come first: every run has them. */
const OWN = Number.MAX_SAFE_INTEGER;
const COMPARED = new Set(['number', 'time', 'duration']);

/** Keys whose name holds what was typed; those that begin with it first, then those that more runs have. */
export function keySuggestions(fields: readonly Field[], prefix: string): Suggestion[] {
  const wanted = prefix.toLowerCase();
  const own = Object.entries(ATTRIBUTES).map(([path, kind]) => ({ path, kind: kind as string, runs: null }));
  const all = [...own, ...fields];
  const rank = (path: string) => {
    const key = path.replace(/^(config|summary)\./, '').toLowerCase();
    if (key.startsWith(wanted) || path.toLowerCase().startsWith(wanted)) return 0;
    return path.toLowerCase().includes(wanted) ? 1 : 2;
  };
  return all
    .map((field) => ({ ...field, rank: rank(field.path) }))
    .filter((field) => field.rank < 2)
    .sort((a, b) => a.rank - b.rank || (b.runs ?? OWN) - (a.runs ?? OWN))
    .slice(0, SUGGESTIONS_MAX)
    .map(({ path, kind, runs }) => ({
      label: path,
      text: keyText(path) + (COMPARED.has(kind) ? '>' : ':'),
      runs,
      kind,
      isKey: true,
    }));
}

/** The conditions beside the one that is being typed, as a filter of their own; none where they cannot be read. */
export function restOf(text: string, typing: Typing): string {
  const before = text.slice(0, typing.kind === 'key' ? typing.start : typing.keyStart);
  try {
    return joinChips(chipsOf(before).map((chip) => chip.text));
  } catch {
    return '';
  }
}

/** The text with a suggestion in place of what was being typed, and where the caret goes. */
export function accepted(text: string, caret: number, suggestion: Suggestion): { text: string; caret: number } {
  const { start } = typingAt(text.slice(0, caret));
  const head = text.slice(0, start) + suggestion.text + (suggestion.isKey ? '' : ' ');
  const tail = text
    .slice(caret)
    .replace(/^[^\s()]*/, '')
    .replace(/^\s+/, '');
  return { text: head + (suggestion.isKey && tail !== '' ? ` ${tail}` : tail), caret: head.length };
}

/** What the text up to the caret can go on with. */
export async function suggest(
  entity: string,
  project: string,
  text: string,
  caret: number,
  signal: AbortSignal,
): Promise<Suggestion[]> {
  const before = text.slice(0, caret);
  const typing = typingAt(before);
  const fields = await getFields(entity, project, signal);
  if (typing.kind === 'key') return keySuggestions(fields, typing.prefix);
  const isListed = typing.operator === ':' || typing.operator === '!:' || typing.operator === '~';
  const kind = ATTRIBUTES[typing.key];
  if (!isListed || kind === 'time' || kind === 'duration') return [];
  const key = quoteKey(typing.key);
  const filter = restOf(before, typing);
  const { values } = await getValues(
    entity,
    project,
    { key, filter, search: typing.prefix, limit: SUGGESTIONS_MAX },
    signal,
  );
  return values.map(({ value, runs }) => ({
    label: String(value),
    text: valueText(value),
    runs,
    kind: '',
    isKey: false,
  }));
}
