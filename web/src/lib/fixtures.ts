/** Series made from plain points, for tests and the chart demo. Never part of the app. */

import type { SeriesData } from './series';

/** Every point its own bucket. */
export function exactSeries(x: ArrayLike<number>, y: ArrayLike<number>, run = 'run'): SeriesData {
  const first = Float64Array.from(y);
  let nan = 0;
  let pinf = 0;
  let ninf = 0;
  for (const value of first) {
    if (Number.isNaN(value)) nan += 1;
    else if (value === Infinity) pinf += 1;
    else if (value === -Infinity) ninf += 1;
  }
  return {
    metric: 'loss',
    run,
    n: first.length,
    exact: true,
    total: first.length,
    nan,
    pinf,
    ninf,
    level: 'points',
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

/** Points in `buckets` equal cells of x between `low` and `high`, as the server would answer. */
export function bucketedSeries(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  buckets: number,
  run = 'run',
  low = x[0] ?? 0,
  high = x[x.length - 1] ?? 0,
): SeriesData {
  const cells: Cell[] = [];
  const width = (high - low) / buckets || 1;
  let current: Cell | null = null;
  for (let i = 0; i < x.length; i += 1) {
    const at = x[i]!;
    if (at < low || at > high) continue;
    const index = Math.min(buckets - 1, Math.floor((at - low) / width));
    if (current === null || current.index !== index) {
      current = new Cell(index, at, y[i]!);
      cells.push(current);
    }
    current.add(at, y[i]!);
  }
  return fromCells(cells, run);
}

class Cell {
  count = 0;
  finite = 0;
  nan = 0;
  pinf = 0;
  ninf = 0;
  sum = 0;
  min = NaN;
  minX = 0;
  max = NaN;
  maxX = 0;
  last = NaN;
  lastX: number;
  readonly index: number;
  readonly x: number;
  readonly first: number;

  constructor(index: number, x: number, first: number) {
    this.index = index;
    this.x = x;
    this.first = first;
    this.lastX = x;
    this.minX = x;
    this.maxX = x;
  }

  add(x: number, value: number): void {
    this.count += 1;
    this.lastX = x;
    if (Number.isNaN(value)) this.nan += 1;
    else if (value === Infinity) this.pinf += 1;
    else if (value === -Infinity) this.ninf += 1;
    else this.addFinite(x, value);
  }

  private addFinite(x: number, value: number): void {
    this.finite += 1;
    this.sum += value;
    this.last = value;
    if (!(this.min <= value)) {
      this.min = value;
      this.minX = x;
    }
    if (!(this.max >= value)) {
      this.max = value;
      this.maxX = x;
    }
  }
}

function fromCells(cells: Cell[], run: string): SeriesData {
  if (cells.every((cell) => cell.count === 1)) {
    return exactSeries(
      cells.map((cell) => cell.x),
      cells.map((cell) => cell.first),
      run,
    );
  }
  const sum = (pick: (cell: Cell) => number): number =>
    cells.reduce((total, cell) => total + pick(cell), 0);
  const counts = (pick: (cell: Cell) => number): Uint32Array | null =>
    sum(pick) === 0 ? null : Uint32Array.from(cells, pick);
  const floats = (pick: (cell: Cell) => number): Float64Array => Float64Array.from(cells, pick);
  const offsets = (pick: (cell: Cell) => number): Float32Array =>
    Float32Array.from(cells, (cell) => pick(cell) - cell.x);
  return {
    metric: 'loss',
    run,
    n: cells.length,
    exact: false,
    total: sum((cell) => cell.count),
    nan: sum((cell) => cell.nan),
    pinf: sum((cell) => cell.pinf),
    ninf: sum((cell) => cell.ninf),
    level: 'points',
    x: floats((cell) => cell.x),
    first: floats((cell) => cell.first),
    min: floats((cell) => cell.min),
    max: floats((cell) => cell.max),
    last: floats((cell) => cell.last),
    mean: floats((cell) => cell.sum / cell.finite),
    count: Uint32Array.from(cells, (cell) => cell.count),
    dxMin: offsets((cell) => cell.minX),
    dxMax: offsets((cell) => cell.maxX),
    dxLast: offsets((cell) => cell.lastX),
    nanCount: counts((cell) => cell.nan),
    pinfCount: counts((cell) => cell.pinf),
    ninfCount: counts((cell) => cell.ninf),
  };
}
