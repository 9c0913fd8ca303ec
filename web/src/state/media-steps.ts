// Steps of several runs as one slider, and what lies over pictures. Pure.
import type { MediaItem, MediaStep } from './media';

/** Every step that any of the runs logged, in order. */
export function allSteps(histories: readonly { readonly steps: readonly { step: number }[] }[]): number[] {
  const found = new Set<number>();
  for (const { steps } of histories) for (const { step } of steps) found.add(step);
  return [...found].sort((a, b) => a - b);
}

/** The place of the step nearest to the wanted one, the earlier of two; the last where none is wanted, −1 of none. */
export function nearestStep(steps: readonly number[], wanted: number | null): number {
  if (wanted === null || steps.length === 0) return steps.length - 1;
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [steps[low - 1], steps[low] as number];
  return before !== undefined && wanted - before <= after - wanted ? low - 1 : low;
}

/** How a run is looked at where it has nothing at the wanted step. */
export type StepRule = 'before' | 'exact';

/** What a run shows at a step: the last at or before it, or only what was logged just then. */
export function shownAt<S extends { step: number }>(
  steps: readonly S[],
  wanted: number | null,
  rule: StepRule,
): S | null {
  if (wanted === null) return steps.at(-1) ?? null;
  let found: S | null = null;
  for (const one of steps) if (one.step <= wanted && (found === null || one.step >= found.step)) found = one;
  return rule === 'exact' && found?.step !== wanted ? null : found;
}

/** `count` places of `size`, evenly apart, the first and the last among them. */
export function evenly(size: number, count: number): number[] {
  if (size <= count) return Array.from({ length: size }, (_, at) => at);
  if (count === 1) return [size - 1];
  return Array.from({ length: count }, (_, at) => Math.round((at * (size - 1)) / (count - 1)));
}

/** Names of the classes in masks; class 0 is not painted. */
export function classesOf(items: readonly MediaItem[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of items) {
    for (const mask of item.masks) {
      for (const [value, name] of Object.entries(mask.labels)) if (value !== '0') found[value] = name;
    }
  }
  return found;
}

/** The longest list that any step has. */
export function itemsMost(steps: readonly (MediaStep | null)[]): number {
  return steps.reduce((most, one) => Math.max(most, one?.items.length ?? 0), 0);
}
