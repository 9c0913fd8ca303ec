// What a metric was at a step, for many runs in one request.
import { untrack } from 'svelte';
import { pointAt, type PointAt } from '../../lib/series-at';
import type { SeriesData } from '../../lib/series';
import type { ProjectSession } from '../../state/project.svelte';
import type { SeriesView } from '../../state/series';

/** Cells between the first step and the wanted one: what is told is at most one of them too early. */
const BUCKETS = 256;

export interface AtStep {
  readonly points: ReadonlyMap<string, PointAt>;
  readonly loading: boolean;
  readonly error: unknown;
  retry(): void;
}

/** To be called while a component is made. Asks for nothing while `read` gives null. */
export function valuesAtStep(
  session: () => ProjectSession,
  read: () => { metric: string; step: number; runs: readonly string[] } | null,
): AtStep {
  let answer = $state.raw<SeriesView<SeriesData> | null>(null);
  const watch = untrack(() => session().series.watch((next) => (answer = next)));
  $effect(() => () => watch.close());
  const asked = $derived(JSON.stringify(read()));
  $effect(() => {
    const question = JSON.parse(asked) as ReturnType<typeof read>;
    if (question === null) return;
    const { metric, step, runs } = question;
    const range = [Math.min(0, step - 1), step] as const;
    watch.ask({ space: 'history', metric, x: '_step', range, buckets: BUCKETS, logX: false }, runs);
  });
  const points = $derived.by(() => {
    const found = new Map<string, PointAt>();
    const step = (JSON.parse(asked) as ReturnType<typeof read>)?.step;
    if (step === undefined) return found;
    for (const series of answer?.series ?? []) {
      const point = pointAt(series, step);
      if (point) found.set(series.run, point);
    }
    return found;
  });
  return {
    get points() {
      return points;
    },
    get loading() {
      return answer?.loading ?? false;
    },
    get error() {
      return answer?.error ?? null;
    },
    retry: () => watch.retry(),
  };
}
