import { describe, expect, it } from 'vitest';
import { decode, finiteCount, lastX, nearestBucket, SeriesFormatError } from './series';

type Column = Float32Array | Float64Array | Uint32Array;

/** A KSR1 answer built by hand, as docs/api/native.md lays it out. */
function encode(
  x: string,
  series: { fields: object; columns: Record<string, Column> }[],
): ArrayBuffer {
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let size = 0;
  const described = series.map(({ fields, columns }) => {
    const places: Record<string, [string, number, number]> = {};
    for (const [name, column] of Object.entries(columns)) {
      const dtype =
        column instanceof Float64Array ? 'f8' : column instanceof Float32Array ? 'f4' : 'u4';
      places[name] = [dtype, size, column.length];
      parts.push({
        at: size,
        bytes: new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
      });
      size += Math.ceil(column.byteLength / 8) * 8;
    }
    return { metric: 'loss', run: 'r1', n: columns.x!.length, ...fields, columns: places };
  });
  let header = JSON.stringify({ x, series: described });
  while ((8 + new TextEncoder().encode(header).length) % 8 !== 0) header += ' ';
  const text = new TextEncoder().encode(header);
  const buffer = new ArrayBuffer(8 + text.length + size);
  const bytes = new Uint8Array(buffer);
  bytes.set(new TextEncoder().encode('KSR1'));
  new DataView(buffer).setUint32(4, text.length, true);
  bytes.set(text, 8);
  for (const part of parts) bytes.set(part.bytes, 8 + text.length + part.at);
  return buffer;
}

const EXACT = {
  fields: { exact: true, total: 3, nan: 1, level: 'points' },
  columns: { x: Float64Array.of(0, 5, 9), first: Float32Array.of(1.5, NaN, 0.25) },
};

const BUCKETS = {
  fields: { run: 'r2', exact: false, total: 9, nan: 2, pinf: 0, ninf: 0, level: 'l1' },
  columns: {
    x: Float64Array.of(0, 8),
    first: Float64Array.of(3, 1),
    count: Uint32Array.of(4, 5),
    min: Float64Array.of(1, 0.5),
    max: Float64Array.of(3, 2),
    last: Float64Array.of(2, 0.75),
    mean: Float64Array.of(2, 1),
    dx_min: Float32Array.of(2, 3),
    dx_max: Float32Array.of(0, 1),
    dx_last: Float32Array.of(3, 7),
    nan: Uint32Array.of(0, 2),
  },
};

describe('decode', () => {
  it('gives views on the buffer, not copies', () => {
    const buffer = encode('_step', [EXACT, BUCKETS]);
    const { x, series } = decode(buffer);
    expect(x).toBe('_step');
    expect(series).toHaveLength(2);
    for (const { x: column, first } of series) {
      expect(column.buffer).toBe(buffer);
      expect(first.buffer).toBe(buffer);
    }
  });

  it('reads an exact series: one column stands for all, absent ones are null', () => {
    const data = decode(encode('_step', [EXACT])).series[0]!;
    expect(data).toMatchObject({ metric: 'loss', run: 'r1', n: 3, exact: true, total: 3, nan: 1 });
    expect([...data.first]).toEqual([1.5, NaN, 0.25]);
    for (const column of [data.min, data.max, data.last, data.mean])
      expect(column).toBe(data.first);
    for (const absent of [data.count, data.dxMin, data.dxLast, data.nanCount, data.pinfCount]) {
      expect(absent).toBeNull();
    }
    expect([0, 1, 2].map((i) => finiteCount(data, i))).toEqual([1, 0, 1]);
    expect(lastX(data, 1)).toBe(5);
  });

  it('reads buckets with their counts and distances', () => {
    const data = decode(encode('_runtime', [BUCKETS])).series[0]!;
    expect([...data.count!]).toEqual([4, 5]);
    expect([...data.nanCount!]).toEqual([0, 2]);
    expect(data.pinfCount).toBeNull();
    expect(finiteCount(data, 1)).toBe(3);
    expect(lastX(data, 1)).toBe(15);
    expect(data.first).toBeInstanceOf(Float64Array);
  });

  it('reads an answer without series', () => {
    expect(decode(encode('_step', []))).toEqual({ x: '_step', series: [] });
  });

  it('refuses what is not KSR1', () => {
    const good = encode('_step', [EXACT]);
    expect(() => decode(new ArrayBuffer(4))).toThrow(SeriesFormatError);
    expect(() => decode(new TextEncoder().encode('{"title": "x"}').buffer)).toThrow('KSR1');
    expect(() => decode(good.slice(0, 40))).toThrow('cut short');
    expect(() => decode(good.slice(0, good.byteLength - 8))).toThrow('column "first"');
  });
});

describe('nearestBucket', () => {
  const data = decode(encode('_step', [BUCKETS])).series[0]!;

  it('takes the bucket whose points are nearest', () => {
    expect(nearestBucket(data, -10)).toBe(0);
    expect(nearestBucket(data, 3)).toBe(0);
    expect(nearestBucket(data, 5)).toBe(0);
    expect(nearestBucket(data, 6)).toBe(1);
    expect(nearestBucket(data, 99)).toBe(1);
  });
});
