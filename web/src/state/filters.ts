// Texts of the filter language (docs/api/native.md), made from what was clicked. Pure.
import type { Json } from '../api/types';

/** Quoted, a value is taken as it is; inside quotes a quote and a backslash are escaped. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`;
}

const plain = (text: string) => /^[\p{L}\p{N}_][\p{L}\p{N}_./-]*$/u.test(text) && !/^(and|or|not|me)$/i.test(text);
const word = (text: string) => (plain(text) ? text : quoted(text));
/** Text that would be read as a number stays text in quotes. */
const looksNumeric = (text: string) => /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text);
const TEXT_ATTRIBUTES = new Set([
  'group',
  'job_type',
  'user',
  'host',
  'notes',
  'state',
  'cause',
  'program',
  'sweep',
  'name',
  'id',
]);

export const tagFilter = (tag: string): string => `tags:${word(tag)}`;

/** A value behind `:`, quoted by us and not by the person. */
export function valueText(value: boolean | number | bigint | string): string {
  if (typeof value !== 'string') return String(value);
  return looksNumeric(value) ? quoted(value) : word(value);
}

/** The condition that a key of a run has a value; null where no filter can say so. */
export function valueFilter(path: string, value: Json | undefined): string | null {
  if (value === undefined) return noValueFilter(path);
  if (value === null || typeof value === 'object') return null;
  return `${word(path)}:${valueText(value)}`;
}

/** The condition that a run has nothing under a key: neither a value nor a text that is not empty. */
export function noValueFilter(path: string): string {
  if (TEXT_ATTRIBUTES.has(path)) return `${path}:""`;
  const key = word(path);
  return path === 'tags' ? 'not tags:*' : `(not ${key}:* or ${key}:"")`;
}

/** The filter with one more condition; as it was where it holds it already. */
export function narrowed(filter: string, condition: string): string {
  const text = filter.trim();
  if (text === '' || text === condition) return condition;
  if (condition === '' || ` ${text} `.includes(` ${condition} `)) return text;
  return / or /i.test(text) ? `(${text}) ${condition}` : `${text} ${condition}`;
}

/** The condition that finds runs by their ids. */
export const idsFilter = (ids: readonly string[]): string =>
  ids.length === 1 ? `id:${quoted(ids[0] as string)}` : `(${ids.map((id) => `id:${quoted(id)}`).join(' or ')})`;
