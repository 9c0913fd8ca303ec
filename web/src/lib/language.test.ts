import { expect, it } from 'vitest';
import { pickLanguage } from './language';

it('the choice wins, then the first wish that can be met, then English', () => {
  expect(pickLanguage('ja', ['en-US'])).toBe('ja');
  expect(pickLanguage('en', ['ja'])).toBe('en');
  expect(pickLanguage('system', ['fr', 'ja-JP', 'en'])).toBe('ja');
  expect(pickLanguage('system', ['fr', 'EN-gb', 'ja'])).toBe('en');
  expect(pickLanguage('system', ['fr'])).toBe('en');
  expect(pickLanguage('system', [])).toBe('en');
});
