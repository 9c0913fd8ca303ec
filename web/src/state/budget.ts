// How many buckets a panel asks for (docs: point budget). Quantised, so that a pixel more or less asks nothing anew.

const POINTS_PER_PANEL_MAX = 160_000;
const POINTS_PER_PAGE_MAX = 400_000;
const VALUES_PER_BUCKET = 4;
const BUCKETS_MIN = 24;
const LADDER = [24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];

/** `series` lines in a plot of `width` CSS px, one of `panels` panels in view. */
export function bucketsFor(series: number, width: number, panels: number): number {
  const points = Math.min(POINTS_PER_PANEL_MAX, POINTS_PER_PAGE_MAX / Math.max(1, panels));
  const share = Math.floor(points / (VALUES_PER_BUCKET * Math.max(1, series)));
  const wanted = Math.min(Math.max(BUCKETS_MIN, share), Math.max(BUCKETS_MIN, width));
  // Rounded up when the width decides (one bucket a pixel is the goal), down when the budget does.
  if (share >= width) return LADDER.find((rung) => rung >= wanted) ?? 2048;
  return LADDER.findLast((rung) => rung <= wanted) ?? BUCKETS_MIN;
}
