// From runs to what a forest learns from. Pure.
import type { Run } from '../../api/types';
import { rankCorrelation, type Feature } from '../../lib/forest';
import { columnOf, numbersOf, variedPaths } from '../../state/run-columns';

export interface Question {
  target: Float64Array;
  features: (Feature & {
    /** Spearman's; null for categories and where it says nothing. */
    correlation: number | null;
    categories: number;
  })[];
  /** Keys left out since nearly every run has a text of its own. */
  skipped: string[];
}

/** A category with more values than this is a name, not a choice. */
const CATEGORIES_MAX = 40;
const FEATURES_MAX = 100;

/** Runs without a finite target take no part. A missing number is the middle one, a missing category none of them. */
export function questionOf(runs: readonly Run[], target: string, chosen: readonly string[] | null): Question {
  const values = numbersOf(runs, target);
  const kept = runs.filter((_, at) => Number.isFinite(values[at] as number));
  const y = Float64Array.from(values.filter((value) => Number.isFinite(value)));
  const paths = (chosen ?? variedPaths(kept)).filter((path) => path !== target);
  const question: Question = { target: y, features: [], skipped: [] };
  for (const path of paths) {
    const column = columnOf(kept, path);
    if (column.kind === 'category') {
      const { values: places, categories } = column;
      if (categories.length > CATEGORIES_MAX || (categories.length > 3 && categories.length > kept.length / 2)) {
        question.skipped.push(path);
        continue;
      }
      const columns = categories.map((_, at) => Float64Array.from(places, (place) => (place === at ? 1 : 0)));
      // Of two values, such as false and true, either says all.
      const correlation = categories.length === 2 ? rankCorrelation(columns[1] as Float64Array, y) : null;
      question.features.push({ name: path, columns, correlation, categories: categories.length });
    } else {
      const there = [...column.values.keys()].filter((at) => Number.isFinite(column.values[at] as number));
      const pick = (from: Float64Array): number[] => there.map((at) => from[at] as number);
      const known = pick(column.values).sort((a, b) => a - b);
      const middle = known[Math.floor(known.length / 2)] ?? 0;
      question.features.push({
        name: path,
        columns: [column.values.map((value) => (Number.isFinite(value) ? value : middle))],
        correlation: rankCorrelation(pick(column.values), pick(y)),
        categories: 0,
      });
    }
    if (question.features.length === FEATURES_MAX) break;
  }
  return question;
}
