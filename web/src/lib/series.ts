/**
 * The wire form of series (KSR1, docs/api/native.md "Series"): bytes in, typed-array views out.
 *
 * Nothing is copied: every column is a view on the answer's buffer, which lives as long as any
 * of its series does.
 */

export type FloatColumn = Float32Array | Float64Array;

/**
 * One (metric, run) series in buckets, in x order.
 *
 * In an `exact` series each bucket is one point: `min`, `max`, `last` and `mean` are then the
 * same view as `first`, `count` and the `dx` columns are null, and a NaN or ±Inf point stands in
 * `first` itself. Otherwise the four are of the finite values, NaN where a bucket has none.
 */
export interface SeriesData {
  readonly metric: string;
  readonly run: string;
  /** Number of buckets; the length of every column. */
  readonly n: number;
  /** No bucket holds more than one point. */
  readonly exact: boolean;
  /** Points in the buckets, NaN and ±Inf included. */
  readonly total: number;
  readonly nan: number;
  readonly pinf: number;
  readonly ninf: number;
  /** The stored resolution that answered: `points`, or a roll-up level. */
  readonly level: string;
  readonly x: Float64Array;
  readonly first: FloatColumn;
  readonly min: FloatColumn;
  readonly max: FloatColumn;
  readonly last: FloatColumn;
  readonly mean: FloatColumn;
  /** Null when every bucket holds one point. */
  readonly count: Uint32Array | null;
  /** x of the bucket's min, max and last, less the bucket's x. Null when exact. */
  readonly dxMin: Float32Array | null;
  readonly dxMax: Float32Array | null;
  readonly dxLast: Float32Array | null;
  /** Null when the series has none in buckets of several points. */
  readonly nanCount: Uint32Array | null;
  readonly pinfCount: Uint32Array | null;
  readonly ninfCount: Uint32Array | null;
  /** x of the last point that the run was forked with; absent for what is all its own. */
  readonly inherited?: number;
  /** What a group of runs has beside its line; absent for a run. */
  readonly group?: GroupColumns;
}

/** Of a line that stands for several runs; `run` of the series is then the JSON of the group's values. */
export interface GroupColumns {
  /** The band; null without one. */
  readonly low: Float64Array | null;
  readonly high: Float64Array | null;
  /** Runs with a value in each cell. */
  readonly contributors: Uint32Array;
  /** All runs of the group, and those with a finite value of the metric in sight. */
  readonly runs: number;
  readonly size: number;
}

export interface SeriesAnswer {
  /** `_step`, `_runtime`, `_timestamp` or a metric. */
  readonly x: string;
  readonly series: SeriesData[];
}

/** The answer is not a well-formed KSR1 buffer. */
export class SeriesFormatError extends Error {
  override readonly name = 'SeriesFormatError';
}

type Dtype = 'f4' | 'f8' | 'u4';

interface WireSeries {
  metric: string;
  run?: string;
  group?: unknown[];
  runs?: number;
  size?: number;
  inherited?: number;
  n: number;
  exact?: boolean;
  total?: number;
  nan?: number;
  pinf?: number;
  ninf?: number;
  level?: string;
  columns: Record<string, [Dtype, number, number]>;
}

interface WireHeader {
  x: string;
  series: WireSeries[];
}

const MAGIC = 0x3152534b; // "KSR1" read as a little-endian u32
const PREFIX_BYTES = 8;

/**
 * Decode an `application/x-kiseki-series` answer.
 *
 * @throws SeriesFormatError when the magic, the header or a column's extent is wrong.
 */
export function decode(buffer: ArrayBuffer): SeriesAnswer {
  if (buffer.byteLength < PREFIX_BYTES) throw new SeriesFormatError('series answer is too short');
  const prefix = new DataView(buffer);
  if (prefix.getUint32(0, true) !== MAGIC) {
    throw new SeriesFormatError('series answer does not begin with KSR1');
  }
  const dataStart = PREFIX_BYTES + prefix.getUint32(4, true);
  if (dataStart > buffer.byteLength) throw new SeriesFormatError('series header is cut short');
  if (dataStart % 8 !== 0) throw new SeriesFormatError('series data is not aligned to 8 bytes');
  const header = parseHeader(new Uint8Array(buffer, PREFIX_BYTES, dataStart - PREFIX_BYTES));
  return { x: header.x, series: header.series.map((entry) => view(buffer, dataStart, entry)) };
}

function parseHeader(bytes: Uint8Array): WireHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new SeriesFormatError('series header is not JSON', { cause });
  }
  const header = parsed as Partial<WireHeader> | null;
  if (typeof header?.x !== 'string' || !Array.isArray(header.series)) {
    throw new SeriesFormatError('series header has no x or no series');
  }
  return header as WireHeader;
}

