import { expect, it } from 'vitest';
import type { Json, Run } from '../api/types';
import { whichOf } from './bulk';
import { codeOf, csvOf, jsonOf, type ExportColumn } from './export-runs';
import { parseFilter } from './filter-language';

const column = (path: string): ExportColumn => ({
  path,
  value: (run) => (run as unknown as Record<string, Json>)[path],
});
const run = (values: Record<string, Json>) => values as unknown as Run;

it('writes CSV that reads back as it was', () => {
  const columns = ['name', 'a,b', 'lr'].map(column);
  const text = csvOf(
    [
      run({ name: 'say "hi"\nthere', 'a,b': [1, { x: 2 }], lr: 0.1 + 0.2 }),
      run({ name: '=HYPERLINK("x")', 'a,b': null, lr: -1e-7 }),
      run({ name: '-Infinity', lr: 'NaN' }),
    ],
    columns,
  );
  expect(text).toBe(
    'name,"a,b",lr\r\n"say ""hi""\nthere","[1,{""x"":2}]",0.30000000000000004\r\n' +
      '"\'=HYPERLINK(""x"")",,-1e-7\r\n-Infinity,,NaN\r\n',
  );
  expect(JSON.parse(jsonOf([run({ name: 'a', lr: 1 })], columns))).toEqual([{ name: 'a', 'a,b': null, lr: 1 }]);
});

it('says which runs, by ids or by what all of them match', () => {
  expect(whichOf({ ids: ['a'] })).toEqual({ runs: ['a'] });
  expect(whichOf({ filter: '', except: [] })).toEqual({ filter: '' });
  const which = whichOf({ filter: 'a or b', except: ['x"y', 'z'] }) as { filter: string };
  expect(which.filter).toBe('(a or b) not id:"x\\"y" not id:"z"');
  expect(parseFilter(which.filter)).toMatchObject({ and: [{ or: [{ word: 'a' }, { word: 'b' }] }, {}, {}] });
});

it('writes code for the API', () => {
  const target = { filter: 'lr>1 name:"ü"', except: [] };
  const code = codeOf('polars', 'http://h', 'ada/digits', target, '', [
    'state',
    'created',
    'config.o.lr',
    'summary.a/b',
  ]);
  expect(code).toContain('runs = api.runs("ada/digits", filters="lr>1 name:\\"\\u00fc\\"", order="-created")');
  expect(code).toContain('["state", "started_us"]');
  expect(code).toContain('in ["o.lr"]');
  expect(code).toContain('in ["a/b"]');
  expect(codeOf('pandas', 'http://h', 'a/b', target, '', [])).toContain('df = pd.DataFrame(rows)');
});
