// Sweeps as their pages follow them: asked for again when something changed, and not more often than that is read.
import { ApiError } from '../api/client';
import {
  getSweep,
  getSweeps,
  patchSweep,
  SWEEPS_MAX,
  type OpenedSweep,
  type Sweep,
  type SweepPatch,
} from '../api/sweeps';
import type { ProjectChange, Run } from '../api/types';
import type { ProjectSession } from './project.svelte';
import { RunList } from './runs.svelte';
import { sweepFilter } from './sweeps';

const REFRESH_MS = 1000;
/** A list asks for the best run of each sweep. */
const LIST_REFRESH_MS = 3000;
/** That an agent fell silent is no change that anybody is told of. */
const AGENTS_MS = 10_000;
/** More trials than this are not drawn. */
export const TRIALS_MAX = 3000;
/** Parts of a run that move what a sweep says of it. */
const COUNTED = new Set(['state', 'summary']);

/** Asks again: once for many changes in a short time. */
class Again {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private at = 0;

  constructor(
    private readonly ask: () => Promise<void>,
    private readonly every = REFRESH_MS,
  ) {}

  now(): Promise<void> {
    this.at = Date.now();
    return this.ask();
  }

  soon(): void {
    this.timer ??= setTimeout(
      () => {
        this.timer = undefined;
        void this.now();
      },
      Math.max(0, this.at + this.every - Date.now()),
    );
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

const moves = (change: ProjectChange, known: (run: string) => boolean): boolean =>
  (change.every?.length ?? 0) > 0 ||
  change.added.length + change.removed.length > 0 ||
  Object.entries(change.runs).some(([id, { parts }]) => known(id) && parts.some((part) => COUNTED.has(part)));

/** The sweeps of a project, the youngest first, as many as somebody asked to see. */
export class SweepList {
  sweeps = $state.raw<readonly Sweep[]>([]);
  total = $state(0);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  private wanted = SWEEPS_MAX / 2;
  private asked = 0;
  private readonly again = new Again(() => this.load(), LIST_REFRESH_MS);
  private readonly stop: () => void;

  constructor(private readonly session: ProjectSession) {
    this.stop = session.onChange((change) => {
      // Which runs belong to a sweep is not known here: any that ends or has a new summary may.
      const isOurs = () => this.sweeps.some((sweep) => sweep.state === 'RUNNING' || (sweep.runs.running ?? 0) > 0);
      if ((change.sweeps?.length ?? 0) > 0 || moves(change, isOurs)) this.again.soon();
    });
    void this.again.now();
  }

  close(): void {
    this.stop();
    this.again.stop();
  }

  reload(): void {
    void this.again.now();
  }

  more(): void {
    this.wanted += SWEEPS_MAX;
    void this.again.now();
  }

  private async load(): Promise<void> {
    const asked = ++this.asked;
    try {
      const sweeps: Sweep[] = [];
      let total = this.wanted;
      while (sweeps.length < Math.min(this.wanted, total)) {
        const limit = Math.min(SWEEPS_MAX, this.wanted - sweeps.length);
        const page = await getSweeps(this.session.entity, this.session.project, sweeps.length, limit);
        if (asked !== this.asked) return;
        total = page.total;
        sweeps.push(...page.sweeps);
        if (page.sweeps.length === 0) break;
      }
      [this.sweeps, this.total, this.error, this.loaded] = [sweeps, total, null, true];
    } catch (error) {
      if (asked === this.asked) this.error = error;
    }
  }
}

/** One sweep, and its trials in the order in which they began. */
export class SweepStore {
  sweep = $state.raw<OpenedSweep | null>(null);
  error = $state.raw<unknown>(null);
  readonly list: RunList;
  readonly trials: readonly Run[] = $derived.by(() => this.list.first(TRIALS_MAX));
  private asked = 0;
  private shown = 0;
  private readonly again = new Again(() => this.load());
  private readonly stop: () => void;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly session: ProjectSession,
    readonly id: string,
  ) {
    this.list = new RunList(session.entity, session.project);
    this.list.query(sweepFilter(id), 'created');
    this.stop = session.onChange((change) => this.take(change));
    this.timer = setInterval(() => {
      const waits = this.sweep?.agents.some(({ state }) => state === 'running' || state === 'idle');
      if (waits && !session.resting) this.again.soon();
    }, AGENTS_MS);
    void this.again.now();
  }

  get isAbsent(): boolean {
    return this.error instanceof ApiError && this.error.status === 404;
  }

  close(): void {
    this.stop();
    this.again.stop();
    clearInterval(this.timer);
    this.list.close();
  }

  reload(): void {
    void this.again.now();
  }

  /** Throws what the server refused. */
  async change(patch: SweepPatch): Promise<void> {
    const asked = ++this.asked;
    const sweep = await patchSweep(this.session.entity, this.session.project, this.id, patch);
    this.show(asked, sweep);
  }

  private take(change: ProjectChange): void {
    if (change.every?.length) this.list.lookAgain();
    else this.list.changed(Object.keys(change.runs), [], change.removed);
    if (change.added.length > 0) this.list.lookAtEnd();
    const isNamed = change.sweeps?.includes(this.id) ?? false;
    if (isNamed || moves(change, (run) => this.list.known(run) !== undefined)) this.again.soon();
  }

  private async load(): Promise<void> {
    const asked = ++this.asked;
    try {
      this.show(asked, await getSweep(this.session.entity, this.session.project, this.id));
    } catch (error) {
      if (asked >= this.shown) this.error = error;
    }
  }

  private show(asked: number, sweep: OpenedSweep): void {
    if (asked < this.shown) return; // overtaken by a newer answer
    [this.shown, this.sweep, this.error] = [asked, sweep, null];
  }
}
