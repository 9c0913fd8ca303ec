/** Things in space that runs log: clouds of points, meshes, molecules; read from their files into one form. */

export interface Scene {
  /** x, y, z of each point. */
  readonly points: Float32Array;
  /** Red, green, blue of each point. */
  readonly colours: Uint8Array;
  /** Three points each. */
  readonly triangles: Uint32Array;
  /** Two points each. */
  readonly lines: Uint32Array;
  /** Points that are balls, and how large, in the units of space; null: they are dots. */
  readonly radii: Float32Array | null;
  /** px of a dot; 0: points are corners only. */
  readonly size: number;
  readonly labels: readonly { at: readonly [number, number, number]; text: string }[];
  /** Up is z, as in data; else y, as in models. */
  readonly isFlat: boolean;
}

export const POINTS_MAX = 2_000_000;

/** Colours of categories, of what has none, and of boxes. */
const PALETTE: readonly (readonly [number, number, number])[] = [
  [70, 130, 220],
  [230, 130, 40],
  [80, 170, 90],
  [210, 70, 80],
  [150, 110, 200],
  [140, 100, 80],
  [230, 130, 190],
  [140, 140, 140],
  [190, 190, 50],
  [60, 190, 200],
  [250, 180, 120],
  [120, 90, 220],
  [100, 200, 150],
  [200, 100, 140],
];

/** Grows while a file is read. */
export class SceneMaker {
  private readonly points: number[] = [];
  private readonly colours: number[] = [];
  private readonly triangles: number[] = [];
  private readonly lines: number[] = [];
  private readonly radii: number[] = [];
  private readonly labels: { at: readonly [number, number, number]; text: string }[] = [];

  get count(): number {
    return this.points.length / 3;
  }

  point(x: number, y: number, z: number, colour: readonly number[] = PALETTE[0]!, radius = 0): number {
    this.points.push(x, y, z);
    this.colours.push(colour[0] ?? 0, colour[1] ?? 0, colour[2] ?? 0);
    this.radii.push(radius);
    return this.count - 1;
  }

  triangle(a: number, b: number, c: number): void {
    this.triangles.push(a, b, c);
  }

  line(a: number, b: number): void {
    this.lines.push(a, b);
  }

  label(at: readonly [number, number, number], text: string): void {
    this.labels.push({ at, text });
  }

  made(size: number, isFlat: boolean, hasBalls = false): Scene | null {
    if (this.count === 0) return null;
    return {
      points: Float32Array.from(this.points),
      colours: Uint8Array.from(this.colours),
      triangles: Uint32Array.from(this.triangles),
      lines: Uint32Array.from(this.lines),
      radii: hasBalls ? Float32Array.from(this.radii) : null,
      size,
      labels: this.labels,
      isFlat,
    };
  }
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const triple = (value: unknown): [number, number, number] | null => {
  const found = list(value).slice(0, 3).map(Number);
  return found.length === 3 && found.every(Number.isFinite) ? (found as [number, number, number]) : null;
};

/** A list of points, or a scene with boxes and vectors (docs/format/values.md); null for neither. */
export function cloudOf(file: unknown): Scene | null {
  const scene = isTree(file) ? file : { points: file };
  const maker = new SceneMaker();
  for (const one of list(scene.points).slice(0, POINTS_MAX)) {
    const at = triple(one);
    if (!at) continue;
    const rest = (one as unknown[]).slice(3).map(Number);
    const colour = rest.length >= 3 ? rest : PALETTE[Math.max(0, Math.trunc(rest[0] ?? 1) - 1) % PALETTE.length]!;
    maker.point(...at, colour);
  }
  for (const one of list(scene.boxes).filter(isTree)) {
    const corners = list(one.corners).flatMap((corner) => {
      const at = triple(corner);
      return at ? [at] : [];
    });
    if (corners.length !== 8) continue;
    const first = corners.map((at) => maker.point(...at, triple(one.color) ?? [220, 60, 60]));
    for (const [a, b] of edgesOf(corners)) maker.line(first[a]!, first[b]!);
    const text = [one.label, one.score].filter((part) => part !== undefined && part !== null).join(' ');
    if (text)
      maker.label(
        corners.reduce((a, b) => (b[2] > a[2] ? b : a)),
        text,
      );
  }
  for (const one of list(scene.vectors).filter(isTree)) {
    const [from, to] = [triple(one.start), triple(one.end)];
    const colour = triple(one.color) ?? [120, 120, 120];
    if (from && to) maker.line(maker.point(...from, colour), maker.point(...to, colour));
  }
  return maker.made(2, true);
}

type Corner = readonly [number, number, number];
/** Corners counted in binary, or around the bottom and then around the top. */
const ORDERS: readonly (readonly (readonly [number, number])[])[] = [
  [
    [0, 1],
    [0, 2],
    [0, 4],
    [1, 3],
    [1, 5],
    [2, 3],
    [2, 6],
    [3, 7],
    [4, 5],
    [4, 6],
    [5, 7],
    [6, 7],
  ],
  [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 0],
    [4, 5],
    [5, 6],
    [6, 7],
    [7, 4],
    [0, 4],
    [1, 5],
    [2, 6],
    [3, 7],
  ],
];

