import { expect, it } from 'vitest';
import { accepted, keySuggestions, restOf, type Suggestion } from './completion';
import { parseFilter, typingAt } from './filter-language';
import { valueText } from './filters';

const fields = [
  { path: 'config.lr', kind: 'number', runs: 12 },
  { path: 'config.model.lr', kind: 'number', runs: 3 },
  { path: 'summary.val/lr curve', kind: 'string', runs: 40 },
];

it('offers keys that hold what was typed, quoted where they must be', () => {
  const texts = keySuggestions(fields, 'lr').map((one) => [one.text, one.runs]);
  expect(texts).toEqual([
    ['config.lr>', 12],
    ['"summary.val/lr curve":', 40],
    ['config.model.lr>', 3],
  ]);
  expect(keySuggestions(fields, 'sta').map((one) => one.text)).toEqual(['started>', 'state:']);
  expect(keySuggestions(fields, 'zzz')).toEqual([]);
});

it('asks for values under the other conditions', () => {
  const rest = (text: string) => restOf(text, typingAt(text));
  expect(rest('state:running lr:')).toBe('state:running');
  expect(rest('state:running "config.a b":x')).toBe('state:running');
  expect(rest('lr:0')).toBe('');
  expect(rest('(a or b) tags:')).toBe('(a or b)');
  expect(rest('((( tags:')).toBe('');
});

it('puts a value in place of what was typed', () => {
  const value = (text: string): Suggestion => ({ label: text, text: valueText(text), runs: 1, kind: '', isKey: false });
  expect(accepted('state:ru lr>1', 8, value('running'))).toEqual({ text: 'state:running lr>1', caret: 14 });
  const made = accepted('net:wi', 6, value('wide "2"')).text;
  expect(parseFilter(made)).toMatchObject({ key: 'net', value: 'wide "2"', quoted: true });
  const key: Suggestion = { label: 'lr', text: 'lr>', runs: 1, kind: 'number', isKey: true };
  expect(accepted('a l', 3, key)).toEqual({ text: 'a lr>', caret: 5 });
});
