/**
 * How a run came to be, as lanes of a picture: steps to the right, one lane for each line of history.
 *
 *   net-1        ●━━━━━━━━━━┳━━━━━━━━━━●         the run this one was forked from
 *   Attempt 1               ┗━━━━━━┳━━━●
 *   Attempt 2                      ┗━━━━━━━●     rewound: what attempt 1 logged later is its own
 *   net-9                             ┗━━        a fork of this run
 */

export interface LineageAttempt {
  readonly attempt: number;
  readonly kind: 'start' | 'again' | 'rewind' | 'fork';
  readonly parent_step: number | null;
  /** All of its rows, those it began with included. */
  readonly rows: number;
}

interface Named {
  readonly run: string;
  readonly name: string;
}

export interface LineageRun {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** The step that the next row gets: where the latest attempt has come to. */
  readonly next_step: number;
  readonly attempts: readonly LineageAttempt[];
  readonly parent: (Named & { readonly attempt: number; readonly step: number }) | null;
  /** Null: from its first step, up to its last. */
  readonly lineage: readonly (Named & {
    readonly attempt: number;
    readonly from_step: number | null;
    readonly to_step: number | null;
  })[];
  readonly forks: readonly (Named & { readonly step: number })[];
}

export interface Lane {
  readonly key: string;
  readonly kind: 'ancestor' | 'attempt' | 'fork';
  /** The other run, for ancestors and forks. */
  readonly run: string;
  readonly name: string;
  readonly attempt: number;
  /** Where the lane begins, in steps, and how far it is known to go. */
  readonly from: number;
  readonly to: number;
  /** The lane it leaves at `from`; null for one that begins by itself. */
  readonly parent: number | null;
}

export interface LineagePicture {
  readonly lanes: readonly Lane[];
  /** The last step of the picture, at least 1. */
  readonly end: number;
}

/** A run that was started once, by itself, and never forked has nothing to draw. */
export function hasLineage(run: LineageRun): boolean {
  return run.attempts.length > 1 || run.parent !== null || run.forks.length > 0;
}

export function lineagePicture(run: LineageRun): LineagePicture {
  const lanes: Lane[] = [];
  const places = new Map<string, number>();
  const add = (lane: Lane): number => {
    places.set(lane.key, lanes.length);
    return lanes.push(lane) - 1;
  };
  for (const piece of run.lineage) {
    if (piece.run === run.id) continue;
    const start = piece.from_step ?? 0;
    const from = lanes.length === 0 ? start : start - 1;
    const to = piece.to_step ?? start;
    const key = `${piece.run}/${piece.attempt}`;
    add({ key, kind: 'ancestor', run: piece.run, name: piece.name, attempt: piece.attempt, from, to, parent: lanes.length === 0 ? null : lanes.length - 1 });
  }
  const ancestor = lanes.length === 0 ? null : lanes.length - 1;
  for (const one of run.attempts) {
    const step = one.parent_step;
    const parent = step === null ? null : one.kind === 'fork' ? ancestor : (places.get(`${run.id}/${one.attempt - 1}`) ?? null);
    const from = step ?? 0;
    const isLatest = one.attempt === run.attempt;
    // Of an earlier attempt only the number of rows is known: most runs log one a step.
    const to = Math.max(from, (isLatest ? run.next_step : one.rows) - 1);
    add({ key: `${run.id}/${one.attempt}`, kind: 'attempt', run: run.id, name: run.name, attempt: one.attempt, from, to, parent });
  }
  const latest = places.get(`${run.id}/${run.attempt}`) ?? null;
  for (const fork of run.forks) {
    add({
      key: `${fork.run}/fork`,
      kind: 'fork',
      run: fork.run,
      name: fork.name,
      attempt: 0,
      from: fork.step,
      to: fork.step,
      parent: holderOf(lanes, latest, fork.step),
    });
  }
  return { lanes, end: Math.max(1, ...lanes.map((lane) => lane.to)) };
}

/** The lane that logged a step of the latest attempt: itself, or one that it goes on from. */
function holderOf(lanes: readonly Lane[], latest: number | null, step: number): number | null {
  let at = latest;
  for (let lane = at === null ? undefined : lanes[at]; lane && lane.parent !== null && step <= lane.from; ) {
    at = lane.parent;
    lane = lanes[at];
  }
  return at;
}

/** Steps at which an attempt's own history begins: where it was rewound or forked, and its ancestors were. */
export function ownSteps(run: LineageRun, attempt: number): number[] {
  const own = run.attempts.find((one) => one.attempt === attempt)?.parent_step ?? null;
  const pieces = attempt === run.attempt ? run.lineage.slice(1).map((piece) => (piece.from_step ?? 0) - 1) : [];
  return [...new Set([...pieces, ...(own === null ? [] : [own])])].sort((a, b) => a - b);
}
