import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from './client';
import { Edits } from './edits.svelte';

const away = new ApiError(0, 'unreachable', 'away');
const refused = new ApiError(403, 'role', 'no');

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('sends at once while the server answers, and passes refusals on', async () => {
  const edits = new Edits();
  await expect(edits.send(async () => 1)).resolves.toBe(1);
  await expect(edits.send(() => Promise.reject(refused))).rejects.toBe(refused);
  expect(edits.count).toBe(0);
});

it('keeps the order of what was done while it was away, and drops what is refused then', async () => {
  const edits = new Edits();
  let isUp = false;
  const arrived: string[] = [];
  const edit = (name: string, answer?: ApiError) =>
    edits.send(async () => {
      if (!isUp) throw away;
      if (answer) throw answer;
      arrived.push(name);
      return name;
    });
  const all = Promise.allSettled([edit('a'), edit('b', refused), edit('c')]);
  await vi.advanceTimersByTimeAsync(0);
  expect(edits.count).toBe(3);
  await vi.advanceTimersByTimeAsync(6000); // tried, still away
  expect([edits.count, arrived]).toEqual([3, []]);
  isUp = true;
  await edits.flush();
  expect((await all).map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(arrived).toEqual(['a', 'c']);
  expect(edits.count).toBe(0);
});

it('tries again by itself', async () => {
  const edits = new Edits();
  let tries = 0;
  const done = edits.send(async () => {
    tries += 1;
    if (tries < 4) throw away;
    return tries;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  await expect(done).resolves.toBe(4);
});
