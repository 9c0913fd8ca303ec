/**
 * What a plotly figure (the JSON of `fig.to_json()`) shows, as figures in a plane or as a scene in space.
 *
 * The usual traces are read; what is not is named, so that the page can say what is left out. plotly.js itself
 * would be a megabyte for what are mostly lines, bars and heat maps (docs/decisions/0017).
 */
import {
  axisOf,
  binned,
  binsFor,
  edgesAround,
  placesIn,
  pointsOf,
  rectsOf,
  type Figure,
  type FigureAxis,
  type Mark,
} from './figures';
import { colourOf, coloursOf, isTree, listOf, numbers, scaleOf, textOf, tree, type Tree } from './plotly-values';
import { sceneOf, SPACE } from './plotly-space';
import type { Scene } from './scenes';
import { boxOf } from './spread';

export interface PlotlyFigure {
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly scene: Scene | null;
  /** Kinds of traces that are not drawn. */
  readonly left: readonly string[];
}

const POINTS_MAX = 200_000;
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((one) => String(one ?? '')) : typeof value === 'string' ? [] : [];

const MOMENT = /^\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?$/;

/** An axis while its traces are read: it becomes what their values are. */
class Reading {
  private kind: FigureAxis['kind'] | null;
  private readonly categories: string[];

  constructor(private readonly layout: Tree) {
    const { type, categoryarray } = layout;
    this.categories = listOf(categoryarray).map(String);
    this.kind =
      type === 'log'
        ? 'log'
        : type === 'category' || this.categories.length > 0
          ? 'category'
          : type === 'date'
            ? 'time'
            : type === 'linear'
              ? 'number'
              : null;
  }

  take(value: unknown): number[] {
    const values = listOf(value);
    this.kind ??= kindOf(values);
    if (this.kind === 'category') return placesIn(this.categories, values);
    if (this.kind === 'time')
      return values.map((one) => (typeof one === 'number' ? one : Date.parse(dated(one))) / 1000);
    return numbers(value);
  }

  get isCategory(): boolean {
    return this.kind === 'category';
  }

  made(): FigureAxis {
    const { title, range, autorange } = this.layout;
    const kind = this.kind ?? 'number';
    const ends = listOf(range).map((end) => (kind === 'time' ? Date.parse(dated(end)) / 1000 : Number(end)));
    const isChosen = ends.length === 2 && ends.every(Number.isFinite) && kind !== 'category';
    const [a, b] = kind === 'log' ? ends.map((end) => 10 ** end) : ends;
    return axisOf(textOf(title), {
      kind,
      categories: this.categories,
      isReversed: autorange === 'reversed' || (isChosen && a! > b!),
      range: isChosen ? [a!, b!] : null,
    });
  }
}

const dated = (value: unknown): string => String(value ?? '').replace(' ', 'T');

function kindOf(values: readonly unknown[]): FigureAxis['kind'] {
  const some = values.filter((one) => one !== null && one !== undefined).slice(0, 50);
  if (some.length === 0 || some.every((one) => typeof one === 'number')) return 'number';
  if (some.every((one) => typeof one === 'string' && MOMENT.test(one))) return 'time';
  return some.every((one) => one !== '' && Number.isFinite(Number(one))) ? 'number' : 'category';
}

/** Null for what is no figure. */
export function plotlyFigure(file: unknown): PlotlyFigure | null {
  if (!isTree(file) || !Array.isArray(file.data)) return null;
  const layout = tree(file.layout);
  const groups = new Map<string, Tree[]>();
  const left = new Set<string>();
  const space: Tree[] = [];
  for (const trace of file.data.filter(isTree)) {
    if (trace.visible === false || trace.visible === 'legendonly') continue;
    const type = String(trace.type ?? 'scatter');
    if (SPACE.has(type)) space.push(trace);
    else if (Object.hasOwn(READERS, type)) {
      const key = `${String(trace.xaxis ?? 'x')} ${String(trace.yaxis ?? 'y')}`;
      groups.set(key, [...(groups.get(key) ?? []), trace]);
    } else left.add(type);
  }
  const figures = [...groups].map(([key, traces]) => figureOf(key, traces, layout));
  return { title: textOf(layout.title), figures, scene: sceneOf(space), left: [...left] };
}

