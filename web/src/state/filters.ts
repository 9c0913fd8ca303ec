// Texts of the filter language (docs/api/native.md), made from what was clicked. Pure.
import type { Json } from '../api/types';

/** Quoted, a value is taken as it is; inside quotes a quote and a backslash are escaped. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`;
}

const plain = (text: string) => /^[\p{L}\p{N}_][\p{L}\p{N}_./-]*$/u.test(text) && !/^(and|or|not|me)$/i.test(text);
const word = (text: string) => (plain(text) ? text : quoted(text));

export const tagFilter = (tag: string): string => `tags:${word(tag)}`;

/** The condition that a key of a run has a value; null where no filter can say so. */
export function valueFilter(path: string, value: Json | undefined): string | null {
  if (value === undefined) return `not ${word(path)}:*`;
  if (value === null || typeof value === 'object') return null;
  return `${word(path)}:${word(String(value))}`;
}

/** The filter with one more condition; as it was where it holds it already. */
export function narrowed(filter: string, condition: string): string {
  const text = filter.trim();
  if (text === '' || text === condition) return condition;
  if (` ${text} `.includes(` ${condition} `)) return text;
  return / or /i.test(text) ? `(${text}) ${condition}` : `${text} ${condition}`;
}
