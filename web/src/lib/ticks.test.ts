import { describe, expect, it } from 'vitest';
import {
  durationTicks,
  fitTicks,
  linearTicks,
  logTicks,
  niceStep,
  symlogTicks,
  timeTicks,
} from './ticks';
import type { Tick } from './ticks';

const labels = (ticks: Tick[]): string[] => ticks.map((tick) => tick.label);

describe('linear ticks', () => {
  it('step 1, 2 or 5', () => {
    expect([0.7, 1, 1.1, 2.4, 5.1, 300].map(niceStep)).toEqual([1, 1, 2, 5, 10, 500]);
  });

  it('use an SI suffix from 10 000 on', () => {
    expect(labels(linearTicks(0, 20_000, 4))).toEqual(['0', '5k', '10k', '15k', '20k']);
    expect(labels(linearTicks(0, 8000, 4))).toEqual(['0', '2000', '4000', '6000', '8000']);
    expect(labels(linearTicks(0, 2e6, 4))).toEqual(['0', '0.5M', '1.0M', '1.5M', '2.0M']);
  });

  it('share their decimals and have no noise of binary fractions', () => {
    expect(labels(linearTicks(0, 0.45, 5))).toEqual(['0', '0.1', '0.2', '0.3', '0.4']);
    expect(linearTicks(0, 0.45, 5)[3]!.value).toBe(0.3);
    expect(labels(linearTicks(-1, 1, 2))).toEqual(['\u22121', '0', '1']);
    expect(labels(linearTicks(1e-5, 4.2e-5, 4))).toEqual([
      '1e\u22125',
      '2e\u22125',
      '3e\u22125',
      '4e\u22125',
    ]);
  });

  it('keep a wide offset in full', () => {
    expect(labels(linearTicks(1_000_000.1, 1_000_000.5, 2))).toEqual(['1000000.2', '1000000.4']);
  });

  it('are whole on a step axis', () => {
    expect(labels(linearTicks(0, 3, 12, true))).toEqual(['0', '1', '2', '3']);
  });

  it('are all different', () => {
    for (const [min, max] of [
      [0.99991, 0.99999],
      [1e-9, 3e-9],
      [123_456, 123_460],
      [0, 1e12],
      [5e-4, 6e-4],
    ] as const) {
      for (const count of [3, 5, 8]) {
        const found = labels(linearTicks(min, max, count));
        expect(new Set(found).size).toBe(found.length);
        expect(found.length).toBeGreaterThan(0);
      }
    }
  });
});

describe('log ticks', () => {
  it('are powers of ten, with 2 and 5 where there is room', () => {
    expect(labels(logTicks(1e-4, 1e2, 8))).toEqual([
      '1e\u22124',
      '0.001',
      '0.01',
      '0.1',
      '1',
      '10',
      '100',
    ]);
    expect(labels(logTicks(1, 100, 8))).toEqual(['1', '2', '5', '10', '20', '50', '100']);
    expect(labels(logTicks(1, 1e6, 4))).toEqual(['1', '100', '10k', '1M']);
  });

  it('are linear where the range is less than that', () => {
    expect(labels(logTicks(2.1, 2.9, 4))).toEqual(['2.2', '2.4', '2.6', '2.8']);
  });
});

describe('time ticks', () => {
  it('durations step by minutes, hours and days', () => {
    expect(labels(durationTicks(0, 240, 5))).toEqual(['0', '1m', '2m', '3m', '4m']);
    expect(labels(durationTicks(0, 7200, 4))).toEqual(['0', '30m', '1h', '1h 30m', '2h']);
    expect(labels(durationTicks(0, 4 * 86_400, 4))).toEqual(['0', '1d', '2d', '3d', '4d']);
  });

  it('the wall clock names the day at midnight', () => {
    const start = new Date(2026, 10, 21, 18, 0).getTime() / 1000;
    expect(labels(timeTicks(start, start + 12 * 3600, 4))).toEqual([
      '18:00',
      '21:00',
      '22 Nov',
      '03:00',
      '06:00',
    ]);
  });

  it('every range has a few', () => {
    const now = 1_790_000_000;
    for (let span = 0.01; span < 3e8; span *= 3.3) {
      for (const make of [timeTicks, durationTicks]) {
        const found = make(now, now + span, 6);
        expect(found.length).toBeGreaterThan(0);
        expect(found.length).toBeLessThan(20);
      }
    }
  });
});

describe('fitTicks', () => {
  it('never lets labels touch', () => {
    for (let room = 60; room < 900; room += 37) {
      for (const max of [7, 1234, 99_999, 1e8]) {
        const ticks = fitTicks(
          (count) => linearTicks(0, max, count),
          (value) => (value / max) * room,
          (label) => label.length * 7,
          room,
          16,
          56,
        );
        for (let i = 1; i < ticks.length; i += 1) {
          const [a, b] = [ticks[i - 1]!, ticks[i]!];
          const apart = ((b.value - a.value) / max) * room;
          const taken = ((a.label.length + b.label.length) * 7) / 2;
          expect(apart - taken).toBeGreaterThanOrEqual(ticks.length > 2 ? 16 : -Infinity);
        }
      }
    }
  });
});

describe('symlogTicks', () => {
  it('has 0 in the middle of decades on both sides', () => {
    const labels = symlogTicks(1, -2000, 2000, 9).map(({ label }) => label);
    expect(labels).toEqual(['\u22121000', '\u2212100', '\u221210', '0', '10', '100', '1000']);
  });

  it('is linear within the bend and logarithmic on one side of it', () => {
    expect(symlogTicks(1, -4, 4, 5).map(({ value }) => value)).toEqual([-4, -2, 0, 2, 4]);
    expect(symlogTicks(1, 10, 1000, 4).map(({ value }) => value)).toEqual([10, 100, 1000]);
    expect(symlogTicks(1, -1000, -10, 4).map(({ value }) => value)).toEqual([-1000, -100, -10]);
  });

  it('gives ascending ticks within any range, few of them', () => {
    let state = 5;
    const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
    for (let i = 0; i < 500; i += 1) {
      const bend = 10 ** Math.floor(8 * random() - 4);
      const [a, b] = [0, 0].map(() => (random() - 0.5) * 10 ** (12 * random() - 4));
      const [min, max] = [Math.min(a!, b!), Math.max(a!, b!)];
      const count = 2 + Math.floor(8 * random());
      const values = symlogTicks(bend, min, max, count).map(({ value }) => value);
      expect(values.every((value) => value >= min - 1e-9 * Math.abs(min) && value <= max * (1 + 1e-9) + 1e-12)).toBe(true);
      expect(values.every((value, k) => k === 0 || value > values[k - 1]!)).toBe(true);
      expect(values.length).toBeLessThan(4 * count + 8);
    }
  });
});
