import { expect, it } from 'vitest';
import type { Metric } from '../api/types';
import type { Section } from '../state/sections';
import { GAP, gridShape, isNear, panelWindow, PANELS_PER_SECTION_MAX, placeSections, SECTION_HEADER } from './layout';

const section = (key: string, count: number): Section => ({
  key,
  title: key,
  metrics: Array.from({ length: count }, (_, i) => ({ path: `${key}/${i}` }) as Metric),
});
const grid = { columns: 3, panelHeight: 236 };

it('puts as many columns as fit', () => {
  expect(gridShape(1200, 3).columns).toBe(3);
  expect(gridShape(600, 3).columns).toBe(2);
  expect(gridShape(200, 6).columns).toBe(1);
});

it('stacks sections; a folded one is only its header', () => {
  const places = placeSections([section('a', 4), section('b', 9), section('c', 1)], (one) => one.key === 'b', grid);
  expect(places[1]?.top).toBe(places[0]?.height);
  expect(places[1]?.height).toBe(SECTION_HEADER);
  expect(places[2]?.top).toBe((places[0]?.height ?? 0) + SECTION_HEADER);
});

it('mounts only panels within 1.5 viewport heights, whatever the number of metrics', () => {
  const [place] = placeSections([section('a', 1500)], () => false, grid);
  if (!place) throw new Error('no place');
  for (const scrollTop of [0, 5000, 60_000]) {
    const [from, to] = panelWindow(place, grid, scrollTop, 900);
    expect(to - from).toBeLessThanOrEqual(Math.ceil((900 * 1.5) / (236 + GAP) + 1) * 3);
    const row = Math.floor((scrollTop - SECTION_HEADER) / (236 + GAP)) * 3;
    expect(from).toBeLessThanOrEqual(Math.max(0, row));
  }
  expect(panelWindow({ ...place, folded: true }, grid, 0, 900)).toEqual([0, 0]);
});

it('shows the first part of a section that is too long', () => {
  const [place] = placeSections([section('a', 3812)], () => false, grid);
  expect(place?.shown).toBe(PANELS_PER_SECTION_MAX);
});

it('knows which sections are near', () => {
  const places = placeSections([section('a', 30), section('b', 30), section('c', 30)], () => false, grid);
  const near = (top: number) => places.filter((place) => isNear(place, top, 800)).map((place) => place.section.key);
  expect(near(0)).toEqual(['a']);
  expect(near(places[2]?.top ?? 0)).toEqual(['b', 'c']);
});
