// A line so small that only its shape counts: an SVG path in a box of given size. Pure.

/** Points by x order; those without a finite value leave a gap. */
export function sparkPath(x: ArrayLike<number>, y: ArrayLike<number>, width: number, height: number): string {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < y.length; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return '';
  const left = x[0] as number;
  const wide = (x[x.length - 1] as number) - left || 1;
  const tall = high - low;
  let path = '';
  let isDrawing = false;
  for (let i = 0; i < y.length; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) {
      isDrawing = false;
      continue;
    }
    const px = (((x[i] as number) - left) / wide) * width;
    const py = tall === 0 ? height / 2 : height - ((value - low) / tall) * height;
    path += `${isDrawing ? 'L' : 'M'}${round(px)} ${round(py)}`;
    isDrawing = true;
  }
  return path;
}

const round = (value: number) => Math.round(value * 10) / 10;
