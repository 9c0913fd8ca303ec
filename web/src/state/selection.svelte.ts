// Runs that were picked from the list or the table: by hand, in the order they were picked, or all that match a filter.
import type { Run } from '../api/types';

/** What an action is done to. */
export type Target = { ids: readonly string[] } | { filter: string; except: readonly string[] };

export class Selection {
  ids: ReadonlySet<string> = $state.raw(new Set());
  /** All runs that match a filter, but those taken out again by hand. */
  private all = $state.raw<{ filter: string; count: number; except: ReadonlySet<string> } | null>(null);
  /** Where a range picked with Shift begins. */
  private anchor: number | null = null;

  get size(): number {
    return this.all ? this.all.count - this.all.except.size : this.ids.size;
  }

  get isAll(): boolean {
    return this.all !== null;
  }

  get target(): Target {
    return this.all ? { filter: this.all.filter, except: [...this.all.except] } : { ids: [...this.ids] };
  }

  has(id: string): boolean {
    return this.all ? !this.all.except.has(id) : this.ids.has(id);
  }

  /**
   * Picks a run or puts it back.
   *
   * @param index its line in the list
   * @param range the runs from the one picked last up to this one; null for this one alone
   */
  toggle(run: Run, index: number, range: ((from: number, to: number) => readonly Run[]) | null = null): void {
    const wanted = !this.has(run.id);
    const others =
      range && this.anchor !== null ? range(Math.min(this.anchor, index), Math.max(this.anchor, index)) : [];
    this.set([...others, run], wanted);
    this.anchor = index;
  }

  set(runs: readonly { id: string }[], wanted: boolean): void {
    // Of all that match, what is kept is which ones are out.
    const next = new Set(this.all ? this.all.except : this.ids);
    for (const { id } of runs) {
      if (wanted === (this.all === null)) next.add(id);
      else next.delete(id);
    }
    if (this.all) this.all = { ...this.all, except: next };
    else this.ids = next;
  }

  /** Picks all of them; if they are already, puts them back. */
  toggleAll(ids: readonly string[]): void {
    this.set(
      ids.map((id) => ({ id })),
      !ids.every((id) => this.has(id)),
    );
    this.anchor = null;
  }

  selectAll(filter: string, count: number): void {
    this.all = { filter, count, except: new Set() };
    this.ids = new Set();
  }

  clear(): void {
    this.all = null;
    this.ids = new Set();
    this.anchor = null;
  }
}
