import { describe, expect, it } from 'vitest';
import type { SweepParameter } from '../api/sweeps';
import type { Run } from '../api/types';
import { random as randoms } from '../lib/random.fixture';
import {
  begunOf,
  bestFirst,
  bestSoFar,
  canGoOn,
  EXAMPLE,
  lineOfComplaint,
  metricPath,
  parameterPath,
  placeOf,
  rangeOfLine,
  sharesOf,
  spaceText,
  sweepFilter,
  wholeOf,
} from './sweeps';

const run = (config: unknown, summary: unknown = {}) => ({ config, summary }) as unknown as Run;
const parameter = (one: Partial<SweepParameter>): SweepParameter => ({
  name: 'x',
  distribution: 'categorical',
  count: null,
  ...one,
});

describe('runs of a sweep', () => {
  it('come in one order, unknown states last, and none is left out', () => {
    expect(sharesOf({ failed: 1, running: 2, odd: 3, finished: 4, crashed: 0 })).toEqual([
      { state: 'finished', count: 4 },
      { state: 'running', count: 2 },
      { state: 'failed', count: 1 },
      { state: 'odd', count: 3 },
    ]);
    expect(begunOf({ runs: { finished: 4 }, trials: 9 })).toBe(9);
    expect(begunOf({ runs: { finished: 4, running: 1 }, trials: 0 })).toBe(5);
    expect(wholeOf({ runs: { finished: 4 }, trials: 5, expected: 9, remaining: 4 })).toBe(9);
    expect(wholeOf({ runs: { finished: 4 }, trials: 4, expected: 9, remaining: 0 })).toBe(9);
    expect(wholeOf({ runs: { finished: 4 }, trials: 0, expected: 9, remaining: 9 })).toBe(13);
    expect(wholeOf({ runs: {}, trials: 0, expected: null, remaining: null })).toBe(1);
  });

  it('go on where something may be left', () => {
    expect(canGoOn({ state: 'PAUSED', expected: 3, trials: 3 })).toBe(true);
    expect(canGoOn({ state: 'FINISHED', expected: 3, trials: 3 })).toBe(false);
    expect(canGoOn({ state: 'FINISHED', expected: null, trials: 3 })).toBe(true);
    expect(canGoOn({ state: 'CANCELED', expected: null, trials: 3 })).toBe(false);
    expect(canGoOn({ state: 'RUNNING', expected: null, trials: 3 })).toBe(false);
  });

  it('are found by a filter whatever the id', () => {
    expect(sweepFilter('h2k9x0aa')).toBe('sweep:h2k9x0aa');
    expect(sweepFilter('a "b"')).toBe('sweep:"a \\"b\\""');
  });
});

describe('where values stand', () => {
  it('is nested, or under one key with dots', () => {
    expect(parameterPath('opt.lr', [run({ opt: { lr: 1 } })])).toBe('config.opt.lr');
    expect(parameterPath('opt.lr', [run({ 'opt.lr': 1 })])).toBe('config.opt\\.lr');
    expect(parameterPath('lr', [])).toBe('config.lr');
  });

  it('is what the summary has of the metric, last before best', () => {
    const metric = { name: 'loss', goal: 'minimize' as const, target: null };
    expect(metricPath(metric, [run({}, { loss: 1 })])).toBe('summary.loss');
    expect(metricPath(metric, [run({}, { loss: { min: 1 } })])).toBe('summary.loss.min');
    expect(metricPath({ ...metric, goal: 'maximize' }, [run({}, { loss: { max: 1, best: 2 } })])).toBe(
      'summary.loss.best',
    );
    expect(metricPath({ ...metric, name: 'val.loss' }, [run({}, { 'val.loss': 1 })])).toBe('summary.val\\.loss');
    expect(metricPath(metric, [])).toBe('summary.loss');
    expect(metricPath(null, [])).toBeNull();
    expect(bestFirst('summary.acc', 'maximize')).toBe('-summary.acc');
  });
});

describe('the best so far', () => {
  it('is what looking back from each trial finds', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randoms(seed);
      const values = Array.from({ length: Math.floor(random() * 30) }, () => {
        const dice = random();
        return dice < 0.1 ? NaN : dice < 0.15 ? Infinity : dice < 0.2 ? -Infinity : Math.round(random() * 8);
      });
      for (const goal of ['minimize', 'maximize'] as const) {
        const { bests, curve } = bestSoFar(values, goal);
        values.forEach((_, at) => {
          const until = values.slice(0, at + 1).filter(Number.isFinite);
          const wanted = until.length === 0 ? NaN : goal === 'minimize' ? Math.min(...until) : Math.max(...until);
          expect(curve[at]).toBe(wanted);
          const isNew = !Object.is(curve[at], at === 0 ? NaN : curve[at - 1]);
          expect(bests.includes(at)).toBe(isNew);
        });
      }
    }
  });
});

describe('a parameter in a few characters', () => {
  const text = String;
  it('lists values, or names the ends', () => {
    expect(spaceText(parameter({ values: [1, 'a'] }), text)).toBe('1, a');
    expect(spaceText(parameter({ distribution: 'q_uniform', min: 0, max: 8, q: 2 }), text)).toBe('0 … 8, q 2');
    expect(spaceText(parameter({ distribution: 'log_uniform', min: 0, max: 1 }), text)).toBe(`1 … ${Math.E}`);
    expect(spaceText(parameter({ distribution: 'normal', mu: 0, sigma: 2 }), text)).toBe('μ 0, σ 2');
    expect(spaceText(parameter({ distribution: 'beta', a: 1, b: 3 }), text)).toBe('a 1, b 3');
  });
});

describe('where a config is wrong', () => {
  const lineAt = (text: string, range: readonly [number, number] | null) => range && text.slice(...range);
  it('is the line of the parameter, nested ones too', () => {
    expect(lineAt(EXAMPLE, placeOf(EXAMPLE, 'batch_size'))).toBe('  batch_size:');
    const nested = 'lr: 1\nparameters:\n  opt:\n    parameters:\n      lr: {min: 0}\n  "a.b": {value: 1}\n';
    expect(lineAt(nested, placeOf(nested, 'opt.lr'))).toBe('      lr: {min: 0}');
    expect(lineAt(nested, placeOf(nested, 'a.b'))).toBe('  "a.b": {value: 1}');
    expect(placeOf(nested, 'nothing')).toBeNull();
  });

  it('is the line that the parser names last', () => {
    expect(lineOfComplaint('while parsing, line 2, column 1 did not find, line 3, column 5')).toBe(3);
    expect(lineOfComplaint('`method` must be one of')).toBeNull();
    expect(lineAt('a\nbc\nd', rangeOfLine('a\nbc\nd', 2))).toBe('bc');
    expect(rangeOfLine('a', 2)).toBeNull();
  });
});
