import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ProjectSession } from './project.svelte';

// There is no address bar here, and no page whose layout is kept.
vi.mock('./router.svelte', () => ({ router: { note: null, query: new URLSearchParams(), hash: '' } }));
vi.mock('./view-keeper.svelte', () => ({
  ViewKeeper: class {
    heard() {}
    close() {}
  },
}));

/** The server's stream of changes, as the page sees it. */
class Stream extends EventTarget {
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: Stream[] = [];
  readyState = Stream.OPEN;
  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }
  close() {
    this.readyState = Stream.CLOSED;
  }
  tell(type: string, data: unknown = {}) {
    if (this.readyState === Stream.OPEN) this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

const page = Object.assign(new EventTarget(), { hidden: false, baseURI: 'http://localhost/' });
let exists = true;
let busy = false;
let metrics: { path: string }[] = [];
const streams = () => Stream.all.filter((one) => one.readyState === Stream.OPEN);

function answer(url: string): Response {
  if (busy) return Response.json({ detail: 'Busy.' }, { status: 503 });
  if (!exists) return Response.json({ detail: 'No such project.' }, { status: 404 });
  if (url.includes('/views')) return Response.json({ views: [] });
  return Response.json(url.includes('/metrics') ? { metrics } : { total: 0, matching: 0, runs: [] });
}

beforeEach(() => {
  vi.useFakeTimers();
  Stream.all = [];
  page.hidden = false;
  [exists, busy, metrics] = [true, false, []];
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('document', page);
  vi.stubGlobal('fetch', async (url: string) => answer(url));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
const pass = (ms = 2000) => vi.advanceTimersByTimeAsync(ms);

function show(visible: boolean) {
  page.hidden = !visible;
  page.dispatchEvent(new Event('visibilitychange'));
}

async function opened(): Promise<ProjectSession> {
  const session = new ProjectSession('ada', 'digits');
  Stream.all[0]?.tell('hello');
  await pass();
  return session;
}

const told = (...parts: string[]) => ({ runs: { a: { parts } }, added: [], removed: [] });

it('asks for the metrics once more when they are saved, which is after their rows are told of', async () => {
  const session = await opened();
  streams()[0]?.tell('change', told('history'));
  await pass();
  metrics = [{ path: 'loss' }];
  streams()[0]?.tell('change', told('summary'));
  await pass();
  expect(session.metrics.map((one) => one.path)).toEqual(['loss']);
  session.close();
});

it('catches up with what was told just before the tab was hidden', async () => {
  const session = await opened();
  metrics = [{ path: 'loss' }];
  for (const _ of [1, 2]) streams()[0]?.tell('change', told('history'));
  show(false);
  await pass();
  show(true);
  await pass();
  expect(session.metrics.map((one) => one.path)).toEqual(['loss']);
  session.close();
});

it('asks again for all that it shows when any run may have changed', async () => {
  const session = await opened();
  const asked = vi.spyOn(globalThis, 'fetch');
  const heard = vi.fn();
  session.onRun('a', heard);
  const { moves } = session;
  streams()[0]?.tell('change', { runs: {}, added: [], removed: ['b'] });
  await pass();
  expect([...session.gone]).toEqual(['b']);
  asked.mockClear();
  streams()[0]?.tell('change', { runs: {}, added: [], removed: [], every: ['state', 'summary'] });
  await pass();
  expect(heard.mock.calls).toEqual([[['state', 'summary']]]);
  expect([session.moves - moves, session.gone.size]).toEqual([2, 0]);
  const paths = asked.mock.calls.map(([url]) => new URL(String(url), page.baseURI).pathname.split('/').at(-1));
  expect(new Set(paths)).toEqual(new Set(['runs', 'metrics']));
  session.close();
});

it('gives the connection of a hidden tab back, and looks at everything when it is shown again', async () => {
  const session = await opened();
  show(false);
  await pass(60_000);
  expect(streams()).toHaveLength(0);
  metrics = [{ path: 'loss' }];
  show(true);
  streams()[0]?.tell('hello');
  await pass();
  expect(session.metrics.map((one) => one.path)).toEqual(['loss']);
  session.close();
});

it('opens a project when its first run arrives', async () => {
  exists = false;
  const session = await opened();
  expect(session.isAbsent).toBe(true);
  expect(streams().map((one) => one.url)).toEqual(['/api/v1/events']);
  streams()[0]?.tell('change', { projects: ['ada/other'] });
  await pass();
  expect(session.isAbsent).toBe(true);
  exists = true;
  streams()[0]?.tell('change', { projects: ['ada/digits'] });
  await pass();
  expect(session.isAbsent).toBe(false);
  expect(streams().map((one) => one.url)).toEqual(['/api/v1/events?project=ada%2Fdigits']);
  session.close();
});

it('shows a project whose server was busy at first', async () => {
  busy = true;
  const session = await opened();
  expect(session.metricsLoaded).toBe(false);
  busy = false;
  metrics = [{ path: 'loss' }];
  await pass(6000);
  expect(session.metrics.map((one) => one.path)).toEqual(['loss']);
  expect(session.metricsError).toBeNull();
  session.close();
});
