import { describe, expect, it } from 'vitest';
import { formatDuration, formatSpan, formatValue, formatX } from './numbers';

describe('formatValue', () => {
  it.each([
    [0, '0'],
    [0.03217, '0.03217'],
    [0.5, '0.5'],
    [1234.5678, '1235'],
    [12_408, '12\u2009408'],
    [-3.14159, '\u22123.142'],
    [1.2341e-7, '1.234e\u22127'],
    [3e-4, '0.0003'],
    [2.5e20, '2.5e20'],
    [NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-Infinity, '\u2212Inf'],
  ])('%d is %s', (value, text) => {
    expect(formatValue(value)).toBe(text);
  });
});

describe('durations and x', () => {
  it.each([
    [0, '0s'],
    [0.0123, '12.3ms'],
    [42.25, '42.3s'],
    [125, '2m 05s'],
    [3900, '1h 05m'],
    [90_000, '1d 1h'],
    [59.99, '1m'],
  ])('%d s is %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it('an x reads as its kind', () => {
    expect(formatX('step', 48_120)).toBe('48\u2009120');
    expect(formatX('duration', 90)).toBe('1m 30s');
    expect(formatX('time', new Date(2026, 10, 22, 14, 3, 7).getTime() / 1000)).toBe(
      '22 Nov 2026 14:03:07',
    );
    expect(formatSpan('step', 1240)).toBe('1240 steps');
    expect(formatSpan('duration', 200)).toBe('3m 20s');
  });
});
