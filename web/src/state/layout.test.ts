import { describe, expect, it } from 'vitest';
import type { Metric } from '../api/types';
import { arrange, autoLayout, MEDIA_KEY, metricId, panelCount, RARE_FROM, rareKey, type Section } from './layout';
import {
  addPanel,
  addSection,
  changePanel,
  duplicatePanel,
  foldSection,
  movePanel,
  moveSection,
  nudgePanel,
  pinSection,
  removePanel,
  removeSection,
  renameSection,
  resizePanel,
  setColumns,
  showAgain,
} from './layout-edit';
import { SYSTEM_KEY } from './sections';
import { EMPTY_VIEW, readDoc, type ViewDoc } from './view-doc';

function metric(path: string, extra: Partial<Metric> = {}): Metric {
  return {
    path,
    label: path,
    space: 'history',
    kind: 'number',
    runs: 2,
    first_us: 0,
    hidden: false,
    step_metric: null,
    goal: null,
    ...extra,
  };
}

const METRICS = [
  ...['train/loss', 'train/acc', 'val/loss', 'val/acc', 'val/f1', 'grad'].map((path, i) =>
    metric(path, { first_us: i }),
  ),
  metric('cpu', { space: 'system' }),
];
const auto = autoLayout(METRICS);
const shown = (doc: ViewDoc, from: readonly Section[] = auto) => arrange(from, doc);
const keys = (sections: readonly Section[]) => sections.map((one) => one.key);
const ids = (sections: readonly Section[], key: string) =>
  sections.find((one) => one.key === key)?.panels.map((panel) => panel.id.replace('history:', ''));

function random(seed: number) {
  let state = seed;
  const below = (limit: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % limit;
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)] as T };
}

describe('the automatic layout', () => {
  it('has Media above System, and both last', () => {
    const all = [
      metric('a/pic', { kind: 'image' }),
      metric('cpu', { space: 'system' }),
      metric('a/x', { first_us: 9 }),
    ];
    const sections = autoLayout(all, { otherKind: () => 'media' });
    expect(keys(sections)).toEqual(['a', MEDIA_KEY, SYSTEM_KEY]);
    expect(sections.map((one) => one.folded)).toEqual([false, false, true]);
    expect(sections[1]?.panels[0]?.spec).toMatchObject({ kind: 'media', options: { metric: 'a/pic' } });
  });

  it('cuts names at the last slash, the first, or not at all', () => {
    const all = [metric('a/b/c'), metric('a/d', { first_us: 1 }), metric('e', { first_us: 2 })];
    expect(keys(autoLayout(all))).toEqual(['a/b', 'a', '']);
    expect(keys(autoLayout(all, { rule: 'first' }))).toEqual(['a', '']);
    expect(keys(autoLayout(all, { rule: 'none' }))).toEqual(['']);
  });

  it('sets metrics of one run apart, only among many runs', () => {
    const all = [metric('a/x'), metric('a/y', { runs: 1 }), metric('b/z', { runs: 1, first_us: 1 })];
    expect(keys(autoLayout(all, { visible: RARE_FROM }))).toEqual(['a', 'b']);
    const sections = autoLayout(all, { visible: RARE_FROM + 1 });
    expect(keys(sections)).toEqual(['a', rareKey('a'), rareKey('b')]);
    expect(sections.map((one) => one.folded)).toEqual([false, true, true]);
    // A rare panel can be moved out of its group, and one that was changed in it follows when it is rare no more.
    const out = movePanel(EMPTY_VIEW, sections, 'history:a/y', 'a', 0);
    expect(ids(shown(out, sections), 'a')).toEqual(['a/y', 'a/x']);
    const changed = resizePanel(EMPTY_VIEW, (sections[1] as Section).panels[0] as never, 2, 1);
    expect(ids(shown(changed, sections), rareKey('a'))).toEqual(['a/y']);
    expect(ids(shown(changed, autoLayout(all)), 'a')).toEqual(['a/x', 'a/y']);
  });

  it('is itself where the view changes nothing', () => {
    expect(shown(EMPTY_VIEW)).toBe(auto);
    expect(shown({ ...EMPTY_VIEW, runs: { ...EMPTY_VIEW.runs, pins: ['r'] } })).toBe(auto);
  });

  it('lays out ten thousand metrics', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => metric(`layer.${i % 400}/grad${i}`, { first_us: i % 7 }));
    const sections = autoLayout(many);
    expect(sections).toHaveLength(400);
    const hidden = many.slice(0, 5000).map(metricId);
    expect(panelCount(shown({ ...EMPTY_VIEW, hidden }, sections))).toBe(5000);
  });
});

