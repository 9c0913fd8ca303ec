// What a person prefers, kept in the browser. Reading and writing never throw: storage may be full or forbidden.

const PREFIX = 'kiseki.';

export function readPref<T>(name: string, fallback: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

export function writePref(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The setting then lasts as long as the page.
  }
}
