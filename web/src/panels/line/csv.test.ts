import { describe, expect, it } from 'vitest';
import type { ChartLine } from '../../charts';
import { bucketedSeries, exactSeries } from '../../lib/fixtures';
import { csvOf } from './csv';
import { rowsOf } from './rows';

const line = (data: ChartLine['data'], more: Partial<ChartLine> = {}): ChartLine => ({
  key: 'r1',
  subject: 'r1',
  label: 'a, "b"',
  data,
  colour: 0,
  ...more,
});

describe('rows', () => {
  it('are points where every series is exact: full precision, non-finite values, quotes where needed', () => {
    const rows = rowsOf([line(exactSeries([0, 1], [0.1234567890123, NaN], 'r1'))], '_step');
    expect(rows.kind).toBe('points');
    expect(csvOf(rows)).toBe(
      'run_id,name,metric,_step,value\nr1,"a, ""b""",loss,0,0.1234567890123\nr1,"a, ""b""",loss,1,NaN\n',
    );
  });

  it('are buckets as soon as one series is coarse', () => {
    const rows = rowsOf(
      [line(exactSeries([0], [4], 'r1')), line(bucketedSeries([0, 1, 2, 3], [1, 3, 5, 9], 2), { subject: 'r2' })],
      '_step',
    );
    expect(rows.kind).toBe('buckets');
    const [head, ...lines] = csvOf(rows).trim().split('\n');
    expect(head).toBe('run_id,name,metric,_step,points,mean,min,max,last');
    expect(lines[0]).toContain(',0,1,4,4,4,4');
    expect(lines[2]).toContain('r2,');
    expect(lines[2]).toContain(',2,2,7,5,9,9');
  });

  it('of groups have the band and how many runs stand behind each', () => {
    const group = { low: null, high: null, contributors: Uint32Array.from([2, 1]), runs: 2, size: 2 };
    const data = { ...exactSeries([0, 1], [1, 2]), group };
    const band = { low: Float64Array.from([0, 1]), high: Float64Array.from([2, 3]) };
    const rows = rowsOf([line(data, { band, subject: '[0.1]', label: 'lr 0.1' })], '_step');
    expect(csvOf(rows)).toBe(
      'group,name,metric,_step,value,low,high,runs\n[0.1],lr 0.1,loss,0,1,0,2,2\n[0.1],lr 0.1,loss,1,2,1,3,1\n',
    );
  });
});
