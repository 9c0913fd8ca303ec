import { describe, expect, it } from 'vitest';
import { count } from '../ui/format';
import { reasonOf } from './run-words';

const now = 1_800_000_000_000;
const run = {
  state: 'finished',
  cause: '',
  exit_code: null as number | null,
  heartbeat_us: (now - 12 * 60_000) * 1000,
  next_step: 48_121,
  finished_us: null,
  stopped_us: null as number | null,
};

describe('reasonOf', () => {
  it('says how a run ended', () => {
    expect(reasonOf({ ...run, exit_code: 0 }, now)).toEqual({ parts: [], warning: '' });
    expect(reasonOf({ ...run, state: 'failed', exit_code: 1 }, now).parts).toEqual(['exit 1']);
    expect(reasonOf({ ...run, state: 'killed', cause: 'killed by SIGTERM (signal 15)' }, now).parts).toEqual([
      'killed by SIGTERM',
    ]);
    expect(reasonOf({ ...run, state: 'failed', exit_code: 255, stopped_us: 5 }, now).parts).toEqual([
      'stopped from web',
      'exit 255',
    ]);
    expect(reasonOf({ ...run, state: 'crashed', cause: 'no sign of life' }, now).parts).toEqual([
      'lost contact 12 min ago',
      'last step ' + count(48_120),
    ]);
  });

  it('warns of what is running and silent, or about to stop', () => {
    expect(reasonOf({ ...run, state: 'running' }, now).warning).toBe(
      'lost contact 12 min ago, last step ' + count(48_120),
    );
    const alive = { ...run, state: 'running', heartbeat_us: now * 1000 };
    expect(reasonOf(alive, now).warning).toBe('');
    expect(reasonOf({ ...alive, stopped_us: (now - 20_000) * 1000 }, now).warning).toBe('asked to stop 20 s ago');
  });
});
