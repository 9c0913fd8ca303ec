import { expect, it } from 'vitest';
import { keyName } from './keys';

const press = (key: string, extra: Partial<KeyboardEvent> = {}) =>
  keyName({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...extra });

it('names keys the way bindings do', () => {
  expect(press('j')).toBe('j');
  expect(press('J', { ctrlKey: true })).toBe('ctrl+j');
  expect(press('j', { metaKey: true })).toBe('ctrl+j');
  expect(press('µ', { altKey: true })).toBe('alt+µ');
  expect(press('H', { shiftKey: true })).toBe('shift+h');
  expect(press('?', { shiftKey: true })).toBe('?');
  expect(press(' ')).toBe('space');
  expect(press('ArrowLeft', { shiftKey: true })).toBe('shift+arrowleft');
});
