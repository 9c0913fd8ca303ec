// Doing and undoing over documents that never change in place: what was, what is, what was undone. Pure; a history is
// never changed either, each step makes a new one.

const STEPS_MAX = 100;
/** Edits of one name within this time are one step. */
const TOGETHER_MS = 1000;

export class History<T> {
  constructor(
    readonly now: T,
    private readonly past: readonly T[] = [],
    private readonly future: readonly T[] = [],
    private readonly name: string | null = null,
    private readonly at = -Infinity,
  ) {}

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  did(next: T, name: string | null, at: number): History<T> {
    const joins = name !== null && name === this.name && at - this.at < TOGETHER_MS;
    const past = joins ? this.past : [...this.past, this.now].slice(-STEPS_MAX);
    return new History(next, past, [], name, at);
  }

  undone(): History<T> {
    if (!this.canUndo) return this;
    return new History(this.past.at(-1) as T, this.past.slice(0, -1), [this.now, ...this.future]);
  }

  redone(): History<T> {
    if (!this.canRedo) return this;
    return new History(this.future[0] as T, [...this.past, this.now], this.future.slice(1));
  }
}
