import { expect, it } from 'vitest';
import { random } from '../lib/random.fixture';
import { findIn, parseAnsi, plain, redrawn, settled } from './ansi';

const bare = { classes: '', color: null, background: null };

it('leaves plain text alone', () => {
  expect(parseAnsi('hello')).toEqual([{ text: 'hello', ...bare }]);
  expect(parseAnsi('')).toEqual([]);
});

it('turns colours and weights into pieces', () => {
  expect(parseAnsi('a\u001b[1;31mb\u001b[0mc')).toEqual([
    { text: 'a', ...bare },
    { text: 'b', ...bare, classes: 'bold fg1' },
    { text: 'c', ...bare },
  ]);
  expect(parseAnsi('\u001b[38;2;1;2;3mx')[0]?.color).toBe('rgb(1 2 3)');
  expect(parseAnsi('\u001b[38;5;196mx')[0]?.color).toBe('rgb(255 0 0)');
  expect(parseAnsi('\u001b[38;5;9mx')[0]?.classes).toBe('fg9');
  expect(parseAnsi('\u001b[48;5;196mx')[0]).toEqual({
    text: 'x',
    classes: 'own',
    color: null,
    background: 'rgb(255 0 0)',
  });
  expect(parseAnsi('\u001b[92;44mx\u001b[39my').map((piece) => piece.classes)).toEqual(['fg10 bg4 own', 'bg4 own']);
  expect(parseAnsi('\u001b[7;9mx\u001b[27;29my').map((piece) => piece.classes)).toEqual(['inverse struck own', '']);
});

it('shows what a terminal would: rewritten lines settled, other sequences gone', () => {
  expect(settled('10%\r50%\r100%')).toBe('100%');
  expect(settled('done\r')).toBe('done');
  expect(redrawn('10%\r\r50%\r100%\r')).toEqual(['10%', '50%']);
  expect(plain('\u001b]0;title\u0007\u001b[2K\u001b[?25lok\u001b[31m!')).toBe('ok!');
});

it('folds any sequence of returns to what was written last', () => {
  const next = random(5);
  for (let round = 0; round < 500; round += 1) {
    const parts = Array.from({ length: 1 + Math.floor(next() * 6) }, () => 'ab%'.repeat(Math.floor(next() * 3)));
    const text = parts.join('\r') + '\r'.repeat(Math.floor(next() * 3));
    const kept = [...parts];
    while (kept.length > 1 && kept.at(-1) === '') kept.pop();
    expect(settled(text)).toBe(kept.at(-1));
    expect(redrawn(text)).toEqual(kept.slice(0, -1).filter(Boolean));
  }
});

it('finds text across colours, and loses none', () => {
  const pieces = parseAnsi('los\u001b[31ms is NaN\u001b[0m, Loss');
  const found = findIn(pieces, 'LOSS');
  expect(found.map((piece) => [piece.text, piece.isHit])).toEqual([
    ['los', true],
    ['s', true],
    [' is NaN', false],
    [', ', false],
    ['Loss', true],
  ]);
  expect(findIn(pieces, '')).toEqual(pieces);
  const next = random(9);
  for (let round = 0; round < 500; round += 1) {
    const text = Array.from({ length: 12 }, () => ['a', 'b', '\u001b[31m', '\u001b[0m'][Math.floor(next() * 4)]).join(
      '',
    );
    const wanted = ['a', 'ab', 'aa', 'bab'][Math.floor(next() * 4)]!;
    const marked = findIn(parseAnsi(text), wanted);
    expect(marked.map((piece) => piece.text).join('')).toBe(plain(text));
    const hits = marked
      .map((piece) => (piece.isHit ? piece.text : '|'))
      .join('')
      .split('|')
      .join('');
    expect(hits.length).toBe((plain(text).split(wanted).length - 1) * wanted.length);
  }
});
