/** Histograms of many steps as one grid: steps to the right, values upward. */
import { rebinned, spanOf } from './histograms';

export interface StepHistogram {
  readonly step: number;
  readonly counts: readonly number[];
  /** One more than counts. */
  readonly edges: readonly number[];
}

export interface Heat {
  readonly columns: number;
  readonly rows: number;
  /** Share of its column's fullest cell, 0 to 1; column by column, lowest value first. */
  readonly cells: Float32Array;
  /** The first step and the last, and where the picture of the last one ends. */
  readonly from: number;
  readonly to: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Each bin gives its count to the cells it covers, by the part it covers. A column between two steps shows the
 * earlier one; where a column holds several steps it shows their sum.
 */
export function heatOf(steps: readonly StepHistogram[], columnsMax: number, rows: number): Heat {
  const { low, high } = spanOf(steps) ?? { low: 0, high: 1 };
  const [from, to] = [steps[0]!.step, steps.at(-1)!.step];
  // The last histogram is shown for as long as the one before it, or there would be nothing to see of it.
  const end = to + Math.max(1, to - (steps.at(-2)?.step ?? to));
  const columns = Math.max(1, Math.min(columnsMax, end - from));
  const cells = new Float32Array(columns * rows);
  const filled = new Uint8Array(columns);
  const columnOf = (step: number): number => Math.min(columns - 1, Math.floor(((step - from) / (end - from)) * columns));
  for (const one of steps) {
    const column = columnOf(one.step);
    filled[column] = 1;
    const parts = rebinned(one, low, high, rows);
    for (let row = 0; row < rows; row += 1) cells[column * rows + row]! += parts[row]!;
  }
  for (let column = 0; column < columns; column += 1) {
    if (filled[column] === 0) cells.copyWithin(column * rows, (column - 1) * rows, column * rows);
    else scale(cells.subarray(column * rows, (column + 1) * rows));
  }
  return { columns, rows, cells, from, to, end, low, high };
}

function scale(column: Float32Array): void {
  const most = Math.max(...column);
  if (most > 0) for (let i = 0; i < column.length; i += 1) column[i]! /= most;
}

// ---- one row each thing, over time -----------------------------------------------------------------

export interface StripSeries {
  readonly x: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly n: number;
}

export interface StripRow {
  /** From 0 to 1, NaN where nothing was sampled; one each column. */
  readonly cells: Float32Array;
  readonly mean: number;
  readonly most: number;
}

/** Rows of columns over [from, to]: in each the mean of its samples, or the sample before if it is not far off. */
export function stripOf(series: StripSeries, from: number, to: number, columns: number, full: number): StripRow {
  const sums = new Float64Array(columns);
  const counts = new Uint32Array(columns);
  const cells = new Float32Array(columns).fill(NaN);
  let [sum, count, most] = [0, 0, -Infinity];
  const width = (to - from) / columns || 1;
  for (let i = 0; i < series.n; i += 1) {
    const value = series.value[i]!;
    const column = Math.floor((series.x[i]! - from) / width);
    if (Number.isNaN(value) || column < 0 || column > columns) continue;
    const at = Math.min(columns - 1, column);
    sums[at]! += value;
    counts[at]! += 1;
    sum += value;
    count += 1;
    most = Math.max(most, value);
  }
  // Samples come at an even pace: a longer pause than two of them is a gap.
  const reach = Math.max(1, Math.ceil((2 * columns) / Math.max(1, count)));
  let last = -Infinity;
  for (let column = 0; column < columns; column += 1) {
    if (counts[column]! > 0) last = column;
    if (column - last <= reach) cells[column] = Math.min(1, Math.max(0, sums[last]! / counts[last]! / full));
  }
  return { cells, mean: count === 0 ? NaN : sum / count, most: count === 0 ? NaN : most };
}
