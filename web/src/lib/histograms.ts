/** Histograms of which each may have bins of its own: what they share, exactly. */

export interface Bins {
  readonly counts: readonly number[];
  /** One more than counts, never falling. */
  readonly edges: readonly number[];
}

/** From the lowest edge to the highest; null where no histogram has a bin. */
export function spanOf(all: readonly Bins[]): { low: number; high: number } | null {
  let [low, high] = [Infinity, -Infinity];
  for (const { edges } of all) {
    if (edges.length < 2) continue;
    low = Math.min(low, edges[0]!);
    high = Math.max(high, edges.at(-1)!);
  }
  return low <= high ? { low, high } : null;
}

/**
 * The counts in `size` equal bins from `low` to `high`. A bin gives to each new one by the part that lies in it, so
 * no count is lost or made; a bin without width gives all it has to the one it stands in. What lies outside is left out.
 */
export function rebinned(bins: Bins, low: number, high: number, size: number): Float64Array {
  const found = new Float64Array(size);
  const width = (high - low || 1) / size;
  const place = (value: number): number => (value - low) / width;
  const limit = high > low ? size : 1;
  bins.counts.forEach((count, i) => {
    const [a, b] = [place(bins.edges[i]!), place(bins.edges[i + 1]!)];
    if (!(b > a)) {
      // The last bin holds its upper edge too.
      if (a >= 0 && a <= limit) found[Math.min(size - 1, Math.floor(a))]! += count;
      return;
    }
    for (let at = Math.max(0, Math.floor(a)); at < Math.min(size, Math.ceil(b)); at += 1) {
      found[at]! += (count * Math.max(0, Math.min(b, at + 1) - Math.max(a, at))) / (b - a);
    }
  });
  return found;
}

export function massOf(bins: Bins): number {
  return bins.counts.reduce((sum, count) => sum + count, 0);
}

/** The value below which `share` of the counts lie, evenly spread within a bin; NaN without counts. */
export function quantileOf(bins: Bins, share: number): number {
  const wanted = massOf(bins) * share;
  let seen = 0;
  for (let i = 0; i < bins.counts.length; i += 1) {
    const count = bins.counts[i]!;
    if (count > 0 && seen + count >= wanted) {
      const [from, to] = [bins.edges[i]!, bins.edges[i + 1]!];
      return from + ((to - from) * Math.max(0, wanted - seen)) / count;
    }
    seen += count;
  }
  return NaN;
}