/** The twelve edges of a box whose corners come in either order: edges are shorter than diagonals. */
export function edgesOf(corners: readonly Corner[]): readonly (readonly [number, number])[] {
  const long = (edges: readonly (readonly [number, number])[]): number =>
    edges.reduce((sum, [a, b]) => {
      const [p, q] = [corners[a]!, corners[b]!];
      return sum + Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    }, 0);
  return ORDERS.reduce((best, edges) => (long(edges) < long(best) - 1e-9 ? edges : best));
}

const STONE = [150, 160, 180];

/** Wavefront OBJ: corners, with colours if they have any, and faces. */
export function objOf(text: string): Scene | null {
  const maker = new SceneMaker();
  let hasFaces = false;
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'v') {
      const [x, y, z, ...colour] = rest.map(Number);
      const tint = colour.length >= 3 ? colour.slice(0, 3).map((part) => part * (part <= 1 ? 255 : 1)) : STONE;
      maker.point(x || 0, y || 0, z || 0, tint);
    } else if (word === 'f') {
      hasFaces = true;
      const corners = rest.map((part) => {
        const at = parseInt(part, 10);
        return at < 0 ? maker.count + at : at - 1;
      });
      if (corners.some((at) => !(at >= 0 && at < maker.count))) continue;
      for (let i = 1; i + 1 < corners.length; i += 1) maker.triangle(corners[0]!, corners[i]!, corners[i + 1]!);
    } else if (word === 'l') {
      const ends = rest.map((part) => parseInt(part, 10) - 1);
      for (let i = 0; i + 1 < ends.length; i += 1) {
        if (ends[i]! < maker.count && ends[i + 1]! < maker.count) maker.line(ends[i]!, ends[i + 1]!);
      }
    }
    if (maker.count > POINTS_MAX) break;
  }
  return maker.made(hasFaces ? 0 : 2, false);
}

/** STL, as text or binary. */
export function stlOf(bytes: ArrayBuffer): Scene | null {
  const maker = new SceneMaker();
  const view = new DataView(bytes);
  const count = bytes.byteLength >= 84 ? view.getUint32(80, true) : 0;
  if (count > 0 && bytes.byteLength === 84 + count * 50) {
    for (let i = 0; i < Math.min(count, POINTS_MAX / 3); i += 1) {
      const corners = [0, 1, 2].map((corner) => {
        const at = 84 + i * 50 + 12 + corner * 12;
        const [x, y, z] = [0, 4, 8].map((by) => view.getFloat32(at + by, true)) as [number, number, number];
        return maker.point(x, y, z, STONE);
      });
      maker.triangle(corners[0]!, corners[1]!, corners[2]!);
    }
    return maker.made(0, true);
  }
  const found = new TextDecoder().decode(bytes).matchAll(/vertex\s+(\S+)\s+(\S+)\s+(\S+)/g);
  const corners: number[] = [];
  for (const [, x, y, z] of found) {
    corners.push(maker.point(Number(x), Number(y), Number(z), STONE));
    if (corners.length === 3) maker.triangle(...(corners.splice(0) as [number, number, number]));
  }
  return maker.made(0, true);
}
