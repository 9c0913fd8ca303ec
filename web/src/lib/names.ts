// Which names people, teams and services may have: the rules of the server's base/names.py, said while one types.

export const NAME_CHARS_MAX = 128;

export type NameFault = 'edges' | 'long' | 'character' | 'reserved';

const BAD = /[/\\#?%:\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/u;

/** What is wrong with a name, null when nothing is; an empty one is not judged yet. `reserved`: addresses of the server. */
export function nameFault(name: string, reserved: ReadonlySet<string>): NameFault | null {
  if (name === '') return null;
  if (name !== name.trim()) return 'edges';
  if ([...name].length > NAME_CHARS_MAX) return 'long';
  if (BAD.test(name) || name === '.' || name === '..') return 'character';
  return reserved.has(name) ? 'reserved' : null;
}
