import { expect, it } from 'vitest';
import { parseAnsi, plain, settled } from './ansi';

it('leaves plain text alone', () => {
  expect(parseAnsi('hello')).toEqual([{ text: 'hello', classes: '', color: null }]);
  expect(parseAnsi('')).toEqual([]);
});

it('turns colours and weights into pieces', () => {
  expect(parseAnsi('a\u001b[1;31mb\u001b[0mc')).toEqual([
    { text: 'a', classes: '', color: null },
    { text: 'b', classes: 'bold fg1', color: null },
    { text: 'c', classes: '', color: null },
  ]);
  expect(parseAnsi('\u001b[38;2;1;2;3mx')[0]?.color).toBe('rgb(1 2 3)');
  expect(parseAnsi('\u001b[38;5;196mx')[0]?.color).toBe('rgb(255 0 0)');
  expect(parseAnsi('\u001b[38;5;9mx')[0]?.classes).toBe('fg9');
  expect(parseAnsi('\u001b[92;44mx\u001b[39my').map((piece) => piece.classes)).toEqual(['fg10 bg4', 'bg4']);
});

it('shows what a terminal would: rewritten lines settled, other sequences gone', () => {
  expect(settled('10%\r50%\r100%')).toBe('100%');
  expect(settled('done\r')).toBe('done');
  expect(plain('\u001b]0;title\u0007\u001b[2Kok\u001b[31m!')).toBe('ok!');
});
