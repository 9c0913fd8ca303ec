import { expect, it } from 'vitest';
import { csvOfRows, savesOf } from './saving';

it('writes rows as CSV: quotes where needed, nothing for no value', async () => {
  const data = {
    columns: ['run', 'a "b", c'],
    rows: [
      ['x\ny', 1e-7],
      [null, 3],
    ],
  };
  expect(csvOfRows(data)).toBe('run,"a ""b"", c"\n"x\ny",1e-7\n,3\n');
  expect(await savesOf({}, data).csv?.()).toBe(csvOfRows(data));
  expect(await savesOf({ csv: () => Promise.resolve('own') }, data).csv?.()).toBe('own');
  expect(savesOf({}, null).table).toBeUndefined();
});
