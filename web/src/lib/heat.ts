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
