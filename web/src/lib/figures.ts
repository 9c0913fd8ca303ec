/**
 * Figures that runs log: marks in a plane under two axes, whoever described them (plotly, a chart of a table).
 *
 * Values on an axis are numbers: of a category its place, of a moment Unix seconds.
 */

export interface FigureAxis {
  readonly title: string;
  readonly kind: 'number' | 'log' | 'time' | 'category';
  readonly categories: readonly string[];
  readonly isReversed: boolean;
  /** Chosen by who logged it; null: what the marks need. */
  readonly range: readonly [number, number] | null;
}

interface Named {
  readonly name: string;
  /** Chosen by who logged it; null: the next of the palette. */
  readonly colour: string | null;
  readonly opacity: number;
}

export interface PointMark extends Named {
  readonly kind: 'points';
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly lines: boolean;
  readonly markers: boolean;
  readonly isDashed: boolean;
  /** Steps from one point to the next instead of a straight line. */
  readonly isStepped: boolean;
  /** Filled down to zero. */
  readonly isFilled: boolean;
  /** Of single points; empty: all are the same. */
  readonly colours: readonly string[];
  readonly sizes: readonly number[];
  readonly texts: readonly string[];
}

/** Bars, boxes, whatever is a rectangle: from (x0, y0) to (x1, y1). */
export interface RectMark extends Named {
  readonly kind: 'rects';
  readonly rects: readonly { x0: number; x1: number; y0: number; y1: number; text: string }[];
}

export interface HeatMark extends Named {
  readonly kind: 'heat';
  /** One more than columns, and than rows. */
  readonly xEdges: readonly number[];
  readonly yEdges: readonly number[];
  /** Row by row. */
  readonly z: readonly (readonly number[])[];
  readonly low: number;
  readonly high: number;
  readonly scale: readonly (readonly [number, string])[] | null;
  readonly isWritten: boolean;
}

export type Mark = PointMark | RectMark | HeatMark;

export interface Figure {
  readonly title: string;
  readonly x: FigureAxis;
  readonly y: FigureAxis;
  readonly marks: readonly Mark[];
  /** Width by height, where one unit of x is to be as long as one of y. */
  readonly isSquare: boolean;
}

export const axisOf = (title = '', more: Partial<FigureAxis> = {}): FigureAxis => ({
  title,
  kind: 'number',
  categories: [],
  isReversed: false,
  range: null,
  ...more,
});

export const pointsOf = (x: readonly number[], y: readonly number[], more: Partial<PointMark> = {}): PointMark => ({
  kind: 'points',
  name: '',
  colour: null,
  opacity: 1,
  x,
  y,
  lines: true,
  markers: false,
  isDashed: false,
  isStepped: false,
  isFilled: false,
  colours: [],
  sizes: [],
  texts: [],
  ...more,
});

export const rectsOf = (rects: RectMark['rects'], more: Partial<RectMark> = {}): RectMark => ({
  kind: 'rects',
  name: '',
  colour: null,
  opacity: 1,
  rects,
  ...more,
});

/** Edges between cells that lie around these middles. */
export function edgesAround(middles: readonly number[], count: number): number[] {
  if (middles.length === count + 1) return [...middles];
  if (middles.length < 2) return Array.from({ length: count + 1 }, (_, i) => (middles[0] ?? 0) + i - 0.5);
  const inner = middles.slice(1).map((value, i) => (value + middles[i]!) / 2);
  return [2 * middles[0]! - inner[0]!, ...inner, 2 * middles.at(-1)! - inner.at(-1)!];
}

/** Counts of values in `bins` ranges of one width, as rectangles on the x axis. */
export function binned(values: readonly number[], bins: number, more: Partial<RectMark> = {}): RectMark {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return rectsOf([], more);
  let [low, high] = [Infinity, -Infinity];
  for (const value of finite) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const width = (high - low) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of finite) counts[Math.min(bins - 1, Math.floor((value - low) / width))]! += 1;
  return rectsOf(
    counts.map((count, i) => ({ x0: low + i * width, x1: low + (i + 1) * width, y0: 0, y1: count, text: '' })),
    more,
  );
}

/** As many bins as are enough for so many values. */
export const binsFor = (count: number): number => Math.max(5, Math.min(60, Math.ceil(Math.sqrt(count))));

/** The places of texts among categories, which grow by those that are new. */
export function placesIn(categories: string[], values: readonly unknown[]): number[] {
  const known = new Map(categories.map((name, at) => [name, at]));
  return values.map((value) => {
    const name = String(value ?? '');
    const at = known.get(name) ?? categories.length;
    if (at === categories.length) {
      categories.push(name);
      known.set(name, at);
    }
    return at;
  });
}

/** What marks need of an axis: bars begin at zero, points get some room. */
export function extentOf(figure: Figure, along: 'x' | 'y'): { min: number; max: number } {
  const axis = figure[along];
  const isLog = axis.kind === 'log';
  if (axis.range) {
    const [a, b] = axis.range;
    return { min: Math.min(a, b), max: Math.max(a, b) };
  }
  if (axis.kind === 'category') return { min: -0.5, max: Math.max(0.5, axis.categories.length - 0.5) };
  let [min, max, isTight] = [Infinity, -Infinity, false];
  const take = (value: number): void => {
    if (!Number.isFinite(value) || (isLog && value <= 0)) return;
    if (value < min) min = value;
    if (value > max) max = value;
  };
  for (const mark of figure.marks) {
    if (mark.kind === 'points') {
      for (const value of mark[along]) take(value);
      if (mark.isFilled && along === 'y') take(0);
    } else if (mark.kind === 'rects') {
      for (const rect of mark.rects) {
        take(along === 'x' ? rect.x0 : rect.y0);
        take(along === 'x' ? rect.x1 : rect.y1);
      }
    } else {
      isTight = true;
      for (const value of along === 'x' ? mark.xEdges : mark.yEdges) take(value);
    }
  }
  if (min > max) return isLog ? { min: 0.1, max: 10 } : { min: 0, max: 1 };
  if (isTight) return { min, max };
  if (isLog) return { min: min / 1.15, max: max * 1.15 };
  if (min === max) return { min: min - 0.5, max: max + 0.5 };
  const room = (max - min) * 0.05;
  // What begins at zero stands on the axis.
  const isOnZero = figure.marks.some((mark) => mark.kind === 'rects') && (min === 0 || max === 0);
  return { min: isOnZero && min === 0 ? 0 : min - room, max: isOnZero && max === 0 ? 0 : max + room };
}
