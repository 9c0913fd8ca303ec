/** Names picked by patterns as shells have them: `*` is any text (dots too), `?` one character. Case is ignored. */

export function globTest(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.filter((pattern) => pattern !== '').map((pattern) => pattern.toLowerCase());
  return (name) => {
    const lower = name.toLowerCase();
    return tests.some((pattern) => matches(pattern, lower));
  };
}

/** Goes back to the last star only, so that no pattern takes more than the product of both lengths. */
function matches(pattern: string, name: string): boolean {
  let [p, n, star, held] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p;
      held = n;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p += 1;
      n += 1;
    } else if (star >= 0) {
      p = star + 1;
      held += 1;
      n = held;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** The patterns that a person typed: parted by commas, spaces or lines. */
export function globsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}
