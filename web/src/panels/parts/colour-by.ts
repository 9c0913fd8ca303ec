// Colours by the value of a key: a scale for numbers, hues for categories. Pure.
import { runColor, sequentialColor, type Theme } from '../../lib/colours';
import { formatValue } from '../../lib/numbers';
import { toScale } from '../../lib/scales';
import { rangeOf } from '../../charts/plot/axis';
import type { Column } from '../../state/run-columns';

export interface Colouring {
  /** Null where a run has no value. */
  colourAt: (index: number) => string | null;
  legend:
    | { kind: 'scale'; low: string; high: string; stops: readonly string[] }
    | { kind: 'hues'; entries: readonly { label: string; colour: string }[]; more: number };
}

const STOPS = 9;
const ENTRIES_MAX = 12;

export function colouring(column: Column, theme: Theme, log = false): Colouring {
  if (column.kind === 'category') {
    const entries = column.categories.map((label, at) => ({ label, colour: runColor(at, theme) }));
    return {
      colourAt: (index) => {
        const at = column.values[index] as number;
        return at < 0 ? null : runColor(at, theme);
      },
      legend: {
        kind: 'hues',
        entries: entries.slice(0, ENTRIES_MAX),
        more: Math.max(0, entries.length - ENTRIES_MAX),
      },
    };
  }
  const scale = log ? 'log' : 'linear';
  const range = rangeOf(column.values, scale);
  const [low, high] = range ? [toScale(scale, range.min), toScale(scale, range.max)] : [0, 1];
  return {
    colourAt: (index) => {
      const value = column.values[index] as number;
      if (!Number.isFinite(value) || (log && value <= 0)) return null;
      return sequentialColor(high > low ? (toScale(scale, value) - low) / (high - low) : 0.5, theme);
    },
    legend: {
      kind: 'scale',
      low: range ? formatValue(range.min) : '',
      high: range ? formatValue(range.max) : '',
      stops: Array.from({ length: STOPS }, (_, i) => sequentialColor(i / (STOPS - 1), theme)),
    },
  };
}