function figureOf(key: string, traces: readonly Tree[], layout: Tree): Figure {
  const [xName, yName] = key.split(' ').map((name) => name.replace(/^([xy])/, '$1axis')) as [string, string];
  const x = new Reading(tree(layout[xName]));
  const y = new Reading(tree(layout[yName]));
  const bars = traces.filter((trace) => trace.type === 'bar' || trace.type === 'histogram').length;
  const how = {
    x,
    y,
    bars: Math.max(1, bars),
    bar: 0,
    mode: String(layout.barmode ?? 'group'),
    tops: new Map<string, number>(),
  };
  const marks = traces.flatMap((trace) => READERS[String(trace.type ?? 'scatter')]!(trace, how));
  const isSquare = tree(layout[yName]).scaleanchor === 'x';
  return { title: '', x: x.made(), y: y.made(), marks, isSquare };
}

interface How {
  x: Reading;
  y: Reading;
  bars: number;
  /** Bars read so far. */
  bar: number;
  mode: string;
  /** Where the next bar of a stack begins. */
  tops: Map<string, number>;
}
type Reader = (trace: Tree, how: How) => Mark[];

const named = (trace: Tree) => ({
  name: textOf(trace.name),
  colour: colourOf(tree(trace.marker).color) ?? colourOf(tree(trace.line).color),
  opacity: typeof trace.opacity === 'number' ? trace.opacity : 1,
});

const counted = (values: readonly unknown[]): number[] => values.map((_, i) => i);

const scatter: Reader = (trace, { x, y }) => {
  const ys = trace.y === undefined ? [] : y.take(trace.y).slice(0, POINTS_MAX);
  const xs = trace.x === undefined ? counted(ys) : x.take(trace.x).slice(0, POINTS_MAX);
  const mode = typeof trace.mode === 'string' ? trace.mode : ys.length < 20 ? 'lines+markers' : 'lines';
  const marker = tree(trace.marker);
  const sizes = Array.isArray(marker.size) || isTree(marker.size) ? numbers(marker.size) : [];
  const most = Math.max(...sizes.slice(0, POINTS_MAX), 1);
  const line = tree(trace.line);
  return [
    pointsOf(xs, ys, {
      ...named(trace),
      colour: mode.includes('lines') ? (colourOf(line.color) ?? colourOf(marker.color)) : colourOf(marker.color),
      lines: mode.includes('lines'),
      markers: mode.includes('markers') || mode.includes('text') || mode === 'none',
      isDashed: typeof line.dash === 'string' && line.dash !== 'solid',
      isStepped: line.shape === 'hv',
      isFilled: typeof trace.fill === 'string' && trace.fill !== 'none',
      colours: coloursOf(marker.color, marker.colorscale),
      // As plotly lays them out: an area, or px across.
      sizes: sizes.map((size) => (marker.sizemode === 'area' ? Math.sqrt(size / most) * 12 : Math.min(30, size / 2))),
      texts: texts(trace.text).length > 0 ? texts(trace.text) : texts(trace.hovertext),
    }),
  ];
};

const bar: Reader = (trace, how) => {
  const isLevel = trace.orientation === 'h';
  const [along, across] = isLevel ? [how.y, how.x] : [how.x, how.y];
  const lengths = across.take(isLevel ? trace.x : trace.y);
  const given = isLevel ? trace.y : trace.x;
  const places = given === undefined ? counted(lengths) : along.take(given);
  const gaps = [...new Set(places)].sort((a, b) => a - b);
  const gap = along.isCategory ? 1 : Math.min(...gaps.slice(1).map((value, i) => value - gaps[i]!), Infinity);
  const whole = (Number.isFinite(gap) ? gap : 1) * 0.8;
  const isGrouped = how.mode === 'group';
  const width = isGrouped ? whole / how.bars : whole;
  const shift = isGrouped ? -whole / 2 + how.bar * width : -whole / 2;
  how.bar += 1;
  const bases = numbers(trace.base);
  const labels = texts(trace.text);
  const rects = lengths.map((length, i) => {
    const at = places[i] ?? i;
    const key = `${at} ${length < 0 ? '-' : '+'}`;
    const isStacked = how.mode === 'stack' || how.mode === 'relative';
    const from = bases[i] ?? (isStacked ? (how.tops.get(key) ?? 0) : 0);
    how.tops.set(key, from + (length || 0));
    const [a0, a1, b0, b1] = [at + shift, at + shift + width, from, from + length];
    const text = labels[i] ?? '';
    return isLevel ? { x0: b0, x1: b1, y0: a0, y1: a1, text } : { x0: a0, x1: a1, y0: b0, y1: b1, text };
  });
  return [rectsOf(rects, named(trace))];
};

