import { expect, it } from 'vitest';
import type { Run } from '../../api/types';
import { importances } from '../../lib/forest';
import { seeded } from '../../lib/random';
import { questionOf } from './features';

it('runs become features: missing values have a place, names are left out, and the cause is found', () => {
  const random = seeded(2);
  const runs = Array.from({ length: 80 }, (_, at) => {
    const [lr, noise] = [random(), random()];
    const optimizer = ['adam', 'sgd', 'lion'][Math.floor(random() * 3)] as string;
    const loss = at % 10 === 9 ? 'NaN' : 3 * lr + (optimizer === 'sgd' ? 2 : 0);
    const config = {
      lr: at % 13 === 0 ? null : lr,
      noise,
      optimizer,
      note: `try ${at}`,
      fast: random() < 0.5,
      same: 1,
    };
    return { id: `r${at}`, config, summary: { loss } } as unknown as Run;
  });
  const question = questionOf(runs, 'summary.loss', null);
  expect(question.target).toHaveLength(72);
  expect(question.skipped).toEqual(['config.note']);
  expect(question.features.map((one) => [one.name, one.columns.length])).toEqual([
    ['config.lr', 1],
    ['config.noise', 1],
    ['config.optimizer', 3],
    ['config.fast', 2],
  ]);
  for (const { columns } of question.features) {
    for (const column of columns) expect([...column].every((value) => Number.isFinite(value))).toBe(true);
  }
  expect(question.features[0]!.correlation!).toBeGreaterThan(0.4);
  expect(question.features[2]!.correlation).toBeNull();
  const work = importances(question.features, question.target);
  let step = work.next();
  while (!step.done) step = work.next();
  const [lr, noise, optimizer, fast] = step.value.importance;
  expect(Math.min(lr!, optimizer!)).toBeGreaterThan(4 * Math.max(noise!, fast!));
  expect(questionOf(runs, 'summary.loss', ['config.lr', 'summary.loss']).features).toHaveLength(1);
});
