// What a line is called: `{name} · lr {config.lr}` with the values of its run. Pure.
import type { Run } from '../../api/types';
import { fieldValue } from '../../state/fields';
import { cell } from '../../ui/format';

const FIELD = /\{([^{}]+)\}/g;

/** Fields a run has under a shorter name. */
const SHORT: Readonly<Record<string, string>> = {
  group: 'group',
  type: 'job_type',
  id: 'id',
  name: 'name',
  user: 'user',
};

/** The template with the run's values; its name where the template is empty or leaves nothing. */
export function labelOf(template: string, run: Run): string {
  if (template === '') return run.name;
  const text = template.replace(FIELD, (_, path: string) => {
    const value = fieldValue(run, SHORT[path.trim()] ?? path.trim());
    return value === undefined || value === null ? '–' : cell(value);
  });
  return text.trim() || run.name;
}

/** A label for each run; runs whose labels are equal are told apart by their ids. */
export function distinctLabels(runs: readonly Run[], template: string): (run: Run) => string {
  const counts = new Map<string, number>();
  for (const run of runs) {
    const label = labelOf(template, run);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return (run) => {
    const label = labelOf(template, run);
    return (counts.get(label) ?? 0) > 1 ? `${label} · ${run.id}` : label;
  };
}

export type LegendOrder = 'list' | 'last' | 'name';

export interface LegendEntry {
  key: string;
  label: string;
  /** Last value; NaN without one. */
  last: number;
}

const natural = new Intl.Collator('en', { numeric: true });

/** Entries that hold the search, highest last value or first name first. */
export function legendEntries<T extends LegendEntry>(entries: readonly T[], search: string, order: LegendOrder): T[] {
  const wanted = search.trim().toLowerCase();
  const found = entries.filter(({ label }) => label.toLowerCase().includes(wanted));
  if (order === 'name') found.sort((a, b) => natural.compare(a.label, b.label));
  if (order === 'last') {
    const rank = (value: number) => (Number.isNaN(value) ? -Infinity : value);
    found.sort((a, b) => rank(b.last) - rank(a.last) || 0);
  }
  return found;
}

/** Hides or shows one line; alone, it hides all others, and shows all again. */
export function toggled(hidden: ReadonlySet<string>, key: string, all: readonly string[], alone: boolean): Set<string> {
  if (alone) {
    const others = all.filter((one) => one !== key);
    const isAlone = !hidden.has(key) && others.every((one) => hidden.has(one));
    return new Set(isAlone ? [] : others);
  }
  const next = new Set(hidden);
  if (!next.delete(key)) next.add(key);
  return next;
}