const histogram: Reader = (trace, how) => {
  const isLevel = trace.x === undefined;
  const axis = isLevel ? how.y : how.x;
  const values = axis.take(isLevel ? trace.y : trace.x);
  const bins = typeof trace.nbinsx === 'number' && trace.nbinsx > 0 ? trace.nbinsx : binsFor(values.length);
  const more = { ...named(trace), opacity: how.bars > 1 ? 0.65 : 1 };
  let mark = binned(values, Math.min(500, bins), more);
  if (axis.isCategory) {
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    mark = rectsOf(
      [...counts].map(([at, count]) => ({ x0: at - 0.4, x1: at + 0.4, y0: 0, y1: count, text: '' })),
      more,
    );
  }
  if (!isLevel) return [mark];
  return [{ ...mark, rects: mark.rects.map(({ x0, x1, y0, y1, text }) => ({ x0: y0, x1: y1, y0: x0, y1: x1, text })) }];
};

const heat: Reader = (trace, { x, y }) => {
  const z = listOf(trace.z).map((row) => numbers(row));
  const columns = z.reduce((most, row) => Math.max(most, row.length), 0);
  if (columns === 0) return [];
  const xs = trace.x === undefined ? counted(z[0]!) : x.take(trace.x);
  const ys = trace.y === undefined ? counted(z) : y.take(trace.y);
  let [low, high] = [Infinity, -Infinity];
  for (const row of z) {
    for (const value of row) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const chosen = (value: unknown, other: number): number => (typeof value === 'number' ? value : other);
  return [
    {
      ...named(trace),
      kind: 'heat',
      xEdges: edgesAround(xs, columns),
      yEdges: edgesAround(ys, z.length),
      z,
      low: chosen(trace.zmin, low),
      high: chosen(trace.zmax, high),
      scale: scaleOf(trace.colorscale),
      isWritten: trace.texttemplate !== undefined || trace.text !== undefined,
    },
  ];
};

const box: Reader = (trace, how) => {
  const isLevel = trace.y === undefined;
  const [along, across] = isLevel ? [how.y, how.x] : [how.x, how.y];
  const values = across.take(isLevel ? trace.x : trace.y);
  const names = isLevel ? trace.y : trace.x;
  const heads = listOf(names).length === values.length ? listOf(names) : values.map(() => textOf(trace.name));
  const groups = new Map<string, number[]>();
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    const name = String(heads[i] ?? '');
    groups.set(name, [...(groups.get(name) ?? []), value]);
  });
  const more = named(trace);
  return [...groups].flatMap(([name, group]): Mark[] => {
    const found = boxOf(group);
    const [at] = along.take([name]);
    if (!found || at === undefined) return [];
    const turned = (a: number[], b: number[]) => (isLevel ? [b, a] : [a, b]) as [number[], number[]];
    const bar = (from: number, to: number, half: number) =>
      isLevel
        ? { x0: from, x1: to, y0: at - half, y1: at + half, text: '' }
        : { x0: at - half, x1: at + half, y0: from, y1: to, text: '' };
    const far = found.outliers.map((i) => group[i]!);
    const whiskers = turned([at, at, NaN, at, at], [found.low, found.q1, NaN, found.q3, found.high]);
    const middle = turned([at - 0.3, at + 0.3], [found.median, found.median]);
    return [
      rectsOf([bar(found.q1, found.q3, 0.3)], { ...more, name, opacity: 0.45 }),
      pointsOf(...whiskers, { ...more, name }),
      pointsOf(...middle, { ...more, name }),
      pointsOf(
        ...turned(
          far.map(() => at),
          far,
        ),
        { ...more, name, lines: false, markers: true },
      ),
    ];
  });
};

/** Shares as bars: a length is read more exactly than an angle. */
const pie: Reader = (trace, { x, y }) => {
  const values = x.take(trace.values);
  const total = values.reduce((sum, value) => sum + (value || 0), 0);
  const places = y.take(trace.labels ?? counted(values));
  const rects = values.map((value, i) => {
    const at = places[i] ?? i;
    return { x0: 0, x1: value, y0: at - 0.4, y1: at + 0.4, text: `${((value / total) * 100).toFixed(1)} %` };
  });
  return [rectsOf(rects, named(trace))];
};

const READERS: Readonly<Record<string, Reader>> = {
  scatter,
  scattergl: scatter,
  bar,
  histogram,
  heatmap: heat,
  heatmapgl: heat,
  contour: heat,
  box,
  violin: box,
  pie,
};
