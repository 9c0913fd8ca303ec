// The standing questions of one panel: one for each of its metrics.
import type { SeriesData } from '../../lib/series';
import type { SeriesCache, SeriesShape, SeriesView, Watch } from '../../state/series';

interface Question {
  watch: Watch<SeriesData>;
  metric: string;
}

export class PanelSeries {
  /** In the order of the shapes asked for; null for one without an answer. */
  answers = $state.raw<readonly (SeriesView<SeriesData> | null)[]>([]);
  private questions: Question[] = [];

  constructor(private readonly cache: SeriesCache<SeriesData>) {}

  ask(shapes: readonly SeriesShape[], runs: readonly string[]): void {
    const names = shapes.map((shape) => `${shape.space}:${shape.metric}`);
    const isSame = names.length === this.questions.length && names.every((one, i) => one === this.questions[i]?.metric);
    if (!isSame) {
      this.close();
      this.answers = names.map(() => null);
      this.questions = names.map((metric, at) => ({
        metric,
        watch: this.cache.watch((answer) => (this.answers = this.answers.with(at, answer))),
      }));
    }
    this.questions.forEach(({ watch }, i) => watch.ask(shapes[i] as SeriesShape, runs));
  }

  retry(): void {
    for (const { watch } of this.questions) watch.retry();
  }

  close(): void {
    for (const { watch } of this.questions) watch.close();
    this.questions = [];
  }

  /** Everything that is drawn now, whatever metric it is of. */
  get series(): SeriesData[] {
    return this.answers.flatMap((answer) => answer?.series ?? []);
  }

  get loading(): boolean {
    return this.answers.length === 0 || this.answers.some((answer) => answer === null || answer.loading);
  }

  get error(): unknown {
    return this.answers.find((answer) => answer?.error != null)?.error ?? null;
  }

  /** The x range that all of the drawn answers cover; null: everything. Undefined before any. */
  get range(): readonly [number, number] | null | undefined {
    let [from, to] = [-Infinity, Infinity];
    let isAnswered = false;
    for (const answer of this.answers) {
      if (!answer?.shape) continue;
      isAnswered = true;
      if (answer.shape.range === null) continue;
      from = Math.max(from, answer.shape.range[0]);
      to = Math.min(to, answer.shape.range[1]);
    }
    if (!isAnswered) return undefined;
    return from === -Infinity ? null : [from, to];
  }
}