describe('editing', () => {
  it('moves panels within a section and to another, naming no more than it must', () => {
    const within = movePanel(EMPTY_VIEW, auto, 'history:val/f1', 'val', 0);
    expect(ids(shown(within), 'val')).toEqual(['val/f1', 'val/loss', 'val/acc']);
    expect(within.order.val).toEqual(['history:val/f1']);
    const across = movePanel(within, shown(within), 'history:val/f1', 'train', 1);
    expect(ids(shown(across), 'train')).toEqual(['train/loss', 'val/f1', 'train/acc']);
    expect(ids(shown(across), 'val')).toEqual(['val/loss', 'val/acc']);
    expect(nudgePanel(across, shown(across), 'history:val/f1', -9).order.train?.[0]).toBe('history:val/f1');
    expect(movePanel(EMPTY_VIEW, auto, 'history:val/loss', 'val', 0)).toBe(EMPTY_VIEW);
  });

  it('keeps a place when other metrics come', () => {
    const doc = movePanel(EMPTY_VIEW, auto, 'history:val/f1', 'val', 0);
    const later = autoLayout([...METRICS, metric('val/new', { first_us: 99 })]);
    expect(ids(shown(doc, later), 'val')).toEqual(['val/f1', 'val/loss', 'val/acc', 'val/new']);
  });

  it('hides a metric until it is added again, and drops what was added', () => {
    const hidden = removePanel(EMPTY_VIEW, 'history:val/acc');
    expect(ids(shown(hidden), 'val')).toEqual(['val/loss', 'val/f1']);
    expect(ids(shown(showAgain(hidden, ['history:val/acc'])), 'val')).toEqual(['val/loss', 'val/acc', 'val/f1']);
    const added = addPanel(EMPTY_VIEW, { kind: 'line', section: 'val', options: { metrics: ['grad'] } }, 'p1');
    expect(ids(shown(added), 'val')?.[0]).toBe('p1');
    expect(removePanel(added, 'p1').panels).toEqual({});
    const copied = duplicatePanel(EMPTY_VIEW, auto, 'history:val/acc', 'p2');
    expect(ids(shown(copied), 'val')).toEqual(['val/loss', 'val/acc', 'p2', 'val/f1']);
  });

  it('renames, folds, pins and moves sections; Media and System stay last until they are moved', () => {
    let doc = renameSection(EMPTY_VIEW, 'val', ' Validation ');
    expect(shown(doc).find((one) => one.key === 'val')?.title).toBe('Validation');
    doc = pinSection(foldSection(doc, 'val', true), 'val', true);
    expect(keys(shown(doc))).toEqual(['val', 'train', '', SYSTEM_KEY]);
    doc = moveSection(doc, shown(doc), SYSTEM_KEY, -1);
    expect(keys(shown(doc))).toEqual(['val', 'train', SYSTEM_KEY, '']);
    doc = moveSection(doc, shown(doc), 'train', 1);
    expect(keys(shown(doc))).toEqual(['val', SYSTEM_KEY, 'train', '']);
    expect(moveSection(doc, shown(doc), 'val', -1)).toBe(doc);
    expect(shown(setColumns(doc, 'train', 5)).find((one) => one.key === 'train')?.columns).toBe(5);
    expect(renameSection(doc, 'val', '').sections.val?.title).toBeUndefined();
  });

  it('makes sections where one asks for them, and gives back what was in them', () => {
    let doc = addSection(EMPTY_VIEW, auto, 'train', 'Mine', 'own:');
    expect(shown(doc).map((one) => one.title)).toEqual(['train', 'Mine', 'val', 'Charts', 'System']);
    doc = movePanel(doc, shown(doc), 'history:grad', 'own:', 0);
    doc = addPanel(doc, { kind: 'line', section: 'own:', options: {} }, 'p1');
    expect(ids(shown(doc), 'own:')).toEqual(['p1', 'grad']);
    const section = shown(doc).find((one) => one.key === 'own:') as Section;
    const without = removeSection(doc, section);
    expect(keys(shown(without))).toEqual(['train', 'val', '', SYSTEM_KEY]);
    expect(ids(shown(without), '')).toEqual(['grad']);
    expect(keys(shown(removeSection(EMPTY_VIEW, auto[1] as Section)))).toEqual(['train', '', SYSTEM_KEY]);
  });

  it('shows every panel once, whatever is done, and any document survives its JSON', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const { below, pick } = random(seed);
      let doc: ViewDoc = EMPTY_VIEW;
      for (let move = 0; move < 25; move++) {
        const sections = shown(doc);
        const section = pick(sections);
        const all = sections.flatMap((one) => one.panels);
        const panel = pick(all);
        const moves: (() => ViewDoc)[] = [
          () => movePanel(doc, sections, panel.id, section.key, below(5)),
          () => nudgePanel(doc, sections, panel.id, below(7) - 3),
          () => resizePanel(doc, panel, below(8), below(6)),
          () => (all.length > 3 ? removePanel(doc, panel.id) : doc),
          () => duplicatePanel(doc, sections, panel.id, `p${move}`),
          () => addSection(doc, sections, section.key, 'New', `s${move}:`),
          () => moveSection(doc, sections, section.key, pick([-1, 1])),
          () => pinSection(doc, section.key, below(2) === 0),
          () => foldSection(doc, section.key, below(2) === 0),
          () => changePanel(doc, panel, { title: pick(['T', '']) }),
          () => showAgain(doc, doc.hidden.slice(0, 1)),
          () => (section.added ? removeSection(doc, section) : doc),
        ];
        doc = pick(moves)();
        const after = shown(doc).flatMap((one) => one.panels.map(({ id }) => id));
        expect(new Set(after).size).toBe(after.length);
        const expected = METRICS.length - doc.hidden.length + after.filter((id) => id.startsWith('p')).length;
        expect(after.length).toBe(expected);
      }
      expect(readDoc(JSON.parse(JSON.stringify(doc)))).toEqual(doc);
    }
  });
});
