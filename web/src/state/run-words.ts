// How a run stands, in words: its state's reason as the header says it. Pure.
import type { RunDetail } from '../api/types';
import { runStrings } from '../strings-run';
import { ago, count } from '../ui/format';

/** A running run that was not heard of for so long has lost contact. */
const LOST_AFTER_MS = 60_000;
/** What the server says of a run that it heard nothing of any more. */
const SILENCE = 'no sign of life';

export interface RunReason {
  /** In brackets behind the state; empty for none. */
  readonly parts: readonly string[];
  /** Something is wrong or about to change: said beside the state. */
  readonly warning: string;
}

type Reasoned = Pick<
  RunDetail,
  'state' | 'cause' | 'exit_code' | 'heartbeat_us' | 'next_step' | 'finished_us' | 'stopped_us'
>;

export function reasonOf(run: Reasoned, nowMs: number): RunReason {
  const words = runStrings.state;
  const lost = () => {
    const said = words.lost(ago(run.heartbeat_us, nowMs));
    return run.next_step > 0 ? [said, words.lastStep(count(run.next_step - 1))] : [said];
  };
  if (run.state === 'running') {
    const isSilent = run.heartbeat_us !== null && nowMs - run.heartbeat_us / 1000 > LOST_AFTER_MS;
    if (isSilent) return { parts: [], warning: lost().join(', ') };
    return { parts: [], warning: run.stopped_us === null ? '' : words.stopping(ago(run.stopped_us, nowMs)) };
  }
  const parts: string[] = [];
  if (run.stopped_us !== null && run.state !== 'finished') parts.push(words.stopped);
  if (run.cause === SILENCE) parts.push(...lost());
  // The signal's name says enough.
  else if (run.cause !== '') parts.push(run.cause.replace(/ \(signal \d+\)$/, ''));
  if (run.exit_code !== null && run.exit_code !== 0) parts.push(runStrings.run.exit(run.exit_code));
  return { parts, warning: '' };
}
