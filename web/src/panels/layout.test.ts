import { describe, expect, it } from 'vitest';
import type { Panel, Section } from '../state/layout';
import {
  cellsOf,
  flow,
  GAP,
  gridShape,
  isNear,
  nearSections,
  panelWindow,
  PANELS_PER_SECTION_MAX,
  placeSections,
  SECTION_HEADER,
} from './layout';

const panel = (id: string, width?: number, height?: number): Panel => ({
  id,
  spec: { kind: 'line', section: 's', options: {}, ...(width && { width }), ...(height && { height }) },
  metric: null,
  name: id,
  title: id,
  added: false,
});
const section = (key: string, count: number, folded = false): Section => ({
  key,
  title: key,
  panels: Array.from({ length: count }, (_, i) => panel(`${key}/${i}`)),
  folded,
  pinned: false,
  columns: null,
  rank: 0,
  added: false,
  rareOf: null,
});
const grid = { columns: 3, panelHeight: 236 };
const shape = () => grid;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

it('puts as many columns as fit', () => {
  expect(gridShape(1200, 3).columns).toBe(3);
  expect(gridShape(600, 3).columns).toBe(2);
  expect(gridShape(200, 6).columns).toBe(1);
});

it('stacks sections; a folded one is only its header', () => {
  const places = placeSections([section('a', 4), section('b', 9, true), section('c', 1)], shape);
  expect(places[1]?.top).toBe(places[0]?.height);
  expect(places[1]?.height).toBe(SECTION_HEADER);
  expect(places[2]?.top).toBe((places[0]?.height ?? 0) + SECTION_HEADER);
});

it('mounts only panels within 1.5 viewport heights, whatever the number of metrics', () => {
  const [place] = placeSections([section('a', 1500)], shape);
  if (!place) throw new Error('no place');
  for (const scrollTop of [0, 5000, 60_000]) {
    const [from, to] = panelWindow(place, scrollTop, 900);
    expect(to - from).toBeLessThanOrEqual(Math.ceil((900 * 1.5) / (236 + GAP) + 1) * 3);
    const row = Math.floor((scrollTop - SECTION_HEADER) / (236 + GAP)) * 3;
    expect(from).toBeLessThanOrEqual(Math.max(0, row));
  }
  const [folded] = placeSections([section('a', 1500, true)], shape);
  expect(panelWindow(folded as typeof place, 0, 900)).toEqual([0, 0]);
});

it('shows the first part of a section that is too long', () => {
  const [place] = placeSections([section('a', 3812)], shape);
  expect(place?.cells.length).toBe(PANELS_PER_SECTION_MAX);
});

it('knows which sections are near, and finds them without looking at each', () => {
  const places = placeSections([section('a', 30), section('b', 30), section('c', 30)], shape);
  for (const top of [0, 900, places[1]?.top ?? 0, places[2]?.top ?? 0, 100_000]) {
    expect(nearSections(places, top, 800)).toEqual(places.filter((place) => isNear(place, top, 800)));
  }
  expect(nearSections(places, 0, 800).map((place) => place.section.key)).toEqual(['a']);
});

describe('flow', () => {
  it('is row by row for panels of one cell', () => {
    const { cells, rows } = flow(section('a', 7).panels, 3);
    expect(cells.map((cell) => [cell.row, cell.column])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 0],
    ]);
    expect(rows).toBe(3);
  });

  it('never lets two panels meet, keeps their order, and stays inside the columns', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const next = random(seed);
      const columns = 1 + Math.floor(next() * 6);
      const panels = Array.from({ length: Math.floor(next() * 40) }, (_, i) =>
        panel(`p${i}`, 1 + Math.floor(next() * 7), 1 + Math.floor(next() * 4)),
      );
      const { cells, rows } = flow(panels, columns);
      const taken = new Set<string>();
      let last = -1;
      cells.forEach((cell, i) => {
        expect(cell).toMatchObject(cellsOf(panels[i] as Panel, columns));
        expect(cell.column + cell.width).toBeLessThanOrEqual(columns);
        expect(cell.row + cell.height).toBeLessThanOrEqual(rows);
        expect(cell.row * columns + cell.column).toBeGreaterThan(last);
        last = cell.row * columns + cell.column;
        for (let row = cell.row; row < cell.row + cell.height; row++) {
          for (let column = cell.column; column < cell.column + cell.width; column++) {
            expect(taken.has(`${row} ${column}`)).toBe(false);
            taken.add(`${row} ${column}`);
          }
        }
      });
    }
  });

  it('mounts every panel that reaches into the viewport', () => {
    const next = random(7);
    const one = {
      ...section('a', 0),
      panels: Array.from({ length: 400 }, (_, i) => panel(`p${i}`, 1 + (i % 3), 1 + Math.floor(next() * 4))),
    };
    const [place] = placeSections([one], shape);
    if (!place) throw new Error('no place');
    for (let top = 0; top < place.height; top += 777) {
      const [from, to] = panelWindow(place, top, 700);
      place.cells.forEach((cell, i) => {
        const y = SECTION_HEADER + cell.row * (236 + GAP);
        const inView = y < top + 700 && y + cell.height * (236 + GAP) - GAP > top;
        if (inView) expect(i >= from && i < to, `${i} at ${top}`).toBe(true);
      });
    }
  });
});
