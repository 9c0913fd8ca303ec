import { describe, expect, it } from 'vitest';
import { bucketedSeries, exactSeries } from '../lib/fixtures';
import { factsOf, lostText, summaryText, tableOf } from './summary';

const x = Float64Array.from({ length: 1000 }, (_, i) => i);
const falling = {
  key: 'a',
  label: 'run a',
  data: bucketedSeries(
    x,
    x.map((i) => 3 - i / 500),
    100,
  ),
};
const level = { key: 'b', label: 'run b', data: exactSeries([0, 1, 2, 3, 4], [1, 2, 1, 2, 1]) };
const broken = { key: 'c', label: 'run c', data: exactSeries([0, 1, 2, 3], [1, 2, NaN, Infinity]) };

describe('a chart in words (ui-spec 10)', () => {
  it('names range, last values and trend', () => {
    expect(summaryText('train/loss', [falling, level], 'step')).toBe(
      'train/loss: 2 lines, values from 1 to 3. run a: 1.002 at step 999, falling. run b: 1 at step 4, level.',
    );
    expect(summaryText('val/acc', [], 'step')).toBe('val/acc: no data.');
  });

  it('says what is lost and since when', () => {
    const facts = factsOf(broken);
    expect(facts).toMatchObject({ last: 2, min: 1, max: 2, nan: 1, pinf: 1, lostFromX: 2 });
    expect(lostText(facts, 'step')).toBe('NaN \u00d71, +Inf \u00d71 from step 2');
    expect(lostText(factsOf(level), 'step')).toBe('');
    const at = bucketedSeries(
      x,
      x.map((i) => (i === 505 ? NaN : 1)),
      100,
    );
    expect(lostText(factsOf({ key: 'd', label: 'run d', data: at }), 'step')).toMatch(/^NaN ×1 from about step 50\d$/);
  });

  it('counts the lines it does not name', () => {
    const many = Array.from({ length: 9 }, (_, i) => ({ ...level, key: String(i) }));
    expect(summaryText('x', many, 'step')).toContain('And 4 more.');
  });
});

describe('a chart as a table', () => {
  it('has the x places of the longest line and says what it leaves out', () => {
    const table = tableOf('step', 'step', [falling, level], 20);
    expect(table.columns).toEqual(['step', 'run a', 'run b']);
    expect(table.rows).toHaveLength(20);
    expect(table.omitted).toBe(80);
    expect(table.rows[0]).toEqual(['0', '2.991', '1']);
    expect(table.rows[19]![2]).toBe('');
  });
});
