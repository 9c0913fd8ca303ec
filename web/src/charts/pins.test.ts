import { describe, expect, it } from 'vitest';
import { changeOf, pinnedRows, PINS_MAX, pinsAsText, togglePin } from './pins';
import type { ChartHover, HoverRow } from './types';

function row(key: string, value: number, smoothed: number | null = null): HoverRow {
  return {
    key,
    subject: key,
    label: `run\t${key}`,
    colour: '#000',
    dash: [],
    x: 0,
    value,
    smoothed,
    min: null,
    max: null,
    count: 1,
    note: '',
    delta: null,
  };
}

function place(x: number, rows: HoverRow[]): ChartHover {
  return { x, xText: `${x}`, clientX: 0, clientY: 0, rows, from: 0, total: rows.length, subject: null };
}

describe('pins', () => {
  it('stand in x order; a second click on one takes it away', () => {
    const at = (x: number): ChartHover => place(x, []);
    let pins = [3, 1, 2].reduce<readonly ChartHover[]>((all, x) => togglePin(all, at(x)), []);
    expect(pins.map(({ x }) => x)).toEqual([1, 2, 3]);
    pins = togglePin(pins, at(2));
    expect(pins.map(({ x }) => x)).toEqual([1, 3]);
  });

  it('are few: the oldest goes', () => {
    let pins: readonly ChartHover[] = [];
    for (let x = 0; x < 20; x += 1) pins = togglePin(pins, place(x, []));
    expect(pins).toHaveLength(PINS_MAX);
  });

  it('compare the lines they have, smoothed where smoothed, and leave holes', () => {
    const pins = [place(1, [row('a', 2), row('b', 5, 4)]), place(9, [row('a', 0.5)])];
    const rows = pinnedRows(pins);
    expect(rows.map(({ values }) => values)).toEqual([
      [2, 0.5],
      [4, null],
    ]);
    expect(changeOf(rows[0]!)).toBe('\u22121.5');
    expect(changeOf(rows[1]!)).toBe('');
    expect(pinsAsText(pins, 'step')).toBe('step\t1\t9\nrun a\t2\t0.5\nrun b\t4\t\n');
  });
});
