// Which step a time belongs to, and back: found in the history by halving, so that long runs cost a few small answers. Pure
// but for the reading.

export interface Moment {
  readonly step: number;
  readonly timeUs: number;
}

/** The first row at or behind a step; null where there is none. */
export type ReadMoment = (step: number) => Promise<Moment | null>;

/** The last row logged until a time; null where none was. `lastStep` is the largest step of the run. */
export async function momentAt(timeUs: number, lastStep: number, read: ReadMoment): Promise<Moment | null> {
  let best: Moment | null = null;
  for (let [low, high] = [0, lastStep]; low <= high;) {
    const middle = Math.floor((low + high) / 2);
    const found = await read(middle);
    if (found !== null && found.timeUs <= timeUs) {
      best = found;
      low = found.step + 1;
    } else high = middle - 1;
  }
  return best;
}
