import { describe, expect, it } from 'vitest';
import type { Run } from '../../api/types';
import { seeded } from '../../lib/random';
import { axisTicks, brushed, brushOf, movedAxis, parallelAxes, parallelOptions, shareAt } from './axes';

const random = seeded(4);
const runs = Array.from(
  { length: 60 },
  (_, at) =>
    ({
      id: `r${at}`,
      config: { lr: at % 9 === 0 ? undefined : 10 ** (-4 * random()), opt: ['adam', 'sgd', 'lion'][at % 3], seed: 1 },
      summary: { loss: random() },
    }) as unknown as Run,
);

describe('parallel axes', () => {
  it('are what runs differ in, then what they are judged by', () => {
    expect(parallelOptions({}, runs, [])).toEqual({
      axes: ['config.lr', 'config.opt', 'summary.loss'],
      colour: 'summary.loss',
    });
    expect(parallelOptions({ axes: ['config.seed'], colour: '' }, runs, [])).toEqual({
      axes: ['config.seed'],
      colour: '',
    });
  });

  it('a brushed stretch keeps exactly the runs that stand on it, flipped and logarithmic too', () => {
    for (const options of [{}, { flip: ['config.lr', 'config.opt'] }, { log: ['config.lr'] }]) {
      for (const path of ['config.lr', 'config.opt', 'summary.loss']) {
        const [axis] = parallelAxes(runs, [path], options);
        for (let turn = 0; turn < 40; turn += 1) {
          const [a, b] = [random(), random()];
          const shares = runs.map((_, at) => shareAt(axis!, at));
          for (const share of shares) if (!Number.isNaN(share)) expect(share >= 0 && share <= 1).toBe(true);
          const plain = shares.flatMap((share, at) => (share >= Math.min(a, b) && share <= Math.max(a, b) ? [at] : []));
          const brush = brushOf(axis!, a, b);
          const [again] = parallelAxes(runs, [path], { ...options, brush: { [path]: brush } });
          expect(brushed([again!], runs.length)).toEqual(plain);
        }
      }
    }
  });

  it('have whole ticks for whole numbers, and listed powers of ten evenly apart', () => {
    const listed = [0.1, 0.01, 0.001].flatMap((lr) =>
      [2, 3, 4].map((layers) => ({ config: { lr, layers }, summary: {} }) as unknown as Run),
    );
    const [lr, layers] = parallelAxes(listed, ['config.lr', 'config.layers'], {});
    expect(axisTicks(layers!, 400).map((tick) => tick.label)).toEqual(['2', '3', '4']);
    expect(lr!.log).toBe(true);
    const shares = [0, 3, 6].map((at) => shareAt(lr!, at));
    expect(shares[0]! - shares[1]!).toBeCloseTo(shares[1]! - shares[2]!);
    expect(layers!.log).toBe(false);
  });

  it('move, within their row', () => {
    expect(movedAxis(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
    expect(movedAxis(['a', 'b', 'c'], 2, -4)).toEqual(['c', 'a', 'b']);
  });

  it('pass over a brush that does not fit', () => {
    expect(parallelAxes(runs, ['config.lr'], { brush: { 'config.lr': 'x' } })[0]!.brush).toBeNull();
    expect(parallelAxes(runs, ['config.lr'], { brush: { 'config.lr': [1] } })[0]!.brush).toBeNull();
  });

  it('leave out what few runs have, and stand on a logarithmic scale where values span decades', () => {
    const mixed = runs.map((run, at) => ({
      ...run,
      config: { ...run.config, rare: at < 9 ? at : undefined, rate: 10 ** -(at % 6) },
    })) as unknown as Run[];
    const { axes } = parallelOptions({}, mixed, []);
    expect(axes).toContain('config.rate');
    expect(axes).not.toContain('config.rare');
    const logs = (options: object) =>
      parallelAxes(mixed, ['config.rate', 'summary.loss', 'config.opt'], options as never).map(({ log }) => log);
    expect(logs({})).toEqual([true, false, false]);
    expect(logs({ log: [] })).toEqual([false, false, false]);
    expect(logs({ log: ['summary.loss'] })).toEqual([false, true, false]);
  });
});
