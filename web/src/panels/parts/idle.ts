// Long work in short slices, so that the page goes on answering.

const SLICE_MS = 8;

/** Does the work to its end; the way to stop it comes back. `report` hears how far it is after each slice. */
export function inSlices<T>(
  work: Generator<number, T>,
  report: (done: number) => void,
  finish: (result: T) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const slice = (): void => {
    const end = performance.now() + SLICE_MS;
    for (;;) {
      const step = work.next();
      if (step.done) return finish(step.value);
      if (performance.now() < end) continue;
      report(step.value);
      // A new task: what the person did meanwhile comes first.
      timer = setTimeout(slice, 4);
      return;
    }
  };
  timer = setTimeout(slice, 0);
  return () => clearTimeout(timer);
}
