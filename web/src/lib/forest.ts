/**
 * What a number depends on: a small random forest, and how much worse it guesses when a feature is mixed up.
 *
 * Each tree is grown on a sample of the rows drawn with replacement and judged on the rows that were not drawn, so a
 * feature that only fits noise has no importance. A feature may be several columns (the values of a category, one
 * each), which are mixed up together. Same data and seed, same answer. The work is a generator that yields often, so
 * that a page can do it in idle slices.
 */
import { seeded, shuffle, type Random } from './random';

export interface Feature {
  readonly name: string;
  /** One column of numbers, or one for each value of a category. All as long as the target. */
  readonly columns: readonly Float64Array[];
}

export interface ForestOptions {
  readonly trees: number;
  readonly depthMax: number;
  /** Rows that a leaf has at least. */
  readonly leafMin: number;
  readonly seed: number;
}

export const FOREST_DEFAULT: ForestOptions = { trees: 60, depthMax: 10, leafMin: 2, seed: 1 };

interface Leaf {
  readonly value: number;
}
interface Split {
  readonly column: Float64Array;
  /** Rows with at most this go to the left. */
  readonly at: number;
  readonly left: Node;
  readonly right: Node;
}
type Node = Leaf | Split;

export interface Importance {
  /** By how much a tree's squared error grows without the feature, as a part of the target's variance: about 0 for noise. */
  readonly importance: Float64Array;
  /** Part of the variance that the trees together explain on rows they did not see; can be negative. */
  readonly explained: number;
}

/** Yields the part that is done, 0 to 1. */
export function* importances(
  features: readonly Feature[],
  target: Float64Array,
  options: ForestOptions = FOREST_DEFAULT,
): Generator<number, Importance> {
  const rows = target.length;
  const random = seeded(options.seed);
  const columns = features.flatMap((feature) => feature.columns);
  const importance = new Float64Array(features.length);
  const variance = varianceOf(target);
  const guesses = new Float64Array(rows);
  const guessed = new Uint32Array(rows);
  let judged = 0;
  for (let tree = 0; tree < options.trees && variance > 0 && columns.length > 0; tree += 1) {
    const drawn = new Uint32Array(rows);
    const wasDrawn = new Uint8Array(rows);
    for (let i = 0; i < rows; i += 1) {
      const row = Math.floor(random() * rows);
      drawn[i] = row;
      wasDrawn[row] = 1;
    }
    const root = yield* grow(columns, target, drawn, options, random, tree / options.trees);
    const others = Uint32Array.from({ length: rows }, (_, i) => i).filter((row) => wasDrawn[row] === 0);
    if (others.length === 0) continue;
    let before = 0;
    for (const row of others) {
      const guess = guessOf(root, row);
      guesses[row]! += guess;
      guessed[row]! += 1;
      before += (target[row]! - guess) ** 2;
    }
    judged += others.length;
    for (const [at, feature] of features.entries()) {
      const mix = mixed(feature.columns, others, random);
      for (const row of others) importance[at]! += (target[row]! - guessOf(root, row, mix)) ** 2;
      importance[at]! -= before;
      yield tree / options.trees;
    }
  }
  const scale = judged > 0 && variance > 0 ? 1 / (judged * variance) : 0;
  for (let at = 0; at < importance.length; at += 1) importance[at]! *= scale;
  return { importance, explained: scale > 0 ? 1 - lossOf(guesses, guessed, target) / variance : 0 };
}

/** Mean squared error of what the trees that did not see a row guess of it together. */
function lossOf(guesses: Float64Array, guessed: Uint32Array, target: Float64Array): number {
  let [sum, n] = [0, 0];
  guessed.forEach((trees, row) => {
    if (trees === 0) return;
    sum += (target[row]! - guesses[row]! / trees) ** 2;
    n += 1;
  });
  return sum / n;
}

function varianceOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const middle = sum / (values.length || 1);
  let squares = 0;
  for (const value of values) squares += (value - middle) ** 2;
  return squares / (values.length || 1);
}

