// Sort orders as the address and the API write them: `-summary.acc,config.lr`. Pure.

export interface SortKey {
  path: string;
  descending: boolean;
}

export function parseSort(text: string): SortKey[] {
  return splitKeys(text).map((part) => {
    const descending = part.startsWith('-');
    return { path: unquote(descending ? part.slice(1) : part), descending };
  });
}

export function sortText(keys: readonly SortKey[]): string {
  return keys.map((key) => (key.descending ? '-' : '') + quoteKey(key.path)).join(',');
}

/** A click on a column: descending first, then ascending, then off. With `add` the other keys stay. */
export function clicked(keys: readonly SortKey[], path: string, add: boolean): SortKey[] {
  const others = add ? keys.filter((key) => key.path !== path) : [];
  const own = keys.find((key) => key.path === path);
  if (!own) return [...others, { path, descending: true }];
  if (!own.descending) return others;
  const flipped = { path, descending: false };
  return add ? keys.map((key) => (key.path === path ? flipped : key)) : [flipped];
}

/** Commas inside double quotes belong to a key. */
function splitKeys(text: string): string[] {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []).map((part) => part.trim()).filter(Boolean);
}

/** A key as a sort and the parameters of the API spell it. */
export function quoteKey(path: string): string {
  return /^[\w./@][\w./@-]*$/.test(path) ? path : `"${path.replace(/[\\"]/g, '\\$&')}"`;
}

function unquote(text: string): string {
  return /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(["\\])/g, '$1') : text;
}
