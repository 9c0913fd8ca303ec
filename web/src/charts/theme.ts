/** The page's colours as canvases need them: read from the CSS tokens, re-read when they change. */

import type { Theme } from '../lib/colours';

export interface Ink {
  readonly theme: Theme;
  readonly background: string;
  readonly text: string;
  readonly secondary: string;
  readonly hairline: string;
  readonly border: string;
  readonly font: string;
  /** More than 1 when the person asked for more contrast. */
  readonly stroke: number;
}

const FALLBACK: Record<Theme, readonly string[]> = {
  light: ['#ffffff', '#16181d', '#565c66', '#e6e8ec', '#868d98'],
  dark: ['#161a21', '#e7e9ee', '#a2a9b5', '#232830', '#697280'],
};

const AXIS_FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/** The tokens in force at `element`. */
export function readInk(element: Element): Ink {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  const theme = isDark(token('--bg')) ? 'dark' : 'light';
  const [background, text, secondary, hairline, border] = FALLBACK[theme];
  return {
    theme,
    background: token('--raised') || background!,
    text: token('--text') || text!,
    secondary: token('--text-2') || secondary!,
    hairline: token('--hairline') || hairline!,
    border: token('--border') || border!,
    font: AXIS_FONT,
    stroke: matchMedia('(prefers-contrast: more)').matches ? 1.5 : 1,
  };
}

function isDark(background: string): boolean {
  const hex = /^#([0-9a-f]{6})$/i.exec(background)?.[1];
  if (hex === undefined) return matchMedia('(prefers-color-scheme: dark)').matches;
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [
    number,
    number,
    number,
  ];
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

const listeners = new Set<() => void>();
let stopWatching: (() => void) | null = null;

/** Call back when the theme may have changed. One observer serves every chart. */
export function watchTheme(listener: () => void): () => void {
  listeners.add(listener);
  stopWatching ??= watch();
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    stopWatching?.();
    stopWatching = null;
  };
}

function watch(): () => void {
  const announce = (): void => listeners.forEach((listener) => listener());
  const observer = new MutationObserver(announce);
  observer.observe(document.documentElement, {
    attributes: true,
    attributeFilter: ['class', 'data-theme', 'style'],
  });
  const queries = ['(prefers-color-scheme: dark)', '(prefers-contrast: more)'].map((query) =>
    matchMedia(query),
  );
  for (const query of queries) query.addEventListener('change', announce);
  return () => {
    observer.disconnect();
    for (const query of queries) query.removeEventListener('change', announce);
  };
}
