import { expect, test, vi } from 'vitest';
import type { ConsoleQuery } from '../api/endpoints';

const LINES = Array.from({ length: 100 }, (_, index) => ({ index, text: index % 7 === 3 ? 'hit' : 'miss' }));

vi.mock('../api/endpoints', () => ({
  getConsole: async (_entity: string, _project: string, _run: string, query: ConsoleQuery) => {
    // Later answers may come earlier.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    const all = LINES.filter((line) => !query.search || line.text === query.search);
    const after = all.filter((line) => line.index > (query.after ?? -1) && line.index < (query.before ?? 1000));
    const lines = query.tail !== undefined ? after.slice(-query.tail) : after.slice(0, query.limit);
    return { total: all.length, lines };
  },
}));

const { Console, NO_FILTER } = await import('./console.svelte');

test('steps that are asked for at once each go one match further, either way and round the ends', async () => {
  const hits = LINES.filter((line) => line.text === 'hit').map((line) => line.index);
  const log = new Console('ada', 'digits', 'r');
  log.filter({ ...NO_FILTER, search: 'hit' });
  const on = await Promise.all(Array.from({ length: hits.length + 2 }, () => log.step(1)));
  expect(on.map((match) => match?.index)).toEqual([...hits, hits[0], hits[1]]);
  expect(on.map((match) => match?.place)).toEqual([...hits.map((_, at) => at + 1), 1, 2]);
  const back = await Promise.all(Array.from({ length: 4 }, () => log.step(-1)));
  expect(back.map((match) => match?.place)).toEqual([1, hits.length, hits.length - 1, hits.length - 2]);
  log.close();
});
