import { describe, expect, it } from 'vitest';
import { DrawQueue, type Drawable } from './draw-queue';

/** A clock that stands still but for what is drawn, and frames that come when they are called. */
class Frames {
  time = 0;
  private next = 1;
  private readonly asked = new Map<number, () => void>();

  readonly clock = {
    now: () => this.time,
    request: (callback: () => void) => {
      this.asked.set(this.next, callback);
      return this.next++;
    },
    cancel: (handle: number) => void this.asked.delete(handle),
  };

  get pending(): number {
    return this.asked.size;
  }

  run(): void {
    const due = [...this.asked.values()];
    this.asked.clear();
    for (const callback of due) callback();
  }
}

function made(): { frames: Frames; queue: DrawQueue; drawn: string[]; chart: (name: string, ms: number) => Chart } {
  const frames = new Frames();
  const drawn: string[] = [];
  const chart = (name: string, ms: number): Chart => ({
    isInGesture: false,
    draw: () => {
      drawn.push(name);
      frames.time += ms;
    },
  });
  return { frames, queue: new DrawQueue(frames.clock), drawn, chart };
}

type Chart = Drawable & { isInGesture: boolean };

describe('the queue of charts to draw', () => {
  it('draws what fits into a frame, in order, and the others in the next ones', () => {
    const { frames, queue, drawn, chart } = made();
    for (const name of ['a', 'b', 'c', 'd', 'e']) queue.add(chart(name, 2));
    frames.run();
    expect(drawn).toEqual(['a', 'b']);
    frames.run();
    expect(drawn).toEqual(['a', 'b', 'c', 'd']);
    frames.run();
    expect(drawn).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(frames.pending).toBe(0);
  });

  it('draws one chart a frame however long it takes, and each once', () => {
    const { frames, queue, drawn, chart } = made();
    const [slow, other] = [chart('slow', 90), chart('other', 90)];
    queue.add(slow);
    queue.add(other);
    queue.add(slow);
    frames.run();
    expect(drawn).toEqual(['slow']);
    frames.run();
    expect(drawn).toEqual(['slow', 'other']);
    expect(frames.pending).toBe(0);
  });

  it('draws the chart under the hand in every frame, and lets none starve', () => {
    const { frames, queue, drawn, chart } = made();
    const moved = { ...chart('moved', 1), isInGesture: true };
    for (const name of ['a', 'b', 'c']) queue.add(chart(name, 5));
    for (let frame = 0; frame < 4; frame += 1) {
      queue.add(moved);
      frames.run();
    }
    expect(drawn).toEqual(['moved', 'a', 'moved', 'b', 'moved', 'c', 'moved']);
  });

  it('forgets a chart that is gone, and asks for no frame then', () => {
    const { frames, queue, drawn, chart } = made();
    const gone = chart('gone', 1);
    queue.add(gone);
    queue.remove(gone);
    expect(frames.pending).toBe(0);
    frames.run();
    expect(drawn).toEqual([]);
  });

  it('goes on after a chart that failed', () => {
    const { frames, queue, drawn, chart } = made();
    const broken: Drawable = {
      isInGesture: false,
      draw: () => {
        throw new Error('no context');
      },
    };
    queue.add(broken);
    queue.add(chart('next', 1));
    expect(() => frames.run()).toThrow('no context');
    frames.run();
    expect(drawn).toEqual(['next']);
  });
});
