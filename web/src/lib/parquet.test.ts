import { describe, expect, it } from 'vitest';
import { parquetOf, type ParquetColumn } from './parquet';

/** A reader of what the writer promises, and no more: it finds columns by the footer alone. */
async function read(blob: Blob): Promise<{ names: string[]; rows: number; bytes: Uint8Array; footer: number[] }> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const mark = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  expect([mark(0), mark(bytes.length - 4)]).toEqual(['PAR1', 'PAR1']);
  const length = view.getUint32(bytes.length - 8, true);
  const footer = [...bytes.subarray(bytes.length - 8 - length, bytes.length - 8)];
  const text = new TextDecoder().decode(Uint8Array.from(footer));
  return { names: [...text.matchAll(/[a-z_]{3,}/g)].map(([name]) => name), rows: footer.length, bytes, footer };
}

const COLUMNS: ParquetColumn[] = [
  { name: 'run_id', kind: 'text', values: ['a', 'ラン', ''] },
  { name: 'points', kind: 'whole', values: Uint32Array.from([1, 70_000, 3]) },
  { name: 'value', kind: 'number', values: Float64Array.from([0.1, NaN, -Infinity]) },
];

/** The file of `COLUMNS`, as pyarrow 26 and hyparquet 1.31 read it back value for value. */
const KNOWN = [
  'UEFSMRUAFSYVJiwVBhUAFQYVBgAAAQAAAGEGAAAA44Op44OzAAAAABUAFRgVGCwVBhUAFQYVBgAAAQAAAHARAQADAAAAFQAVMBUw',
  'LBUGFQAVBhUGAACamZmZmZm5PwAAAAAAAPh/AAAAAAAA8P8VAhlMSAZzY2hlbWEVBgAVDCUAGAZydW5faWQlAAAVAiUAGAZwb2lu',
  'dHMAFQolABgFdmFsdWUAFgYZHBk8JggcFQwZJQAGGRgGcnVuX2lkFQAWBhZIFkgmCAAAJlAcFQIZJQAGGRgGcG9pbnRzFQAWBhY6',
  'FjomUAAAJooBHBUKGSUABhkYBXZhbHVlFQAWBhZSFlImigEAABbUARYGABkcGAtraXNla2kucm93cxgGcG9pbnRzABgGa2lzZWtp',
  'AL8AAABQQVIx',
].join('');

describe('parquet', () => {
  it('is byte for byte what other readers read', async () => {
    const { bytes } = await read(parquetOf(COLUMNS, { 'kiseki.rows': 'points' }));
    expect(btoa(String.fromCharCode(...bytes))).toBe(KNOWN);
  });

  it('has its marks, and names and notes in the footer', async () => {
    const { names } = await read(parquetOf(COLUMNS, { 'kiseki.rows': 'points' }));
    for (const name of ['schema', 'run_id', 'points', 'value', 'kiseki']) expect(names).toContain(name);
  });

  it('holds the values as they are', async () => {
    const { bytes } = await read(parquetOf(COLUMNS));
    const has = (part: Uint8Array): boolean => {
      for (let at = 0; at + part.length <= bytes.length; at += 1) {
        if (part.every((byte, i) => bytes[at + i] === byte)) return true;
      }
      return false;
    };
    expect(has(new Uint8Array(Float64Array.from([0.1, NaN, -Infinity]).buffer))).toBe(true);
    expect(has(new Uint8Array(Int32Array.from([1, 70_000, 3]).buffer))).toBe(true);
    expect(has(new TextEncoder().encode('ラン'))).toBe(true);
  });

  it('can be empty, and wide', async () => {
    await read(parquetOf(COLUMNS.map((column) => ({ ...column, values: column.values.slice(0, 0) }) as ParquetColumn)));
    const many = Array.from({ length: 40 }, (_, i): ParquetColumn => {
      return { name: `column_${'x'.repeat(i)}`, kind: 'number', values: new Float64Array(9000).fill(i) };
    });
    const { bytes } = await read(parquetOf(many));
    expect(bytes.length).toBeGreaterThan(40 * 9000 * 8);
  });
});
