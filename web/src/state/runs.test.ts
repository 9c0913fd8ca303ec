import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../api/client';
import type { Run, RunPage } from '../api/types';
import { RunList } from './runs.svelte';

/** A server whose list changes, and which answers when told to with the list as it was when asked. */
function server() {
  const state = { names: ['a'], waiting: [] as (() => void)[], failure: null as unknown, asked: 0 };
  const list = new RunList('ada', 'digits', () => {
    state.asked += 1;
    const runs = state.names.map((id) => ({ id }) as Run);
    const page: RunPage = { runs, total: runs.length, matching: runs.length };
    const { failure } = state;
    return new Promise((resolve, reject) => {
      state.waiting.push(() => (failure === null ? resolve(page) : reject(failure)));
    });
  });
  async function answer(): Promise<void> {
    for (const one of state.waiting.splice(0)) one();
    await vi.advanceTimersByTimeAsync(0);
  }
  const shown = () => list.first(10).map((run) => run.id);
  return { state, list, answer, shown };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const pass = (ms = 1000) => vi.advanceTimersByTimeAsync(ms);

it('shows a run that was added while the first answer was on its way', async () => {
  const { state, list, answer, shown } = server();
  list.query('', '');
  state.names = ['b', 'a'];
  list.changed(['b'], []);
  await answer();
  expect(shown()).toEqual(['a']);
  await pass();
  await answer();
  expect(shown()).toEqual(['b', 'a']);
});

it('does not take back a question that is asked again before its answer came', async () => {
  const { state, list, answer, shown } = server();
  list.query('lr>1', '', ['metric.min.loss']);
  list.query('lr>1', '', ['metric.min.loss']);
  expect(state.asked).toBe(1);
  list.query('lr>2', '', ['metric.min.loss']);
  list.query('lr>1', '', ['metric.min.loss']);
  expect(state.asked).toBe(3);
  await answer();
  expect(shown()).toEqual(['a']);
});

it('looks for a run that it was never told to be new', async () => {
  const { state, list, answer, shown } = server();
  list.query('', '');
  await answer();
  state.names = ['b', 'a'];
  list.changed(['b'], []);
  await pass();
  await answer();
  expect(shown()).toEqual(['b', 'a']);
});

it('drops a run that was deleted elsewhere', async () => {
  const { state, list, answer, shown } = server();
  list.query('', '');
  await answer();
  state.names = [];
  list.changed([], [], ['a']);
  await pass();
  await answer();
  expect(shown()).toEqual([]);
});

it('keeps rows in place for a view that is scrolled, and takes new ones in when it lets go', async () => {
  const { state, list, answer, shown } = server();
  list.query('', '');
  await answer();
  list.hold(true);
  state.names = ['b', 'a'];
  list.changed(['b', 'a'], ['b']);
  await pass();
  await answer();
  expect(shown()).toEqual(['a']);
  expect(list.waiting).toBe(1);
  list.hold(false);
  await pass();
  await answer();
  expect(shown()).toEqual(['b', 'a']);
  expect(list.waiting).toBe(0);
});

it('asks again by itself after a failure, but not for a filter that was refused', async () => {
  const { state, list, answer, shown } = server();
  state.failure = new ApiError(503, 'busy', 'Busy.');
  list.query('', '');
  await answer();
  state.failure = new ApiError(400, 'filter', 'Not understood.');
  await pass(5000);
  expect(state.asked).toBe(2);
  state.failure = null;
  await answer();
  list.changed(['a'], []);
  await pass(20_000);
  expect(state.asked).toBe(2);
  list.query('lr>1', '');
  await answer();
  expect(shown()).toEqual(['a']);
  expect(list.error).toBeNull();
});
