// Runs that were picked from the list or the table, in the order they were picked.
import type { Run } from '../api/types';

export class Selection {
  ids: ReadonlySet<string> = $state.raw(new Set());
  /** Where a range picked with Shift begins. */
  private anchor: number | null = null;

  get size(): number {
    return this.ids.size;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  /**
   * Picks a run or puts it back.
   *
   * @param index its place in the list
   * @param range the runs from the one picked last up to this one; null for this one alone
   */
  toggle(run: Run, index: number, range: ((from: number, to: number) => readonly Run[]) | null = null): void {
    const next = new Set(this.ids);
    const wanted = !next.has(run.id);
    const others =
      range && this.anchor !== null ? range(Math.min(this.anchor, index), Math.max(this.anchor, index)) : [];
    for (const one of [...others, run]) {
      if (wanted) next.add(one.id);
      else next.delete(one.id);
    }
    this.ids = next;
    this.anchor = index;
  }

  clear(): void {
    this.ids = new Set();
    this.anchor = null;
  }
}
