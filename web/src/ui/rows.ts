// Where the rows of a virtual list stand. Pure.
//
//   content   rows one under the other, `height` px each unless measured otherwise
//   scroll    what the browser scrolls: the content, or a shorter stand-in when the content is taller than browsers
//             can scroll; `scale` says how much content a scrolled pixel is then

/** Firefox stops at 17.8 million px, Chromium at 33 million. */
export const SCROLL_MAX = 10_000_000;

/** Heights of rows: one for all, and those that were measured to differ. */
export class RowHeights {
  private readonly extras = new Map<number, number>();
  private indexes: number[] = [];
  private sums: number[] = [];
  private isStale = false;

  constructor(readonly height: number) {}

  of(index: number): number {
    return this.height + (this.extras.get(index) ?? 0);
  }

  /** Takes a measured height; says by how much the row grew. */
  set(index: number, height: number): number {
    const grown = height - this.of(index);
    if (Math.abs(grown) < 0.5) return 0;
    if (height === this.height) this.extras.delete(index);
    else this.extras.set(index, height - this.height);
    this.isStale = true;
    return grown;
  }

  /** Top of a row in the content; the content's height for `index` = the count. */
  offset(index: number): number {
    return index * this.height + this.extraBefore(index);
  }

  /** The row at a height of the content. */
  indexAt(offset: number, count: number): number {
    let low = 0;
    let high = Math.max(0, count - 1);
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.offset(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private extraBefore(index: number): number {
    if (this.extras.size === 0) return 0;
    if (this.isStale) this.rebuild();
    let low = 0;
    let high = this.indexes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.indexes[middle] as number) < index) low = middle + 1;
      else high = middle;
    }
    return this.sums[low] as number;
  }

  private rebuild(): void {
    this.indexes = [...this.extras.keys()].sort((a, b) => a - b);
    this.sums = [0];
    for (const index of this.indexes) this.sums.push((this.sums.at(-1) as number) + (this.extras.get(index) as number));
    this.isStale = false;
  }
}

/** Content px per scrolled px: 1 unless the content is taller than browsers can scroll. */
export function scrollScale(contentHeight: number, viewHeight: number): number {
  if (contentHeight <= SCROLL_MAX) return 1;
  return (contentHeight - viewHeight) / (SCROLL_MAX - viewHeight);
}

/** Content top that brings a row into view, or null when it is in view already. */
export function topFor(
  heights: RowHeights,
  index: number,
  align: 'auto' | 'center' | 'end',
  top: number,
  viewHeight: number,
): number | null {
  const rowTop = heights.offset(index);
  const rowEnd = rowTop + heights.of(index);
  if (align === 'center') return rowTop - (viewHeight - heights.of(index)) / 2;
  if (align === 'end') return rowEnd - viewHeight;
  if (rowTop < top) return rowTop;
  return rowEnd > top + viewHeight ? rowEnd - viewHeight : null;
}
