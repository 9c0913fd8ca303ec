/**
 * Several runs as one line with a band.
 *
 * Runs are joined on cells of a power-of-two grid of x. A run gives its mean in a cell, weighed by
 * points, and its last one for up to two cells more; the cell stands at the largest real x in it.
 * Pure in its members: what other groups show or hide changes nothing here.
 */

import { finiteCount, lastX } from './series';
import type { SeriesData } from './series';
import { medianSpacing } from './geometry';

export type GroupLine = 'mean' | 'median' | 'min' | 'max' | 'last' | 'sum';
export type GroupBand = 'none' | 'min-max' | 'std' | 'standard-error' | 'ci95' | 'quartiles';

export interface Grouping {
  readonly line: GroupLine;
  readonly band: GroupBand;
  /** End where the first member ends instead of going on with fewer. */
  readonly stopAtShortest?: boolean;
}

export interface Grouped {
  /** An exact series: one point a cell. */
  readonly data: SeriesData;
  /** Null without a band. */
  readonly band: { readonly low: Float64Array; readonly high: Float64Array } | null;
  /** Members with a value in the cell. */
  readonly contributors: Uint32Array;
  /** 1 where fewer than all members contribute. */
  readonly thin: Uint8Array;
  readonly size: number;
}

const CARRIED_CELLS_MAX = 2;
const NORMAL_95 = 1.959964;

/** @param key becomes the grouped series' run */
export function groupSeries(
  members: readonly SeriesData[],
  grouping: Grouping,
  key: string,
  metric = members[0]?.metric ?? '',
): Grouped {
  const width = cellWidth(members);
  const cells = new Map<number, Cell>();
  members.forEach((data, member) => fill(cells, data, member, members.length, width));
  let order = [...cells.values()].sort((a, b) => a.index - b.index);
  carry(order, members.length);
  if (grouping.stopAtShortest === true) order = untilShortest(order, members);
  const x: number[] = [];
  const y: number[] = [];
  const low: number[] = [];
  const high: number[] = [];
  const contributors: number[] = [];
  for (const cell of order) {
    const values = Array.from(cell.values).filter((value) => !Number.isNaN(value));
    if (values.length === 0) continue;
    const ordered = values.slice().sort((a, b) => a - b);
    const line = lineOf(values, ordered, cell, grouping.line);
    const [from, to] = bandOf(ordered, line, grouping.band);
    x.push(cell.x);
    y.push(line);
    low.push(from);
    high.push(to);
    contributors.push(values.length);
  }
  return {
    data: series(metric, key, x, y),
    band:
      grouping.band === 'none'
        ? null
        : { low: Float64Array.from(low), high: Float64Array.from(high) },
    contributors: Uint32Array.from(contributors),
    thin: Uint8Array.from(contributors, (count) => (count < members.length ? 1 : 0)),
    size: members.length,
  };
}

interface Cell {
  readonly index: number;
  /** Largest x of the points in it. */
  x: number;
  /** By member; NaN without a finite point. */
  readonly values: Float64Array;
  readonly weights: Float64Array;
  /** The member whose point is the latest, for the `last` line. */
  latest: number;
}

/** The finest power of two that the coarsest member still fills. */
function cellWidth(members: readonly SeriesData[]): number {
  const widest = members.reduce((width, data) => Math.max(width, medianSpacing(data)), 0);
  return widest > 0 ? 2 ** Math.ceil(Math.log2(widest) - 1e-9) : 1;
}

function fill(
  cells: Map<number, Cell>,
  data: SeriesData,
  member: number,
  size: number,
  width: number,
): void {
  for (let i = 0; i < data.n; i += 1) {
    const weight = finiteCount(data, i);
    if (weight === 0) continue;
    const index = Math.floor(data.x[i]! / width);
    let cell = cells.get(index);
    if (cell === undefined) {
      const empty = new Float64Array(size).fill(NaN);
      cell = {
        index,
        x: -Infinity,
        values: empty,
        weights: new Float64Array(size),
        latest: member,
      };
      cells.set(index, cell);
    }
    const before = cell.weights[member]!;
    const value = data.mean[i]!;
    const old = before === 0 ? value : cell.values[member]!;
    cell.weights[member] = before + weight;
    cell.values[member] = old + ((value - old) * weight) / (before + weight);
    if (lastX(data, i) >= cell.x) {
      cell.x = lastX(data, i);
      cell.latest = member;
    }
  }
}

/** A member without a point in a cell keeps its value for up to two grid cells. */
function carry(order: readonly Cell[], size: number): void {
  for (let member = 0; member < size; member += 1) {
    let from = -Infinity;
    let value = NaN;
    for (const cell of order) {
      if (cell.weights[member]! > 0) {
        from = cell.index;
        value = cell.values[member]!;
      } else if (cell.index - from <= CARRIED_CELLS_MAX) {
        cell.values[member] = value;
      }
    }
  }
}

function untilShortest(order: readonly Cell[], members: readonly SeriesData[]): Cell[] {
  const end = Math.min(
    ...members.map((data) => (data.n === 0 ? -Infinity : lastX(data, data.n - 1))),
  );
  return order.filter((cell) => cell.x <= end);
}

function lineOf(values: number[], ordered: number[], cell: Cell, line: GroupLine): number {
  switch (line) {
    case 'mean':
      return mean(values);
    case 'median':
      return quantile(ordered, 0.5);
    case 'min':
      return ordered[0]!;
    case 'max':
      return ordered[ordered.length - 1]!;
    case 'last':
      return cell.values[cell.latest]!;
    case 'sum':
      return values.reduce((total, value) => total + value, 0);
  }
}

function bandOf(ordered: number[], line: number, band: GroupBand): [number, number] {
  if (band === 'min-max') return [ordered[0]!, ordered[ordered.length - 1]!];
  if (band === 'quartiles') return [quantile(ordered, 0.25), quantile(ordered, 0.75)];
  const deviation = standardDeviation(ordered);
  const error = deviation / Math.sqrt(ordered.length);
  const reach = { none: 0, std: deviation, 'standard-error': error, ci95: NORMAL_95 * error }[band];
  return [line - reach, line + reach];
}

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

function series(metric: string, run: string, x: number[], y: number[]): SeriesData {
  const first = Float64Array.from(y);
  return {
    metric,
    run,
    n: y.length,
    exact: true,
    total: y.length,
    nan: 0,
    pinf: 0,
    ninf: 0,
    level: 'group',
    x: Float64Array.from(x),
    first,
    min: first,
    max: first,
    last: first,
    mean: first,
    count: null,
    dxMin: null,
    dxMax: null,
    dxLast: null,
    nanCount: null,
    pinfCount: null,
    ninfCount: null,
  };
}
