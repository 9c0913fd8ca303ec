// Series as their difference from the base's, for charts: asked for together with the base's, in buckets as fine as the
// server allows, so that most answers are of single points.
import { ApiError } from '../api/client';
import { postSeries } from '../api/endpoints';
import { differenceOf } from '../lib/difference';
import { decode, type SeriesData } from '../lib/series';
import type { ProjectSession } from './project.svelte';
import { SeriesCache } from './series';

const BUCKETS_MAX = 8192;
/** The server's limit for one answer, with some room. */
const SHARED_MAX = 280_000;

export class Differences {
  readonly source: SeriesCache<SeriesData>;
  /** Metrics whose differences are not all of two logged points. */
  rough = $state.raw<ReadonlySet<string>>(new Set());
  private readonly stops: (() => void)[];

  constructor(session: ProjectSession, base: string, others: readonly string[]) {
    this.source = new SeriesCache<SeriesData>({
      fetch: async (request, signal) => {
        const runs = [base, ...request.runs];
        const each = Math.floor(SHARED_MAX / (runs.length * request.metrics.length));
        const buckets = Math.max(request.buckets, Math.min(BUCKETS_MAX, each));
        const answer = await postSeries(session.entity, session.project, { ...request, runs, buckets }, signal);
        return this.take(decode(answer).series, base);
      },
      version: (run) => session.versionOf(run) + session.versionOf(base),
      isPassing: (error) => error instanceof ApiError && error.unreachable,
    });
    this.stops = [base, ...others].map((run) =>
      session.onRun(run, (parts) => {
        if (parts.includes('history')) this.source.touch();
      }),
    );
  }

  close(): void {
    for (const stop of this.stops) stop();
    this.source.close();
  }

  private take(series: readonly SeriesData[], base: string): SeriesData[] {
    const bases = new Map(series.filter((one) => one.run === base).map((one) => [one.metric, one]));
    const rough = new Set(this.rough);
    const found: SeriesData[] = [];
    for (const one of series) {
      const under = bases.get(one.metric);
      if (one.run === base || under === undefined) continue;
      const difference = differenceOf(under, one);
      if (difference === null) continue;
      found.push(difference.data);
      if (difference.isExact) rough.delete(one.metric);
      else rough.add(one.metric);
    }
    this.rough = rough;
    return found;
  }
}
