// JSON whose integers stay exact: beyond 2⁵³ they are read as bigint, and written as the digits they were.

/** What may be such an integer; times in µs have 16 digits and are far below. */
const LONG = /[:[,]\s*-?(?:\d{17,}|9\d{15})\s*[,\]}]/;

type Source = { source?: string };
type Raw = typeof JSON & { rawJSON?: (text: string) => unknown };

/** JSON.stringify then writes what was read; a browser without `rawJSON` reads no bigint either. */
const raw = (JSON as Raw).rawJSON;
if (raw) {
  Object.defineProperty(BigInt.prototype, 'toJSON', {
    value(this: bigint) {
      return raw(this.toString());
    },
  });
}

export function parseJson<T>(text: string): T {
  // Reading with a reviver takes several times as long: only where there is something to find.
  if (!raw || !LONG.test(text)) return JSON.parse(text) as T;
  return JSON.parse(text, (_key, value: unknown, context?: Source) => {
    const isLost = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '');
    return isLost ? BigInt(context?.source as string) : value;
  }) as T;
}
