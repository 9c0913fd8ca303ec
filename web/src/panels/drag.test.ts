import { expect, it } from 'vitest';
import { movePanel } from '../state/layout-edit';
import { arrange, autoLayout, type Section } from '../state/layout';
import { EMPTY_VIEW } from '../state/view-doc';
import type { Metric } from '../api/types';
import { dropTarget } from './drag';
import { GAP, placeSections, SECTION_HEADER } from './layout';

const metric = (path: string): Metric => ({
  path,
  label: path,
  space: 'history',
  kind: 'number',
  runs: 1,
  first_us: 0,
  hidden: false,
  step_metric: null,
  goal: null,
});
const grid = { columns: 3, panelHeight: 200 };
const width = 920;
const sections = autoLayout(['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'b/2'].map(metric)) as Section[];
const places = placeSections(sections, () => grid);
const pitch = { x: (width + GAP) / 3, y: 200 + GAP };
const point = (section: number, row: number, column: number, part: number): [number, number] => [
  (column + part) * pitch.x,
  (places[section]?.top ?? 0) + SECTION_HEADER + (row + 0.5) * pitch.y,
];

it('is before the panel on its left half, behind it on its right half', () => {
  const at = (...to: Parameters<typeof point>) => {
    const found = dropTarget(places, ...point(...to), width);
    return [found?.key, found?.before];
  };
  expect(at(0, 0, 0, 0.2)).toEqual(['a', 0]);
  expect(at(0, 0, 0, 0.8)).toEqual(['a', 1]);
  expect(at(0, 0, 2, 0.9)).toEqual(['a', 3]);
  expect(at(0, 1, 0, 0.1)).toEqual(['a', 3]);
  expect(at(0, 1, 2, 0.5)).toEqual(['a', 4]);
  expect(at(1, 0, 1, 0.1)).toEqual(['b', 1]);
  expect(dropTarget(places, 0, -50, width)?.key).toBe('a');
  expect(dropTarget([], 0, 0, width)).toBeNull();
});

it('goes to the end of a folded section', () => {
  const folded = placeSections([{ ...(sections[0] as Section), folded: true }], () => grid);
  expect(dropTarget(folded, 5, 5, width)).toMatchObject({ key: 'a', before: 4 });
});

it('puts a panel where the line was', () => {
  for (let from = 0; from < 4; from++) {
    for (let before = 0; before <= 4; before++) {
      const ids = (sections[0] as Section).panels.map((panel) => panel.id);
      const id = ids[from] as string;
      const doc = movePanel(EMPTY_VIEW, sections, id, 'a', before - Number(from < before));
      const others = ids.filter((one) => one !== id);
      const at = before - Number(from < before);
      const wanted = [...others.slice(0, at), id, ...others.slice(at)];
      expect(arrange(sections, doc)[0]?.panels.map((panel) => panel.id)).toEqual(wanted);
    }
  }
});
