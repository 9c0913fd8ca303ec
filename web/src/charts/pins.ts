/** Places that were clicked: what stood there, side by side, and as text to paste elsewhere. Pure. */

import { formatValue } from '../lib/numbers';
import type { ChartHover, HoverRow } from './types';

export const PINS_MAX = 8;

export interface PinnedRow {
  readonly key: string;
  readonly label: string;
  readonly colour: string;
  readonly dash: readonly number[];
  /** One a pin; null where the line had no value. */
  readonly values: readonly (number | null)[];
}

/** A click beside a pin makes a further one, a click on it takes it away. */
export function togglePin(pins: readonly ChartHover[], hover: ChartHover): readonly ChartHover[] {
  const others = pins.filter((pin) => pin.x !== hover.x);
  const next = others.length < pins.length ? others : [...pins, hover];
  return next.slice(-PINS_MAX).sort((a, b) => a.x - b.x);
}

export const shownValue = (row: HoverRow): number => row.smoothed ?? row.value;

/** Lines in the order in which the pins name them. */
export function pinnedRows(pins: readonly ChartHover[]): PinnedRow[] {
  const rows = new Map<string, PinnedRow & { values: (number | null)[] }>();
  pins.forEach((pin, at) => {
    for (const row of pin.rows) {
      let known = rows.get(row.key);
      if (known === undefined) {
        const { key, label, colour, dash } = row;
        known = { key, label, colour, dash, values: pins.map(() => null) };
        rows.set(row.key, known);
      }
      known.values[at] = shownValue(row);
    }
  });
  return [...rows.values()];
}

/** Full precision, a column for each place. */
export function pinsAsText(places: readonly ChartHover[], xLabel: string): string {
  const cell = (value: number | null): string => (value === null ? '' : String(value));
  const clean = (text: string): string => text.replaceAll(/[\t\n\r]+/g, ' ');
  const lines = [[xLabel, ...places.map((place) => String(place.x))]];
  for (const row of pinnedRows(places)) lines.push([clean(row.label), ...row.values.map(cell)]);
  return `${lines.map((cells) => cells.join('\t')).join('\n')}\n`;
}

/** What a second place is worth against the first, for the last column of a comparison. */
export function changeOf(row: PinnedRow): string {
  const [first, last] = [row.values[0], row.values.at(-1)];
  if (row.values.length < 2 || first == null || last == null) return '';
  return signed(last - first);
}

export function signed(value: number): string {
  return value > 0 ? `+${formatValue(value)}` : formatValue(value);
}
