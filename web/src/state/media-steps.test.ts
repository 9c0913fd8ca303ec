import { describe, expect, it } from 'vitest';
import { seeded } from '../lib/random';
import { itemsOf } from './media';
import { allSteps, classesOf, evenly, nearestStep, shownAt } from './media-steps';

const random = seeded(1);
const some = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 60) - 10);

describe('steps', () => {
  it('of several runs are one line, without doubles', () => {
    expect(allSteps([{ steps: [{ step: 4 }, { step: 2 }] }, { steps: [{ step: 4 }, { step: 9 }] }])).toEqual([2, 4, 9]);
    expect(allSteps([])).toEqual([]);
  });

  it('nearest is what a look at all finds', () => {
    for (let turn = 0; turn < 300; turn += 1) {
      const steps = [...new Set(some(1 + (turn % 9)))].sort((a, b) => a - b);
      const wanted = some(1)[0]!;
      const plain = steps.reduce(
        (best, step, at) => (Math.abs(step - wanted) < Math.abs(steps[best]! - wanted) ? at : best),
        0,
      );
      expect(nearestStep(steps, wanted)).toBe(plain);
    }
    expect([nearestStep([], 3), nearestStep([], null), nearestStep([5, 7], null)]).toEqual([-1, -1, 1]);
  });

  it('show the last at or before, or just that one', () => {
    const steps = [{ step: 2 }, { step: 5 }];
    expect([shownAt(steps, 4, 'before'), shownAt(steps, 4, 'exact'), shownAt(steps, 5, 'exact')]).toEqual([
      { step: 2 },
      null,
      { step: 5 },
    ]);
    expect([shownAt(steps, 1, 'before'), shownAt(steps, null, 'exact'), shownAt([], null, 'before')]).toEqual([
      null,
      { step: 5 },
      null,
    ]);
  });

  it('are picked evenly with both ends', () => {
    for (let size = 0; size < 40; size += 1) {
      for (let count = 1; count < 12; count += 1) {
        const found = evenly(size, count);
        expect(found).toHaveLength(Math.min(size, count));
        expect(new Set(found).size).toBe(found.length);
        if (size > 0) expect(found.at(-1)).toBe(size - 1);
        if (size > 0 && count > 1) expect(found[0]).toBe(0);
      }
    }
  });
});

it('classes are those of the masks, without the first', () => {
  const items = itemsOf({
    _type: 'image-file',
    path: 'a.png',
    masks: { truth: { path: 'm.png', class_labels: { '0': 'none', '1': 'cat' } } },
  });
  expect(classesOf(items)).toEqual({ '1': 'cat' });
});
