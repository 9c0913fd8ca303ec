import { expect, it } from 'vitest';
import { exactSeries } from '../lib/fixtures';
import { fitY } from './fitting';

function rangeOf(values: number[], limit: { min: number; max: number } | null) {
  const data = exactSeries(
    values.map((_, i) => i),
    values,
  );
  const request = {
    visible: null,
    xScale: 'linear',
    yScale: 'linear',
    smoothing: { kind: 'none' },
    rawLine: true,
    span: values.length,
    outlierPercent: 0,
    min: null,
    max: null,
    limit,
  } as const;
  return fitY([{ data, band: null }], request).range;
}

it('shows no place where a percentage cannot be, unless one is there', () => {
  const percent = { min: 0, max: 100 };
  const full = rangeOf([100, 100, 100], percent);
  expect(full.min).toBe(90);
  expect(full.max).toBeGreaterThan(100);
  expect(full.max).toBeLessThan(100.5);
  expect(rangeOf([0, 50], percent).min).toBeGreaterThan(-1);
  expect(rangeOf([100, 180], percent)).toEqual(rangeOf([100, 180], null));
  expect(rangeOf([40, 60], percent)).toEqual(rangeOf([40, 60], null));
});
