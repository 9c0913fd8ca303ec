import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../api/client';
import type { Run, RunPatch } from '../api/types';
import { RunEdits } from './run-edits.svelte';
import type { ProjectSession } from './project.svelte';
import { toasts } from './toasts.svelte';

const run = (id: string, name: string) => ({ id, name, tags: [] as string[] }) as unknown as Run;

/** A server that answers when told to, and a list that remembers what it was told to show. */
function scene() {
  const shown = new Map<string, string>();
  const asked: { id: string; patch: RunPatch; resolve: (run: Run) => void; reject: (error: unknown) => void }[] = [];
  const runs = {
    overlay(edits: ReadonlyMap<string, RunPatch>, restored: readonly Run[] = []) {
      for (const one of restored) shown.set(one.id, one.name);
      for (const [id, patch] of edits) if (patch.name !== undefined) shown.set(id, patch.name);
    },
  };
  const session = { entity: 'ada', project: 'digits', runs, groups: { list: null } } as unknown as ProjectSession;
  const edits = new RunEdits(session, (_entity, _project, id, patch) => {
    return new Promise((resolve, reject) => asked.push({ id, patch, resolve, reject }));
  });
  return { shown, asked, edits };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  toasts.list = [];
});

it('shows an edit at once and keeps what the server made of it', async () => {
  const { shown, asked, edits } = scene();
  const done = edits.edit(run('a', 'old'), { name: ' new ' });
  expect(shown.get('a')).toBe(' new ');
  await vi.advanceTimersByTimeAsync(0);
  asked[0]?.resolve(run('a', 'new'));
  expect(await done).toBe(true);
  expect(shown.get('a')).toBe('new');
});

it('takes back what the server refuses, and says why', async () => {
  const { shown, asked, edits } = scene();
  const done = edits.edit(run('a', 'old'), { name: 'x'.repeat(600) });
  await vi.advanceTimersByTimeAsync(0);
  asked[0]?.reject(new ApiError(400, 'name', "a run's name has 1 to 512 characters"));
  expect(await done).toBe(false);
  expect(shown.get('a')).toBe('old');
  expect(toasts.list[0]?.text).toContain('512 characters');
});

it('sends edits of one run in order, and shows what is still to come over what came', async () => {
  const { shown, asked, edits } = scene();
  const first = edits.edit(run('a', 'old'), { name: 'one' });
  const second = edits.edit(run('a', 'one'), { name: 'two' });
  const other = edits.edit(run('b', 'old'), { name: 'new' });
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.map((one) => one.patch.name)).toEqual(['one', 'new']);
  asked[0]?.resolve(run('a', 'one'));
  await vi.advanceTimersByTimeAsync(0);
  expect(shown.get('a')).toBe('two');
  asked[1]?.resolve(run('b', 'new'));
  asked[2]?.resolve(run('a', 'two'));
  expect(await Promise.all([first, second, other])).toEqual([true, true, true]);
  expect(shown.get('a')).toBe('two');
});
