// How hard a password is to guess, roughly: a hint while typing. The server decides what it takes.

export const PASSWORD_CHARS_MIN = 12;
export const PASSWORD_LEVELS = ['short', 'weak', 'fair', 'good', 'strong'] as const;
export type PasswordLevel = (typeof PASSWORD_LEVELS)[number];

const COMMON = /password|passwort|qwerty|letmein|welcome|iloveyou|admin|kiseki|12345|54321|abcde|asdf|zxcv|correct|horse|battery|staple/gi;

/** Characters that add something: not a repetition, not the next of a row such as `abc` or `321`. */
function surprising(text: string): number {
  let found = 0;
  let stride = NaN;
  let before = NaN;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const step = code - before;
    if (!(Math.abs(step) <= 1 && step === stride) && step !== 0) found++;
    stride = step;
    before = code;
  }
  return found;
}

function alphabet(text: string): number {
  const kinds: [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[ -/:-@[-`{-~]/, 33],
    [/[^ -~]/, 100],
  ];
  return kinds.reduce((size, [kind, more]) => size + (kind.test(text) ? more : 0), 0);
}

/** `known` are words that a guesser tries first: the user's names. */
export function passwordLevel(password: string, known: readonly string[] = []): PasswordLevel {
  if ([...password].length < PASSWORD_CHARS_MIN) return 'short';
  let rest = password.replace(COMMON, 'a');
  for (const word of known) if (word.length > 2) rest = rest.replaceAll(word, 'a');
  const distinct = new Set(rest).size;
  const bits = Math.min(surprising(rest), distinct * 2) * Math.log2(Math.max(2, alphabet(rest)));
  if (bits < 40) return 'weak';
  if (bits < 60) return 'fair';
  return bits < 80 ? 'good' : 'strong';
}
