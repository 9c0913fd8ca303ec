/**
 * Tables as Parquet: one row group, plain uncompressed pages, required columns.
 *
 *   "PAR1" · a page for each column · footer (what and where the columns are) · its length · "PAR1"
 *
 * Page headers and the footer are structs in Thrift's compact protocol: `Struct` below.
 */

export type ParquetColumn =
  | { readonly name: string; readonly kind: 'number'; readonly values: Float64Array }
  /** Whole numbers below 2³¹. */
  | { readonly name: string; readonly kind: 'whole'; readonly values: Uint32Array }
  | { readonly name: string; readonly kind: 'text'; readonly values: readonly string[] };

const MAGIC = [0x50, 0x41, 0x52, 0x31];
const VERSION = 1;
/** Physical types of the format. */
const TYPES = { number: 5, whole: 1, text: 6 } as const;
const PLAIN = 0;
const RLE = 3;
const UNCOMPRESSED = 0;
const REQUIRED = 0;
const UTF8 = 0;

/** @param notes kept in the file's footer, for who reads it */
export function parquetOf(
  columns: readonly ParquetColumn[],
  notes: Readonly<Record<string, string>> = {},
): Blob {
  const rows = columns[0]?.values.length ?? 0;
  const parts: Uint8Array<ArrayBuffer>[] = [Uint8Array.from(MAGIC)];
  let offset = MAGIC.length;
  const places = columns.map((column) => {
    const data = plain(column);
    const header = pageHeader(data.length, rows);
    parts.push(header, data);
    const place = { offset, size: header.length + data.length };
    offset += place.size;
    return place;
  });
  const footer = metadata(columns, places, rows, notes);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, footer.length, true);
  parts.push(footer, length, Uint8Array.from(MAGIC));
  return new Blob(parts, { type: 'application/vnd.apache.parquet' });
}

function plain(column: ParquetColumn): Uint8Array<ArrayBuffer> {
  if (column.kind !== 'text') {
    const size = column.kind === 'number' ? 8 : 4;
    const view = new DataView(new ArrayBuffer(column.values.length * size));
    column.values.forEach((value, i) => {
      if (size === 8) view.setFloat64(i * 8, value, true);
      else view.setInt32(i * 4, value, true);
    });
    return new Uint8Array(view.buffer);
  }
  const encoder = new TextEncoder();
  // The same few names stand in many rows.
  const known = new Map<string, Uint8Array>();
  let size = 0;
  for (const text of column.values) {
    let bytes = known.get(text);
    if (bytes === undefined) known.set(text, (bytes = encoder.encode(text)));
    size += 4 + bytes.length;
  }
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const text of column.values) {
    const bytes = known.get(text)!;
    view.setUint32(at, bytes.length, true);
    out.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return out;
}

function pageHeader(size: number, rows: number): Uint8Array<ArrayBuffer> {
  const data = new Struct().whole(1, rows).whole(2, PLAIN).whole(3, RLE).whole(4, RLE);
  return new Struct().whole(1, 0).whole(2, size).whole(3, size).struct(5, data).bytes();
}

function metadata(
  columns: readonly ParquetColumn[],
  places: readonly { offset: number; size: number }[],
  rows: number,
  notes: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const root = new Struct().text(4, 'schema').whole(5, columns.length);
  const elements = columns.map(({ name, kind }) => {
    const element = new Struct().whole(1, TYPES[kind]).whole(3, REQUIRED).text(4, name);
    return kind === 'text' ? element.whole(6, UTF8) : element;
  });
  const chunks = columns.map(({ name, kind }, i) => {
    const { offset, size } = places[i]!;
    const meta = new Struct()
      .whole(1, TYPES[kind])
      .wholes(2, [PLAIN, RLE])
      .texts(3, [name])
      .whole(4, UNCOMPRESSED)
      .long(5, rows)
      .long(6, size)
      .long(7, size)
      .long(9, offset);
    return new Struct().long(2, offset).struct(3, meta);
  });
  const total = places.reduce((sum, { size }) => sum + size, 0);
  const group = new Struct().structs(1, chunks).long(2, total).long(3, rows);
  const pairs = Object.entries(notes).map(([key, value]) => new Struct().text(1, key).text(2, value));
  const file = new Struct().whole(1, VERSION).structs(2, [root, ...elements]).long(3, rows);
  file.structs(4, [group]);
  if (pairs.length > 0) file.structs(5, pairs);
  return file.text(6, 'kiseki').bytes();
}

const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

/** A struct of Thrift's compact protocol; fields are given in ascending order. */
class Struct {
  private readonly out: number[] = [];
  private last = 0;

  whole(field: number, value: number): this {
    return this.head(field, I32).varint(2 * value);
  }

  long(field: number, value: number): this {
    return this.head(field, I64).varint(2 * value);
  }

  text(field: number, value: string): this {
    return this.head(field, BINARY).binary(value);
  }

  struct(field: number, value: Struct): this {
    return this.head(field, STRUCT).append(value.bytes());
  }

  wholes(field: number, values: readonly number[]): this {
    this.list(field, I32, values.length);
    for (const value of values) this.varint(2 * value);
    return this;
  }

  texts(field: number, values: readonly string[]): this {
    this.list(field, BINARY, values.length);
    for (const value of values) this.binary(value);
    return this;
  }

  structs(field: number, values: readonly Struct[]): this {
    this.list(field, STRUCT, values.length);
    for (const value of values) this.append(value.bytes());
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from([...this.out, 0]);
  }

  private head(field: number, type: number): this {
    this.out.push(((field - this.last) << 4) | type);
    this.last = field;
    return this;
  }

  private list(field: number, type: number, length: number): void {
    this.head(field, LIST);
    if (length < 15) this.out.push((length << 4) | type);
    else {
      this.out.push(0xf0 | type);
      this.varint(length);
    }
  }

  /** Values here are never negative: twice the value is its zigzag form. */
  private varint(value: number): this {
    let rest = value;
    while (rest >= 128) {
      this.out.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.out.push(rest);
    return this;
  }

  private binary(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.varint(bytes.length).append(bytes);
  }

  private append(bytes: Uint8Array): this {
    for (const byte of bytes) this.out.push(byte);
    return this;
  }
}
