// How well a text answers what was typed: its letters in order, better at the beginnings of words and side by side. Pure.

export interface Match {
  readonly score: number;
  /** Places of the matched letters. */
  readonly at: readonly number[];
}

const ADJACENT = 10;
const WORD_START = 8;
const TEXT_START = 4;
const EXACT_CASE = 1;
const GAP_MAX = 12;

/** A query, prepared once for many texts. */
export interface Needle {
  readonly lower: string;
  readonly text: string;
}

export function needleOf(query: string): Needle {
  const text = query.replace(/\s+/g, '');
  return { text, lower: text.toLowerCase() };
}

function isWordStart(text: string, i: number): boolean {
  if (i === 0) return true;
  const before = text.charCodeAt(i - 1);
  const here = text.charCodeAt(i);
  const isLetter = (code: number) => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code > 127;
  const isDigit = (code: number) => code >= 48 && code <= 57;
  if (!isLetter(before) && !isDigit(before)) return true;
  if (isDigit(here) !== isDigit(before)) return true;
  return before >= 97 && before <= 122 && here >= 65 && here <= 90;
}

/** Null where a letter is missing. An empty needle matches everything alike. */
export function fuzzy(needle: Needle, text: string, lower = text.toLowerCase()): Match | null {
  const { lower: wanted } = needle;
  if (wanted === '') return { score: 0, at: [] };
  // A run of letters as typed is what people mean most often: the best such place first.
  const whole = bestWhole(needle, text, lower);
  if (whole) return whole;
  const at: number[] = [];
  let from = 0;
  for (let k = 0; k < wanted.length; k++) {
    let found = lower.indexOf(wanted[k] as string, from);
    if (found < 0) return null;
    // Rather the beginning of a later word than the middle of this one, if the rest still fits behind it.
    if (found !== from || k === 0) {
      for (let later = found; later >= 0; later = lower.indexOf(wanted[k] as string, later + 1)) {
        if (isWordStart(text, later) && fits(wanted, k + 1, lower, later + 1)) {
          found = later;
          break;
        }
      }
    }
    at.push(found);
    from = found + 1;
  }
  return { score: scoreOf(needle, text, at), at };
}

function fits(wanted: string, k: number, lower: string, from: number): boolean {
  for (; k < wanted.length; k++) {
    from = lower.indexOf(wanted[k] as string, from) + 1;
    if (from === 0) return false;
  }
  return true;
}

function bestWhole(needle: Needle, text: string, lower: string): Match | null {
  let best: Match | null = null;
  for (let i = lower.indexOf(needle.lower); i >= 0; i = lower.indexOf(needle.lower, i + 1)) {
    const at = Array.from({ length: needle.lower.length }, (_, k) => i + k);
    const score = scoreOf(needle, text, at);
    if (!best || score > best.score) best = { score, at };
    if (isWordStart(text, i)) break;
  }
  return best;
}

function scoreOf(needle: Needle, text: string, at: readonly number[]): number {
  let score = 0;
  for (let k = 0; k < at.length; k++) {
    const i = at[k] as number;
    const gap = k === 0 ? Math.min(i, GAP_MAX) / 4 : Math.min(i - (at[k - 1] as number) - 1, GAP_MAX);
    score += k > 0 && gap === 0 ? ADJACENT : -gap / 2;
    if (isWordStart(text, i)) score += WORD_START;
    if (i === 0) score += TEXT_START;
    if (text[i] === needle.text[k]) score += EXACT_CASE;
  }
  // Of two that match alike the shorter one says less that was not asked for.
  return score - Math.min(text.length, 80) / 20;
}
