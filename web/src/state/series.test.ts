import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SeriesRequest } from '../api/types';
import { ALL_RUNS, SeriesCache, type SeriesShape, type SeriesView } from './series';

interface Fake {
  metric: string;
  run: string;
  stamp: number;
}

const shape = (metric: string, extra: Partial<SeriesShape> = {}): SeriesShape => ({
  space: 'history',
  metric,
  x: '_step',
  range: null,
  buckets: 384,
  logX: false,
  ...extra,
});

/** A server that answers when told to. */
function server() {
  const asked: { request: SeriesRequest; signal: AbortSignal; answer: () => void; fail: (error: unknown) => void }[] =
    [];
  const versions = new Map<string, number>();
  const cache = new SeriesCache<Fake>({
    version: (run) => versions.get(run) ?? 0,
    isPassing: (error) => error === 'busy',
    fetch: (request, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
        const answer = () =>
          resolve(
            request.metrics.flatMap((metric) =>
              (request.groups ? ['[0.1]', '[0.2]'] : request.runs).map((run) => ({
                metric,
                run,
                stamp: versions.get(run) ?? 0,
              })),
            ),
          );
        asked.push({ request, signal, answer, fail: reject });
      }),
  });
  return { asked, versions, cache };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});
const settle = (ms = 20) => vi.advanceTimersByTimeAsync(ms);

function panel(cache: SeriesCache<Fake>) {
  const views: SeriesView<Fake>[] = [];
  const watch = cache.watch((view) => views.push(view));
  return { watch, views, last: () => views.at(-1) as SeriesView<Fake> };
}

