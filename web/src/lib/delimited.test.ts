import { describe, expect, it } from 'vitest';
import { fieldNumber, markOf, parseDelimited } from './delimited';
import { random } from './random.fixture';

describe('parseDelimited', () => {
  it('reads quotes, empty fields and all line ends', () => {
    const read = parseDelimited('\ufeffa,b,c\r\n1,"x, ""y""\nz",\r\n,,3\n\n4\n');
    expect(read.columns).toEqual(['a', 'b', 'c']);
    expect(read.rows).toEqual([['1', 'x, "y"\nz', ''], ['', '', '3'], ['4']]);
  });

  it('finds the mark', () => {
    expect(markOf('a;b;c\n1,5;2;3\n')).toBe(';');
    expect(markOf('a\tb\n1\t2\n')).toBe('\t');
    expect(markOf('alone\n1\n')).toBe(',');
  });

  it('leaves out the last row of a text that is cut', () => {
    expect(parseDelimited('a,b\n1,2\n3,', { isCut: true }).rows).toEqual([['1', '2']]);
  });

  it('gives back what was written', () => {
    const next = random(11);
    const letters = ['a', '1', '"', ',', '\n', '\r', ' ', ';', 'é'];
    const word = () => Array.from({ length: 1 + Math.floor(next() * 5) }, () => letters[Math.floor(next() * letters.length)]).join('');
    const write = (field: string) => (/[",\n\r]/.test(field) || next() < 0.2 ? `"${field.replaceAll('"', '""')}"` : field);
    for (let round = 0; round < 500; round += 1) {
      const width = 2 + Math.floor(next() * 4);
      const rows = Array.from({ length: 1 + Math.floor(next() * 5) }, () => Array.from({ length: width }, word));
      const end = next() < 0.5 ? '\n' : '\r\n';
      const text = rows.map((row) => row.map(write).join(',')).join(end) + (next() < 0.5 ? end : '');
      const read = parseDelimited(text, { mark: ',' });
      expect([read.columns, ...read.rows]).toEqual(rows);
    }
  });

  it('knows numbers', () => {
    expect(['1', '-2.5e3', '.5', '', 'nan', '1,5', '0x1'].map(fieldNumber)).toEqual([1, -2500, 0.5, null, null, null, null]);
  });
});
