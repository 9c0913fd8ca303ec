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
  readonly kind?: 'start' | 'again' | 'rewind' | 'fork';
  readonly parent_step?: number | null;
  readonly rows: number;
}

export interface LineageRun {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** The step that the next row gets: where the latest attempt has come to. */
  readonly next_step: number;
  readonly attempts: readonly LineageAttempt[];
  readonly parent?: { readonly run: string; readonly name: string; readonly attempt: number; readonly step: number } | null;
  readonly lineage?: readonly { readonly run: string; readonly name: string; readonly attempt: number; readonly from_step: number; readonly to_step: number | null }[];
  readonly forks?: readonly { readonly run: string; readonly name: string; readonly step: number }[];
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
  return run.attempts.length > 1 || Boolean(run.parent) || (run.forks?.length ?? 0) > 0;
}

export function lineagePicture(run: LineageRun): LineagePicture {
  const lanes: Lane[] = [];
  const places = new Map<string, number>();
  const add = (lane: Lane): number => {
    places.set(lane.key, lanes.length);
    return lanes.push(lane) - 1;
  };
  for (const piece of run.lineage ?? []) {
    if (piece.run === run.id) continue;
    const from = lanes.length === 0 ? piece.from_step : piece.from_step - 1;
    const to = piece.to_step ?? piece.from_step;
    const key = `${piece.run}/${piece.attempt}`;
    add({ key, kind: 'ancestor', run: piece.run, name: piece.name, attempt: piece.attempt, from, to, parent: lanes.length === 0 ? null : lanes.length - 1 });
  }
  const ancestor = lanes.length === 0 ? null : lanes.length - 1;
  for (const one of run.attempts) {
    const step = one.parent_step ?? null;
    const parent = step === null ? null : one.kind === 'fork' ? ancestor : (places.get(`${run.id}/${one.attempt - 1}`) ?? null);
    const from = step ?? 0;
    const isLatest = one.attempt === run.attempt;
    const own = step === null ? one.rows - 1 : step + one.rows;
    const to = Math.max(from, isLatest ? run.next_step - 1 : own);
    add({ key: `${run.id}/${one.attempt}`, kind: 'attempt', run: run.id, name: run.name, attempt: one.attempt, from, to, parent });
  }
  const latest = places.get(`${run.id}/${run.attempt}`) ?? null;
  for (const fork of run.forks ?? []) {
    add({ key: `${fork.run}/fork`, kind: 'fork', run: fork.run, name: fork.name, attempt: 0, from: fork.step, to: fork.step, parent: latest });
  }
  return { lanes, end: Math.max(1, ...lanes.map((lane) => lane.to)) };
}

/** Steps at which an attempt's own history begins: where it was rewound or forked, and its ancestors were. */
export function ownSteps(run: LineageRun, attempt: number): number[] {
  const own = run.attempts.find((one) => one.attempt === attempt)?.parent_step ?? null;
  const pieces = attempt === run.attempt ? (run.lineage ?? []).slice(1).map((piece) => piece.from_step - 1) : [];
  return [...new Set([...pieces, ...(own === null ? [] : [own])])].sort((a, b) => a - b);
}
