// What differs between two documents, and back: `apply(a, diff(a, b))` is `b`. Pure.
//
// Objects are compared key by key; anything else (arrays too) is replaced as a whole. `[value]` is a new value, 0 one
// that was taken away.

export type Patch = { readonly [key: string]: Patch | readonly [unknown] | 0 };

type Record_ = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Record_ =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((one, i) => same(one, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

export function diff(from: object, to: object): Patch {
  const [a, b] = [from as Record_, to as Record_];
  const patch: [string, Patch[string]][] = [];
  for (const key of Object.keys(a)) if (!Object.hasOwn(b, key)) patch.push([key, 0]);
  for (const [key, value] of Object.entries(b)) {
    const old = Object.hasOwn(a, key) ? a[key] : undefined;
    if (Object.hasOwn(a, key) && same(old, value)) continue;
    patch.push([key, isObject(old) && isObject(value) ? diff(old, value) : [value]]);
  }
  return Object.fromEntries(patch);
}

/** Where the document has no object under a key that the patch goes into, one is made. */
export function apply<T extends object>(doc: T, patch: Patch): T {
  const next = new Map(Object.entries(doc as Record_));
  for (const [key, change] of Object.entries(patch)) {
    if (change === 0) next.delete(key);
    else if (Array.isArray(change)) next.set(key, change[0]);
    else {
      const old = next.get(key);
      next.set(key, apply(isObject(old) ? old : {}, change as Patch));
    }
  }
  return Object.fromEntries(next) as T;
}

export const isEmptyPatch = (patch: Patch): boolean => Object.keys(patch).length === 0;
