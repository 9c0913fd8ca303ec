import { expect, it } from 'vitest';
import { History } from './undo';

it('undoes to what was and redoes to what is, for any way of doing', () => {
  let state = 1;
  const next = (below: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
  for (let round = 0; round < 200; round++) {
    let history = new History(0);
    /** The plain model: all values and a place among them. */
    let values = [0];
    let at = 0;
    for (let move = 0; move < 40; move++) {
      const kind = next(4);
      if (kind === 0) {
        history = history.undone();
        at = Math.max(0, at - 1);
      } else if (kind === 1) {
        history = history.redone();
        at = Math.min(values.length - 1, at + 1);
      } else {
        history = history.did(move, null, move);
        values = [...values.slice(0, at + 1), move];
        at += 1;
      }
      expect(history.now).toBe(values[at]);
      expect(history.canUndo).toBe(at > 0);
      expect(history.canRedo).toBe(at < values.length - 1);
    }
  }
});

it('takes quick edits of one name as one step', () => {
  let history = new History('a').did('b', 'type', 0).did('c', 'type', 500).did('d', 'type', 1400);
  expect(history.undone().now).toBe('a');
  history = history.did('e', 'type', 5000).did('f', 'other', 5001);
  expect(history.undone().now).toBe('e');
  expect(history.undone().undone().now).toBe('d');
});

it('keeps the last hundred steps', () => {
  let history = new History(0);
  for (let i = 1; i <= 150; i++) history = history.did(i, null, i);
  while (history.canUndo) history = history.undone();
  expect(history.now).toBe(50);
});