function view(buffer: ArrayBuffer, dataStart: number, entry: WireSeries): SeriesData {
  const columns = new Columns(buffer, dataStart, entry);
  const exact = entry.exact ?? false;
  const first = columns.required('first');
  return {
    metric: entry.metric,
    run: entry.run ?? JSON.stringify(entry.group),
    n: entry.n,
    exact,
    total: entry.total ?? entry.n,
    nan: entry.nan ?? 0,
    pinf: entry.pinf ?? 0,
    ninf: entry.ninf ?? 0,
    level: entry.level ?? 'points',
    x: columns.float64('x'),
    first,
    min: exact ? first : columns.required('min'),
    max: exact ? first : columns.required('max'),
    last: exact ? first : columns.required('last'),
    mean: exact ? first : columns.required('mean'),
    count: columns.uint32('count'),
    dxMin: exact ? null : columns.float32('dx_min'),
    dxMax: exact ? null : columns.float32('dx_max'),
    dxLast: exact ? null : columns.float32('dx_last'),
    nanCount: columns.uint32('nan'),
    pinfCount: columns.uint32('pinf'),
    ninfCount: columns.uint32('ninf'),
    ...(entry.inherited === undefined ? {} : { inherited: entry.inherited }),
    ...(entry.group === undefined ? {} : { group: groupOf(entry, columns) }),
  };
}

function groupOf(entry: WireSeries, columns: Columns): GroupColumns {
  return {
    low: columns.isThere('low') ? columns.float64('low') : null,
    high: columns.isThere('high') ? columns.float64('high') : null,
    contributors: columns.uint32('runs') ?? new Uint32Array(entry.n),
    runs: entry.runs ?? 0,
    size: entry.size ?? 0,
  };
}

/** Typed views on one series' columns; each getter states which dtypes it accepts. */
class Columns {
  private readonly buffer: ArrayBuffer;
  private readonly dataStart: number;
  private readonly entry: WireSeries;

  constructor(buffer: ArrayBuffer, dataStart: number, entry: WireSeries) {
    this.buffer = buffer;
    this.dataStart = dataStart;
    this.entry = entry;
  }

  isThere(name: string): boolean {
    return this.entry.columns[name] !== undefined;
  }

  required(name: string): FloatColumn {
    const column = this.open(name);
    if (column === null || column instanceof Uint32Array) throw this.wrong(name);
    return column;
  }

  float64(name: string): Float64Array {
    const column = this.open(name);
    if (!(column instanceof Float64Array)) throw this.wrong(name);
    return column;
  }

  float32(name: string): Float32Array {
    const column = this.open(name);
    if (!(column instanceof Float32Array)) throw this.wrong(name);
    return column;
  }

  uint32(name: string): Uint32Array | null {
    const column = this.open(name);
    if (column !== null && !(column instanceof Uint32Array)) throw this.wrong(name);
    return column;
  }

  private open(name: string): FloatColumn | Uint32Array | null {
    const place = this.entry.columns[name];
    if (place === undefined) return null;
    const [dtype, offset, length] = place;
    const itemBytes = dtype === 'f8' ? 8 : 4;
    const start = this.dataStart + offset;
    const fits = start % itemBytes === 0 && start + length * itemBytes <= this.buffer.byteLength;
    if (length !== this.entry.n || offset < 0 || !fits) throw this.wrong(name);
    if (dtype === 'f8') return new Float64Array(this.buffer, start, length);
    if (dtype === 'f4') return new Float32Array(this.buffer, start, length);
    if (dtype === 'u4') return new Uint32Array(this.buffer, start, length);
    throw this.wrong(name);
  }

  private wrong(name: string): SeriesFormatError {
    const place = JSON.stringify(this.entry.columns[name] ?? null);
    return new SeriesFormatError(
      `column "${name}" of series ${this.entry.metric} of run ${this.entry.run ?? JSON.stringify(this.entry.group)} is ${place}`,
    );
  }
}

/** x of the bucket's last point. */
export function lastX(data: SeriesData, bucket: number): number {
  return data.x[bucket]! + (data.dxLast === null ? 0 : data.dxLast[bucket]!);
}

/** How many points of the bucket are finite. */
export function finiteCount(data: SeriesData, bucket: number): number {
  if (data.exact || data.count === null) return Number.isFinite(data.first[bucket]!) ? 1 : 0;
  const lost =
    (data.nanCount === null ? 0 : data.nanCount[bucket]!) +
    (data.pinfCount === null ? 0 : data.pinfCount[bucket]!) +
    (data.ninfCount === null ? 0 : data.ninfCount[bucket]!);
  return data.count[bucket]! - lost;
}

/** First index whose x is ≥ `value`; `n` when none is. */
export function lowerBound(x: ArrayLike<number>, n: number, value: number): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the bucket whose span lies nearest to `value`; -1 for an empty series. */
export function nearestBucket(data: SeriesData, value: number): number {
  if (data.n === 0) return -1;
  const after = lowerBound(data.x, data.n, value);
  if (after === 0) return 0;
  const before = after - 1;
  if (after === data.n || value <= lastX(data, before)) return before;
  return value - lastX(data, before) <= data.x[after]! - value ? before : after;
}

/** The last finite value; NaN without any. */
export function lastFinite(data: SeriesData): number {
  for (let i = data.n - 1; i >= 0; i -= 1) {
    if (Number.isFinite(data.last[i]!)) return data.last[i]!;
  }
  return NaN;
}