function* grow(
  columns: readonly Float64Array[],
  target: Float64Array,
  rows: Uint32Array,
  options: ForestOptions,
  random: Random,
  done: number,
  depth = 0,
): Generator<number, Node> {
  yield done;
  const split = depth < options.depthMax ? bestSplit(columns, target, rows, options.leafMin, random) : null;
  if (split === null) return { value: meanAt(target, rows) };
  const left = rows.filter((row) => split.column[row]! <= split.at);
  const right = rows.filter((row) => split.column[row]! > split.at);
  return {
    ...split,
    left: yield* grow(columns, target, left, options, random, done, depth + 1),
    right: yield* grow(columns, target, right, options, random, done, depth + 1),
  };
}

function meanAt(values: Float64Array, rows: Uint32Array): number {
  let sum = 0;
  for (const row of rows) sum += values[row]!;
  return rows.length > 0 ? sum / rows.length : 0;
}

/** The cut that leaves the least squared error, among a random third of the columns (two at least). */
function bestSplit(
  columns: readonly Float64Array[],
  target: Float64Array,
  rows: Uint32Array,
  leafMin: number,
  random: Random,
): Pick<Split, 'column' | 'at'> | null {
  if (rows.length < 2 * leafMin) return null;
  const tried = Math.min(columns.length, Math.max(2, Math.ceil(columns.length / 3)));
  const order = Uint32Array.from(columns.keys());
  shuffle(order, random);
  let found: Pick<Split, 'column' | 'at'> | null = null;
  let best = -Infinity;
  let total = 0;
  for (const row of rows) total += target[row]!;
  for (let k = 0, seen = 0; k < order.length && seen < tried; k += 1) {
    const column = columns[order[k]!]!;
    const sorted = rows.slice().sort((a, b) => column[a]! - column[b]!);
    // A column that is constant here offers nothing; another is tried in its place.
    if (!(column[sorted[sorted.length - 1]!]! > column[sorted[0]!]!)) continue;
    seen += 1;
    let sum = 0;
    for (let i = 0; i < sorted.length - 1; i += 1) {
      sum += target[sorted[i]!]!;
      const [here, next] = [column[sorted[i]!]!, column[sorted[i + 1]!]!];
      const [a, b] = [i + 1, sorted.length - i - 1];
      if (here === next || a < leafMin || b < leafMin) continue;
      // Less squared error is more of the sums' squares: the squares of the values are the same for every cut.
      const gain = (sum * sum) / a + ((total - sum) * (total - sum)) / b;
      if (gain > best) {
        best = gain;
        found = { column, at: here + (next - here) / 2 };
        if (!(found.at < next)) found = { column, at: here };
      }
    }
  }
  return found !== null && best > (total * total) / rows.length + 1e-12 * Math.abs(best) ? found : null;
}

/** Columns in which a row has the value of another row. */
interface Mix {
  readonly columns: ReadonlySet<Float64Array>;
  readonly instead: ReadonlyMap<number, number>;
}

function mixed(columns: readonly Float64Array[], rows: Uint32Array, random: Random): Mix {
  const other = rows.slice();
  shuffle(other, random);
  return { columns: new Set(columns), instead: new Map(Array.from(rows, (row, i) => [row, other[i]!])) };
}

function guessOf(root: Node, row: number, mix?: Mix): number {
  let node = root;
  while ('column' in node) {
    const from: number = mix?.columns.has(node.column) ? mix.instead.get(row)! : row;
    node = node.column[from]! <= node.at ? node.left : node.right;
  }
  return node.value;
}

/** Spearman's rank correlation, −1 to 1; null where one of the two never changes. */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (x.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i += 1) {
    const [dx, dy] = [x[i]! - middle, y[i]! - middle];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null;
}

/** From 1 on; equal values share the middle of their ranks. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const found = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && values[order[end]!] === values[order[i]!]) end += 1;
    for (let k = i; k < end; k += 1) found[order[k]!] = (i + end + 1) / 2;
    i = end;
  }
  return found;
}
