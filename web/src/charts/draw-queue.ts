/**
 * Which charts are drawn in the next animation frame: as many as fit, the one under somebody's hand first.
 *
 * A change that all charts of a page show (runs hidden, a zoom in step, new points) would be one task as long as all of
 * them together, and the page deaf meanwhile. So it takes a few frames, and between them keys and pointers are answered.
 */

/** Script of one frame. What it draws is painted after it, which without a GPU takes several times as long. */
const FRAME_MS = 4;

export interface Drawable {
  /** Follows a hand: the others wait. */
  readonly isInGesture: boolean;
  draw(): void;
}

export interface Clock {
  now(): number;
  /** Calls back before the next frame is painted. */
  request(callback: () => void): number;
  cancel(handle: number): void;
}

const browser: Clock = {
  now: () => performance.now(),
  request: (callback) => requestAnimationFrame(callback),
  cancel: (handle) => cancelAnimationFrame(handle),
};

export class DrawQueue {
  /** In the order in which they asked. */
  private readonly waiting = new Set<Drawable>();
  private frame = 0;

  constructor(private readonly clock: Clock = browser) {}

  /** Draw it in the next frame that has room for it, once however often it asks. */
  add(chart: Drawable): void {
    this.waiting.add(chart);
    this.plan();
  }

  remove(chart: Drawable): void {
    this.waiting.delete(chart);
    if (this.waiting.size > 0) return;
    this.clock.cancel(this.frame);
    this.frame = 0;
  }

  private plan(): void {
    if (this.frame === 0) this.frame = this.clock.request(() => this.draw());
  }

  private draw(): void {
    this.frame = 0;
    const end = this.clock.now() + FRAME_MS;
    try {
      for (const chart of [...this.waiting].sort((a, b) => Number(b.isInGesture) - Number(a.isInGesture))) {
        this.waiting.delete(chart);
        chart.draw();
        if (this.clock.now() >= end) break;
      }
    } finally {
      // Also when one of them fails: the others are drawn all the same.
      if (this.waiting.size > 0) this.plan();
    }
  }
}

/** All charts of the page share its frames. */
export const drawQueue = new DrawQueue();
