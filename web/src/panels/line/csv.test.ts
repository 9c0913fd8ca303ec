import { expect, it } from 'vitest';
import { exactSeries } from '../../lib/fixtures';
import { csvOf } from './csv';

it('writes full precision, non-finite values, and quotes what needs it', () => {
  const data = exactSeries([0, 1], [0.1234567890123, NaN], 'r1');
  const text = csvOf([{ key: 'r1', subject: 'r1', label: 'a, "b"', data, colour: 0 }]);
  expect(text.split('\n')[0]).toBe('run_id,run_name,x,points,value,min,max,last');
  expect(text).toContain('r1,"a, ""b""",0,1,0.1234567');
  expect(text).toContain(',1,1,NaN,NaN,NaN,NaN');
});
