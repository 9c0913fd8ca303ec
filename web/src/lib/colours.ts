/**
 * Colours of lines: ten hues per theme and three dash patterns.
 *
 * The hues keep the largest smallest distance under normal, deutan, protan and tritan vision, in
 * farthest-first order. The order is part of the product: a run keeps its index for life.
 */

export type Theme = 'light' | 'dark';

const HUES: Record<Theme, readonly string[]> = {
  light: [
    '#2f6bbc',
    '#833525',
    '#5314ac',
    '#b48326',
    '#a4586f',
    '#6a9f7d',
    '#664985',
    '#661554',
    '#937eac',
    '#756d17',
  ],
  dark: [
    '#a9d8fc',
    '#c46028',
    '#8a70cd',
    '#f7daa4',
    '#fa84b8',
    '#71d254',
    '#cc79ff',
    '#b06b89',
    '#c0a9f0',
    '#a5a25d',
  ],
};

const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2]];

export const HUE_COUNT = 10;

/*
 * One number says what a line looks like, so that it passes through charts, swatches and caches as it is:
 *
 *   0 … 29 (and on)        hue and dash of a run
 *   CHOSEN + 0xrrggbb      a colour that a person chose, the same in both themes
 *   SCALED + 0 … 10 000    a place on the sequential scale
 */
const CHOSEN = 0x1000000;
const SCALED = 0x2000000;
const SCALE_STEPS = 10_000;

/** `#rrggbb` as a colour number; null for anything else. */
export function chosenColour(text: string): number | null {
  return /^#[0-9a-f]{6}$/i.test(text) ? CHOSEN + parseInt(text.slice(1), 16) : null;
}

/** The colour number of a place in [0, 1] on the sequential scale. */
export function scaledColour(position: number): number {
  return SCALED + Math.round(Math.min(1, Math.max(0, position)) * SCALE_STEPS);
}

/** Colour of the run with this colour number (any integer ≥ 0), as `#rrggbb`. */
export function runColor(index: number, theme: Theme): string {
  if (index >= SCALED) return sequentialColor((index - SCALED) / SCALE_STEPS, theme);
  if (index >= CHOSEN) return `#${(index - CHOSEN).toString(16).padStart(6, '0')}`;
  return HUES[theme][wrap(index, HUE_COUNT)]!;
}

/** Dash pattern in CSS px: solid for 0-9, then 6-3, then 2-2; the thirty repeat. Other colours are solid. */
export function runDash(index: number): readonly number[] {
  if (index >= CHOSEN) return DASHES[0]!;
  return DASHES[wrap(Math.floor(index / HUE_COUNT), DASHES.length)]!;
}

function wrap(index: number, length: number): number {
  return ((Math.trunc(index) % length) + length) % length;
}

/** Anchors of the sequential scale (light end last), perceptually even and monotone in lightness. */
const SEQUENTIAL: Record<Theme, readonly [number, number, number][]> = {
  light: [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [78, 168, 80],
    [178, 150, 20],
  ],
  dark: [
    [124, 92, 200],
    [79, 130, 190],
    [42, 170, 160],
    [115, 205, 95],
    [250, 228, 60],
  ],
};

/** Colour for `position` in [0, 1] on the sequential scale ("colour by" a number). */
export function sequentialColor(position: number, theme: Theme): string {
  const anchors = SEQUENTIAL[theme];
  const at = Math.min(1, Math.max(0, position)) * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(at));
  const share = at - low;
  const channels = anchors[low]!.map((from, i) => {
    const value = Math.round(from + (anchors[low + 1]![i]! - from) * share);
    return value.toString(16).padStart(2, '0');
  });
  return `#${channels.join('')}`;
}