describe('series for panels', () => {
  it('asks for many panels in one request, at most twelve metrics each', async () => {
    const { asked, cache } = server();
    const panels = Array.from({ length: 15 }, () => panel(cache));
    panels.forEach((one, i) => one.watch.ask(shape(`m${i}`), ['a', 'b']));
    await settle();
    expect(asked.map((one) => one.request.metrics.length)).toEqual([12, 3]);
    expect(asked[0]?.request).toMatchObject({ runs: ['a', 'b'], buckets: 384, x_min: null, log_x: false });
    asked.forEach((one) => one.answer());
    await settle();
    expect(panels[14]?.last()).toMatchObject({ loading: false, error: null });
    expect(panels[14]?.last().series.map((one) => one.run)).toEqual(['a', 'b']);
  });

  it('asks for what is computed by itself: one that cannot be read takes no other with it', async () => {
    const { asked, cache } = server();
    const panels = ['m', '= m +', 'n'].map((metric) => {
      const one = panel(cache);
      one.watch.ask(shape(metric), ['a']);
      return one;
    });
    await settle();
    expect(asked.map((one) => one.request.metrics)).toEqual([['m', 'n'], ['= m +']]);
    asked[0]?.answer();
    asked[1]?.fail('unreadable');
    await settle();
    expect(panels.map((one) => one.last().error)).toEqual([null, 'unreadable', null]);
  });

  it('asks for groups as groups, and again when any run has more', async () => {
    const { asked, versions, cache } = server();
    const one = panel(cache);
    one.watch.ask(shape('m', { groups: { by: ['config.lr'] }, smoothing: null }), [ALL_RUNS]);
    await settle();
    expect(asked[0]?.request).toMatchObject({ runs: [], groups: { by: ['config.lr'] }, smoothing: null });
    asked[0]?.answer();
    await settle();
    expect(one.last().series.map(({ run }) => run)).toEqual(['[0.1]', '[0.2]']);
    versions.set(ALL_RUNS, 1);
    cache.touch();
    await settle(1000);
    expect(asked).toHaveLength(2);
    expect(one.last().series).toHaveLength(2); // the old drawing stays meanwhile
  });

  it('asks for a run added later alone, and keeps what it has meanwhile', async () => {
    const { asked, cache } = server();
    const one = panel(cache);
    one.watch.ask(shape('m'), ['a']);
    await settle();
    asked[0]?.answer();
    await settle();
    one.watch.ask(shape('m'), ['a', 'b']);
    expect(one.last().series).toHaveLength(1);
    await settle();
    expect(asked[1]?.request.runs).toEqual(['b']);
    asked[1]?.answer();
    await settle();
    expect(one.last().series.map((s) => s.run)).toEqual(['a', 'b']);
    one.watch.ask(shape('m'), ['a']);
    await settle(2000);
    expect(asked).toHaveLength(2);
  });

  it('asks again for runs that logged more, and only those', async () => {
    const { asked, versions, cache } = server();
    const one = panel(cache);
    one.watch.ask(shape('m'), ['a', 'b']);
    await settle();
    asked[0]?.answer();
    await settle(1000);
    versions.set('b', 1);
    cache.touch();
    await settle();
    expect(asked[1]?.request.runs).toEqual(['b']);
    asked[1]?.answer();
    await settle();
    expect(one.last().series.find((s) => s.run === 'b')?.stamp).toBe(1);
  });

  it('does not lose a point logged while a request is under way', async () => {
    const { asked, versions, cache } = server();
    const one = panel(cache);
    one.watch.ask(shape('m'), ['a']);
    await settle();
    versions.set('a', 1);
    cache.touch();
    asked[0]?.answer();
    await settle(1000);
    expect(asked).toHaveLength(2);
  });

  it('refreshes a live panel at a bounded rate', async () => {
    const { asked, versions, cache } = server();
    const one = panel(cache);
    one.watch.ask(shape('m'), ['a']);
    for (let tick = 1; tick <= 40; tick++) {
      versions.set('a', tick);
      cache.touch();
      asked.at(-1)?.answer();
      await settle(50);
    }
    expect(asked.length).toBeLessThanOrEqual(5);
    expect(one.last().series).toHaveLength(1);
  });

  it('keeps the old drawing until a zoomed answer is there, and aborts what nobody waits for', async () => {
    const { asked, cache } = server();
    const one = panel(cache);
    one.watch.ask(shape('m'), ['a']);
    await settle();
    asked[0]?.answer();
    await settle();
    one.watch.ask(shape('m', { range: [1, 2] }), ['a']);
    expect(one.last()).toMatchObject({ loading: true, shape: { range: null } });
    await settle();
    one.watch.ask(shape('m', { range: [5, 6] }), ['a']);
    expect(asked[1]?.signal.aborted).toBe(true);
    await settle();
    asked[2]?.answer();
    await settle();
    expect(one.last()).toMatchObject({ loading: false, shape: { range: [5, 6] } });
    one.watch.ask(shape('m'), ['a']);
    expect(one.last()).toMatchObject({ loading: false, shape: { range: null } });
    await settle(2000);
    expect(asked).toHaveLength(3);
  });

  it('tells one panel of an error and goes on after a retry', async () => {
    const { asked, cache } = server();
    const [one, other] = [panel(cache), panel(cache)];
    one.watch.ask(shape('m'), ['a']);
    other.watch.ask(shape('n', { buckets: 24 }), ['a']);
    await settle();
    asked[0]?.fail(new Error('down'));
    asked[1]?.answer();
    await settle(2000);
    expect(one.last().error).toBeInstanceOf(Error);
    expect(other.last().error).toBeNull();
    expect(asked).toHaveLength(2);
    cache.retryFailed();
    await settle();
    asked[2]?.answer();
    await settle();
    expect(one.last()).toMatchObject({ loading: false, error: null });
  });

  it('asks for nothing while paused, nor for panels out of view', async () => {
    const { asked, versions, cache } = server();
    const one = panel(cache);
    cache.pause(true);
    one.watch.ask(shape('m'), ['a']);
    await settle(1000);
    expect(asked).toHaveLength(0);
    cache.pause(false);
    await settle();
    asked[0]?.answer();
    await settle(1000);
    one.watch.close();
    versions.set('a', 1);
    cache.touch();
    await settle(1000);
    expect(asked).toHaveLength(1);
  });

  it('asks again by itself after a failure that may pass, and only then', async () => {
    const { asked, cache } = server();
    const { watch, last } = panel(cache);
    watch.ask(shape('loss'), ['a']);
    await settle();
    asked[0]?.fail('busy');
    await settle(5100);
    expect(asked).toHaveLength(2);
    asked[1]?.fail('broken');
    await settle(20_000);
    expect(asked).toHaveLength(2);
    expect(last().error).toBe('broken');
  });
});
