/** What stands in plotly's JSON: lists, packed or not, texts with markup, colours by name, number and scale. */
export type Tree = Readonly<Record<string, unknown>>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const tree = (value: unknown): Tree => (isTree(value) ? value : {});
export const textOf = (value: unknown): string => {
  const text = isTree(value) ? value.text : value;
  return typeof text === 'string' ? text.replace(/<br\s*\/?>/gi, ' ').replace(/<[^>]*>/g, '') : '';
};

const TYPES: Record<string, (buffer: ArrayBuffer) => ArrayLike<number>> = {
  f8: (buffer) => new Float64Array(buffer),
  f4: (buffer) => new Float32Array(buffer),
  i1: (buffer) => new Int8Array(buffer),
  u1: (buffer) => new Uint8Array(buffer),
  u1c: (buffer) => new Uint8ClampedArray(buffer),
  i2: (buffer) => new Int16Array(buffer),
  u2: (buffer) => new Uint16Array(buffer),
  i4: (buffer) => new Int32Array(buffer),
  u4: (buffer) => new Uint32Array(buffer),
};

/** A list, however it is written: plotly packs numbers as base64 of their bytes. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isTree(value) || typeof value.bdata !== 'string') return [];
  const view = TYPES[String(value.dtype)];
  if (!view) return [];
  let flat: number[];
  try {
    const text = atob(value.bdata);
    const bytes = Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
    flat = Array.from(view(bytes.buffer));
  } catch {
    return [];
  }
  const shape = String(value.shape ?? '')
    .split(',')
    .map(Number)
    .filter((one) => one > 0);
  if (shape.length < 2) return flat;
  const columns = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, i) => flat.slice(i * columns, (i + 1) * columns));
}

export const numbers = (value: unknown): number[] =>
  listOf(value).map((one) => (one === null || one === '' ? NaN : Number(one)));

export const colourOf = (value: unknown): string | null =>
  typeof value === 'string' && /^(#[0-9a-f]{3,8}|rgba?\([\d\s.,%]+\)|[a-z]+)$/i.test(value) ? value : null;

/** Written out, or a list of [place, colour]. */
export function scaleOf(value: unknown): [number, string][] | null {
  const stops = listOf(value).flatMap((one): [number, string][] => {
    const [at, colour] = Array.isArray(one) ? (one as unknown[]) : [];
    const known = colourOf(colour);
    return known ? [[Number(at), known]] : [];
  });
  return stops.length > 1 ? stops : null;
}

/** Colours of single points: named, or numbers on a scale. */
export function coloursOf(value: unknown, scale: unknown): string[] {
  const list = listOf(value);
  if (list.length === 0) return [];
  if (list.every((one) => colourOf(one) !== null)) return list.map(String);
  const found = list.map(Number).filter(Number.isFinite);
  if (found.length === 0) return [];
  const low = found.reduce((a, b) => Math.min(a, b));
  const high = found.reduce((a, b) => Math.max(a, b));
  const stops = scaleOf(scale) ?? VIRIDIS;
  return list.map((one) => colourAt(stops, (Number(one) - low) / (high - low || 1)));
}

export const VIRIDIS: readonly (readonly [number, string])[] = [
  [0, '#440154'],
  [0.25, '#3b528b'],
  [0.5, '#21918c'],
  [0.75, '#5ec962'],
  [1, '#fde725'],
];

export function channelsOf(colour: string): [number, number, number] {
  const hex = /^#([0-9a-f]{6}|[0-9a-f]{3})/i.exec(colour)?.[1];
  if (hex) {
    const step = hex.length / 3;
    return [0, 1, 2].map((i) => {
      const part = hex.slice(i * step, (i + 1) * step);
      return parseInt(step === 1 ? part + part : part, 16);
    }) as [number, number, number];
  }
  const [r, g, b] = (/rgba?\(([^)]*)\)/.exec(colour)?.[1] ?? '').split(',').map((one) => parseFloat(one));
  return [r ?? 128, g ?? 128, b ?? 128].map((one) => (Number.isFinite(one) ? one : 128)) as [number, number, number];
}

export function colourAt(stops: readonly (readonly [number, string])[], share: number): string {
  const at = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
  const upper = Math.max(
    1,
    stops.findIndex(([place]) => place >= at),
  );
  const [[a, from], [b, to]] = [stops[upper - 1]!, stops[upper] ?? stops.at(-1)!];
  const part = Math.min(1, Math.max(0, (at - a) / (b - a || 1)));
  const [one, other] = [channelsOf(from), channelsOf(to)];
  return `rgb(${one.map((value, i) => Math.round(value + (other[i]! - value) * part)).join(',')})`;
}
