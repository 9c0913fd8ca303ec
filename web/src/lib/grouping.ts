/** How a group of runs is drawn as one line, and what lies around it. The server computes both. */
export type GroupLine = 'mean' | 'median' | 'min' | 'max' | 'last' | 'sum';
export type GroupBand = 'none' | 'min-max' | 'std' | 'standard-error' | 'ci95' | 'quartiles';

export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** Of the sample (n - 1); 0 for a single member. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  const squares = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

export function quantile(ordered: readonly number[], share: number): number {
  const at = (ordered.length - 1) * share;
  const low = Math.floor(at);
  const next = ordered[Math.min(low + 1, ordered.length - 1)]!;
  return ordered[low]! + (next - ordered[low]!) * (at - low);
}
