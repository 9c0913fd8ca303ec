/** Charts that are drawn from a logged table: what `wandb.plot` and `kiseki.plot` name, from the rows behind them. */
import {
  axisOf,
  binned,
  binsFor,
  placesIn,
  pointsOf,
  rectsOf,
  type Figure,
  type FigureAxis,
  type Mark,
} from './figures';
import type { LoggedTable } from './tables';

/** How a chart is made of a table (docs/format/values.md). */
export interface TableChart {
  readonly spec: string;
  /** Which column is what. */
  readonly fields: Readonly<Record<string, string>>;
  readonly strings: Readonly<Record<string, string>>;
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const textsIn = (value: unknown): Record<string, string> =>
  isTree(value)
    ? Object.fromEntries(Object.entries(value).flatMap(([key, one]) => (typeof one === 'string' ? [[key, one]] : [])))
    : {};
const bare = (spec: unknown): string => (typeof spec === 'string' ? spec.replace(/^wandb\//, '') : '');

/** What a value of type `plot` says. */
export function plotChart(value: unknown): TableChart | null {
  if (!isTree(value) || value._type !== 'plot') return null;
  return { spec: bare(value.spec), fields: textsIn(value.fields), strings: textsIn(value.strings) };
}

/** What the official client says of a chart: an entry of `visualize` in its own part of the config. */
export function visualizedChart(value: unknown): TableChart | null {
  const config = isTree(value) ? value.panel_config : null;
  if (!isTree(config)) return null;
  return {
    spec: bare(config.panelDefId),
    fields: textsIn(config.fieldSettings),
    strings: textsIn(config.stringSettings),
  };
}

/** Lines that are told apart by colour; more are not. */
const LINES_MAX = 100;

/** A figure of the rows; null for a chart that is not known, or columns that are not there. */
export function chartOf({ spec, fields, strings }: TableChart, table: LoggedTable): Figure | null {
  const column = (field: string): readonly unknown[] | null => {
    const at = table.columns.indexOf(fields[field] ?? field);
    return at < 0 ? null : table.rows.map((row) => row[at]);
  };
  const kind = spec.replace(/\/v\d+$/, '');
  const title = strings.title ?? '';
  const named = (field: string, text?: string) => (text === undefined || text === '' ? (fields[field] ?? field) : text);
  const made = (marks: Mark[], x: FigureAxis, y: FigureAxis): Figure => ({ title, marks, x, y, isSquare: false });
  switch (kind) {
    case 'line':
    case 'scatter': {
      const [xs, ys, stroke] = [column('x'), column('y'), fields.stroke ? column('stroke') : null];
      if (!xs || !ys) return null;
      const x = readAxis(xs, named('x'));
      const isLine = kind === 'line';
      const marks = split(x.values, numbersOf(ys), stroke, { isLine, isSorted: isLine });
      return made(marks, x.axis, axisOf(named('y')));
    }
    case 'lineseries': {
      const [xs, keys, ys] = [column('step'), column('lineKey'), column('lineVal')];
      if (!xs || !keys || !ys) return null;
      const x = readAxis(xs, strings.xname ?? named('step'));
      return made(split(x.values, numbersOf(ys), keys, { isLine: true, isSorted: true }), x.axis, axisOf());
    }
    case 'area-under-curve': {
      const [xs, ys, classes] = [column('x'), column('y'), column('class')];
      if (!xs || !ys) return null;
      const more = { kind: 'number', range: [-0.02, 1.02] } as const;
      return made(
        split(numbersOf(xs), numbersOf(ys), classes, { isLine: true, isSorted: false }),
        axisOf(named('x', strings['x-axis-title']), more),
        axisOf(named('y', strings['y-axis-title']), more),
      );
    }
    case 'bar': {
      const [labels, values] = [column('label'), column('value')];
      if (!labels || !values) return null;
      const categories: string[] = [];
      const places = placesIn(categories, labels);
      const rects = numbersOf(values).map((value, i) => {
        const at = places[i] ?? i;
        return { x0: 0, x1: value, y0: at - 0.4, y1: at + 0.4, text: '' };
      });
      const y = axisOf(named('label'), { kind: 'category', categories, isReversed: true });
      return made([rectsOf(rects)], axisOf(named('value')), y);
    }
    case 'histogram': {
      const values = column('value');
      if (!values) return null;
      const found = numbersOf(values);
      return made([binned(found, binsFor(found.length))], axisOf(named('value')), axisOf());
    }
    case 'confusion_matrix': {
      const [actual, predicted, counts] = [column('Actual'), column('Predicted'), column('nPredictions')];
      if (!actual || !predicted || !counts) return null;
      const categories: string[] = [];
      const rows = placesIn(categories, actual);
      const columns = placesIn(categories, predicted);
      const z = categories.map(() => categories.map(() => 0));
      numbersOf(counts).forEach((count, i) => (z[rows[i]!]![columns[i]!] = count));
      const edges = [...categories.map((_, i) => i - 0.5), categories.length - 0.5];
      const most = Math.max(0, ...z.flat());
      const cells: Mark = {
        kind: 'heat',
        name: '',
        colour: null,
        opacity: 1,
        xEdges: edges,
        yEdges: edges,
        z,
        low: 0,
        high: most,
        scale: null,
        isWritten: true,
      };
      const axis = (text: string, isReversed: boolean) => axisOf(text, { kind: 'category', categories, isReversed });
      return made([cells], axis(named('Predicted'), false), axis(named('Actual'), true));
    }
    default:
      return null;
  }
}

const numbersOf = (values: readonly unknown[]): number[] =>
  values.map((value) => (value === null || value === undefined || value === '' ? NaN : Number(value)));

/** Numbers where all values are some, else categories in the order in which they come. */
function readAxis(values: readonly unknown[], title: string): { axis: FigureAxis; values: number[] } {
  const numbers = numbersOf(values);
  if (numbers.some(Number.isFinite) || values.length === 0) return { axis: axisOf(title), values: numbers };
  const categories: string[] = [];
  const places = placesIn(categories, values);
  return { axis: axisOf(title, { kind: 'category', categories }), values: places };
}

/** Rows as one mark for each name, those named first first. */
function split(
  x: readonly number[],
  y: readonly number[],
  names: readonly unknown[] | null,
  { isLine, isSorted }: { isLine: boolean; isSorted: boolean },
): Mark[] {
  const groups = new Map<string, number[]>();
  x.forEach((_, i) => {
    const name = names ? String(names[i] ?? '') : '';
    const group = groups.get(name);
    if (group) group.push(i);
    else groups.set(name, [i]);
  });
  return [...groups].slice(0, LINES_MAX).map(([name, rows]) => {
    if (isSorted) rows.sort((a, b) => x[a]! - x[b]! || a - b);
    const at = (values: readonly number[]) => rows.map((i) => values[i]!);
    return pointsOf(at(x), at(y), { name, lines: isLine, markers: !isLine });
  });
}
