/**
 * What turns one list into another: the shortest edit script (Myers 1986, linear space).
 *
 *   diff([a b c], [a x c])  →  keep [a]   delete [b]  insert [x]   keep [c]
 *
 * Lists that have next to nothing in common would cost their length squared; a part that needs more
 * than `COST_MAX` edits from either end is then replaced as a whole: longer, still right.
 */

export type DiffKind = 'keep' | 'delete' | 'insert';

/** A run of items of one kind: `a[aFrom..aTo)` and `b[bFrom..bTo)`; one of both is empty unless kept. */
export interface DiffPart {
  readonly kind: DiffKind;
  readonly aFrom: number;
  readonly aTo: number;
  readonly bFrom: number;
  readonly bTo: number;
}

const COST_MAX = 4000;
const FAR = 2 ** 31 - 1;

/** Deletions stand before insertions where both happen at one place. */
export function diff<T extends string | number>(a: readonly T[], b: readonly T[]): DiffPart[] {
  const numbers = new Map<T, number>();
  const numbered = (items: readonly T[]): Int32Array =>
    Int32Array.from(items, (item) => {
      const known = numbers.get(item);
      if (known !== undefined) return known;
      numbers.set(item, numbers.size);
      return numbers.size - 1;
    });
  const search = new Search(numbered(a), numbered(b));
  search.compare(0, a.length, 0, b.length);
  return search.parts();
}

/** `b` again, from `a`, the parts, and what they insert. */
export function applied<T>(a: readonly T[], b: readonly T[], parts: readonly DiffPart[]): T[] {
  return parts.flatMap((part) => {
    if (part.kind === 'delete') return [];
    return part.kind === 'keep' ? a.slice(part.aFrom, part.aTo) : b.slice(part.bFrom, part.bTo);
  });
}

class Search {
  private readonly deleted: Uint8Array;
  private readonly inserted: Uint8Array;
  /** Furthest x on each diagonal, from the front and from the back. */
  private readonly ahead: Int32Array;
  private readonly behind: Int32Array;
  /** Where diagonal 0 stands in both. */
  private readonly zero: number;

  constructor(
    private readonly a: Int32Array,
    private readonly b: Int32Array,
  ) {
    this.deleted = new Uint8Array(a.length);
    this.inserted = new Uint8Array(b.length);
    const diagonals = a.length + b.length + 3;
    this.zero = b.length + 1;
    this.ahead = new Int32Array(diagonals);
    this.behind = new Int32Array(diagonals);
  }

  compare(aFrom: number, aTo: number, bFrom: number, bTo: number): void {
    const { a, b } = this;
    while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) {
      aFrom += 1;
      bFrom += 1;
    }
    while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) {
      aTo -= 1;
      bTo -= 1;
    }
    if (aFrom === aTo || bFrom === bTo) {
      this.deleted.fill(1, aFrom, aTo);
      this.inserted.fill(1, bFrom, bTo);
      return;
    }
    const middle = this.middle(aFrom, aTo, bFrom, bTo);
    if (middle === null) {
      this.deleted.fill(1, aFrom, aTo);
      this.inserted.fill(1, bFrom, bTo);
      return;
    }
    this.compare(aFrom, middle.x, bFrom, middle.y);
    this.compare(middle.x, aTo, middle.y, bTo);
  }

  /**
   * A point on a shortest path, about half way; null when that is too far away.
   *
   * Two searches grow from the corners, one edit a round. `ahead[k]` and `behind[k]` are the furthest x reached on
   * diagonal k = x - y; where they pass each other lies the point. Neither starts a diagonal outside the rectangle.
   */
  private middle(aFrom: number, aTo: number, bFrom: number, bTo: number): { x: number; y: number } | null {
    const { a, b, ahead, behind, zero } = this;
    const [lowest, highest] = [aFrom - bTo, aTo - bFrom];
    const [start, end] = [aFrom - bFrom, aTo - bTo];
    const isOdd = ((start - end) & 1) !== 0;
    let [aheadLow, aheadHigh, behindLow, behindHigh] = [start, start, end, end];
    ahead[zero + start] = aFrom;
    behind[zero + end] = aTo;
    for (let cost = 1; cost <= COST_MAX; cost += 1) {
      if (aheadLow > lowest) ahead[zero + --aheadLow - 1] = -1;
      else aheadLow += 1;
      if (aheadHigh < highest) ahead[zero + ++aheadHigh + 1] = -1;
      else aheadHigh -= 1;
      for (let k = aheadHigh; k >= aheadLow; k -= 2) {
        let x = Math.max(ahead[zero + k - 1]! + 1, ahead[zero + k + 1]!);
        while (x < aTo && x - k < bTo && a[x] === b[x - k]) x += 1;
        ahead[zero + k] = x;
        if (isOdd && k >= behindLow && k <= behindHigh && behind[zero + k]! <= x) return { x, y: x - k };
      }
      if (behindLow > lowest) behind[zero + --behindLow - 1] = FAR;
      else behindLow += 1;
      if (behindHigh < highest) behind[zero + ++behindHigh + 1] = FAR;
      else behindHigh -= 1;
      for (let k = behindHigh; k >= behindLow; k -= 2) {
        let x = Math.min(behind[zero + k - 1]!, behind[zero + k + 1]! - 1);
        while (x > aFrom && x - k > bFrom && a[x - 1] === b[x - k - 1]) x -= 1;
        behind[zero + k] = x;
        if (!isOdd && k >= aheadLow && k <= aheadHigh && ahead[zero + k]! >= x) return { x, y: x - k };
      }
    }
    return null;
  }

  parts(): DiffPart[] {
    const found: DiffPart[] = [];
    let i = 0;
    let j = 0;
    while (i < this.a.length || j < this.b.length) {
      const [aFrom, bFrom] = [i, j];
      let kind: DiffKind = 'keep';
      if (this.deleted[i] === 1) {
        kind = 'delete';
        while (this.deleted[i] === 1) i += 1;
      } else if (this.inserted[j] === 1) {
        kind = 'insert';
        while (this.inserted[j] === 1) j += 1;
      } else {
        while (i < this.a.length && j < this.b.length && this.deleted[i] !== 1 && this.inserted[j] !== 1) {
          i += 1;
          j += 1;
        }
      }
      found.push({ kind, aFrom, aTo: i, bFrom, bTo: j });
    }
    return found;
  }
}
