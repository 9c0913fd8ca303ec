/** The crosshair and the lit subject, shared by the charts, the sidebar and the table. */

export interface HoverState {
  /** Which x axes take part in the crosshair; empty when only a subject is lit. */
  readonly xKey: string;
  /** Null when only a subject is lit. */
  readonly x: number | null;
  readonly subject: string | null;
  /** Who said so: a chart does not listen to itself. */
  readonly source: unknown;
}

export type HoverListener = (state: HoverState | null) => void;

export class HoverBus {
  private readonly listeners = new Set<HoverListener>();
  private state: HoverState | null = null;

  get current(): HoverState | null {
    return this.state;
  }

  /** Tell everybody; null when nothing is hovered any more. */
  publish(state: HoverState | null): void {
    if (same(this.state, state)) return;
    this.state = state;
    for (const listener of this.listeners) listener(state);
  }

  /** Light a subject without a crosshair (a row of the table or sidebar); null puts it out. */
  light(subject: string | null, source: unknown): void {
    this.publish(subject === null ? null : { xKey: '', x: null, subject, source });
  }

  /** @returns the way to stop listening. */
  subscribe(listener: HoverListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

function same(a: HoverState | null, b: HoverState | null): boolean {
  if (a === null || b === null) return a === b;
  return a.x === b.x && a.subject === b.subject && a.xKey === b.xKey && a.source === b.source;
}
