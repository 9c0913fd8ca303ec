// What lies over pictures, and how strong. Pure.
import { choiceOf, flagOf, numberOf, textsOf, type Options } from '../../lib/options';

export interface Overlays {
  masks: boolean;
  boxes: boolean;
  /** Of masks, 0 to 1. */
  opacity: number;
  /** Classes that are not shown, as text. */
  off: ReadonlySet<string>;
}

export const OVERLAYS_DEFAULT: Overlays = { masks: true, boxes: true, opacity: 0.55, off: new Set() };

export function overlaysIn(options: Options): Overlays {
  return {
    masks: flagOf(options, 'masks', true),
    boxes: flagOf(options, 'boxes', true),
    opacity: Math.min(1, Math.max(0, numberOf(options, 'opacity', OVERLAYS_DEFAULT.opacity))),
    off: new Set(textsOf(options, 'off') ?? []),
  };
}

export function overlayOptions(overlays: Overlays): Record<string, unknown> {
  const { masks, boxes, opacity, off } = overlays;
  return { masks, boxes, opacity, off: [...off] };
}

export const LAYOUTS = ['cards', 'grid', 'compare'] as const;
export const COMPARES = ['side', 'swipe', 'flicker'] as const;

export interface MediaOptions {
  metric: string;
  layout: (typeof LAYOUTS)[number];
  compare: (typeof COMPARES)[number];
  /** Place in a list of pictures; null for all of them. */
  index: number | null;
  /** px of a picture. */
  size: number;
  /** A section has one step, unless a panel goes its own way. */
  linked: boolean;
  step: number | null;
  rule: 'before' | 'exact';
}

export function mediaOptions(options: Options, first: string): MediaOptions {
  const metric = options.metric;
  return {
    metric: typeof metric === 'string' && metric !== '' ? metric : (textsOf(options, 'metrics')?.[0] ?? first),
    layout: choiceOf(options, 'layout', LAYOUTS, 'cards'),
    compare: choiceOf(options, 'compare', COMPARES, 'side'),
    index: numberOf(options, 'index', null),
    size: Math.min(800, Math.max(60, numberOf(options, 'size', 160))),
    linked: flagOf(options, 'linked', true),
    step: numberOf(options, 'step', null),
    rule: choiceOf(options, 'rule', ['before', 'exact'] as const, 'before'),
  };
}
