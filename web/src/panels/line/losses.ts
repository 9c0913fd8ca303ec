// What could not be drawn, in a few words for the header. Pure.
import type { SeriesData } from '../../lib/series';

/** `NaN ×312  +Inf ×2`; empty when nothing is lost. */
export function lossWords(series: readonly SeriesData[]): string {
  let [nan, pinf, ninf] = [0, 0, 0];
  for (const one of series) {
    nan += one.nan;
    pinf += one.pinf;
    ninf += one.ninf;
  }
  const parts: string[] = [];
  if (nan) parts.push(`NaN ×${nan}`);
  if (pinf) parts.push(`+Inf ×${pinf}`);
  if (ninf) parts.push(`−Inf ×${ninf}`);
  return parts.join('  ');
}
