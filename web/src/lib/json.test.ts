import { describe, expect, test } from 'vitest';
import { parseJson } from './json';

const has = 'rawJSON' in JSON;

describe('integers beyond 2⁵³', () => {
  test.runIf(has)('are read exactly, and written as they were', () => {
    for (const text of [
      '{"seed":1152921504606846979}',
      '[9007199254740993,-9007199254740993]',
      '{"a":{"b":[1,123456789012345678901234567890]}}',
    ]) {
      expect(JSON.stringify(parseJson(text))).toBe(text);
    }
  });

  test.runIf(has)('are not looked for in texts and fractions', () => {
    expect(parseJson('{"a":", 12345678901234567890,","b":1e300,"c":1.00000000000000000001,"d":12345678901234567}')).toEqual({
      a: ', 12345678901234567890,',
      b: 1e300,
      c: 1,
      d: 12345678901234567n,
    });
  });

  test('what is exact anyway stays a number', () => {
    expect(parseJson('{"us":1795980223796097,"n":9007199254740991,"m":-5}')).toEqual({
      us: 1795980223796097,
      n: 9007199254740991,
      m: -5,
    });
  });
});
