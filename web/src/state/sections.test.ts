import { describe, expect, it } from 'vitest';
import type { Metric } from '../api/types';
import { autoLayout, type Section } from './layout';
import { byDevice, matcher, searchSections, SYSTEM_KEY } from './sections';
import { panelTitle, unitOf } from './system-names';

function metric(path: string, extra: Partial<Metric> = {}): Metric {
  return {
    path,
    label: path,
    space: 'history',
    kind: 'number',
    runs: 1,
    first_us: 0,
    hidden: false,
    step_metric: null,
    goal: null,
    ...extra,
  };
}

const sectionsOf = (metrics: Metric[]) => autoLayout(metrics);
const systemSections = (metrics: Metric[]) => autoLayout(metrics, { sectionOf: byDevice });
const paths = (section: Section | undefined) => section?.panels.map((one) => one.name);

describe('sections', () => {
  it('groups by the text before the last slash, first logged first, machine samples last', () => {
    const sections = sectionsOf([
      metric('cpu', { space: 'system' }),
      metric('b/y', { first_us: 5 }),
      metric('a/b/x', { first_us: 9 }),
      metric('loss', { first_us: 7 }),
    ]);
    expect(sections.map((one) => one.title)).toEqual(['b', 'Charts', 'a/b', 'System']);
    expect(sections.at(-1)?.key).toBe(SYSTEM_KEY);
  });

  it('orders what arrives together: training, validation, the rest; numbers by value', () => {
    const sections = sectionsOf(
      ['layer/10', 'layer/2', 'val/loss', 'grad/w', 'train/loss'].map((path) => metric(path)),
    );
    expect(sections.map((one) => one.title)).toEqual(['train', 'val', 'grad', 'layer']);
    expect(paths(sections.at(-1))).toEqual(['layer/2', 'layer/10']);
  });

  it('puts the loss first in its section, then other headlines, then what was logged first', () => {
    const [section] = sectionsOf([
      metric('train/epoch', { first_us: 1 }),
      metric('train/top1_acc', { first_us: 2 }),
      metric('train/glossary', { first_us: 3 }),
      metric('train/loss', { first_us: 4 }),
    ]);
    expect(paths(section)).toEqual(['train/loss', 'train/top1_acc', 'train/epoch', 'train/glossary']);
  });

  it('leaves out what is hidden or no number', () => {
    expect(sectionsOf([metric('a', { hidden: true }), metric('b', { kind: 'image' })])).toEqual([]);
  });

  it('keeps a logged "system/x" apart from the machine', () => {
    const sections = sectionsOf([metric('system/x'), metric('cpu', { space: 'system' })]);
    expect(sections.map((one) => one.panels.length)).toEqual([1, 1]);
  });

  it('searches words and expressions in section and name, and names a broken expression', () => {
    const sections = sectionsOf([metric('train/loss'), metric('train/acc'), metric('val/loss')]);
    const found = (text: string) => searchSections(sections, text).flatMap((one) => paths(one) ?? []);
    expect(found('LOSS val')).toEqual(['val/loss']);
    expect(found('/^train .*acc$/')).toEqual(['train/acc']);
    expect(found('')).toHaveLength(3);
    expect(matcher('/(/')).toBeNull();
  });

  it('sorts machine samples by device and reads their unit', () => {
    const system = ['cpu', 'cpu.0.cpu_percent', 'disk.in', 'memory_percent', 'proc.memory.rssMB'].map((path) =>
      metric(path, { space: 'system' }),
    );
    expect(systemSections(system).map((one) => one.title)).toEqual(['CPU', 'CPU cores', 'Disk', 'Memory', 'Process']);
    expect(system.map(unitOf)).toEqual(['%', '%', 'MB', '%', 'MB']);
  });

  it('calls machine samples as people do, and leaves unknown names alone', () => {
    const names = ['cpu.0.cpu_percent', 'disk./.usageGB', 'network.sent', 'proc.cpu.threads', 'tpu.watts'];
    expect(names.map((path) => panelTitle(metric(path, { space: 'system' })))).toEqual([
      'CPU core 0 %',
      'Disk / used GB',
      'Network sent B',
      'Process threads',
      'tpu.watts',
    ]);
    expect(panelTitle(metric('disk.in'))).toBe('disk.in');
    const system = systemSections([metric('network.recv', { space: 'system' })]);
    expect(searchSections(system, 'received')).toHaveLength(1);
    expect(searchSections(system, 'network.recv')).toHaveLength(1);
  });
});
