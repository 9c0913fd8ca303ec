/**
 * Draws a scene into pixels: points, balls, triangles and lines, nearest first by a depth buffer.
 *
 * By hand and not by WebGL: it looks the same on every machine, needs no graphics driver, and a cloud of 100,000
 * points is some 70 ms on a crowded machine. Pure: camera and scene in, pixels out.
 */
import type { Scene } from './scenes';

export interface Camera {
  /** Radians about the upright axis, and from the horizon. */
  readonly turn: number;
  readonly tilt: number;
  readonly zoom: number;
  /** Parts of the picture's height by which the middle is moved. */
  readonly right: number;
  readonly down: number;
}

export const FRONT: Camera = { turn: 0.7, tilt: 0.45, zoom: 1, right: 0, down: 0 };

export interface Extent {
  readonly middle: readonly [number, number, number];
  readonly reach: number;
}

/** The middle of a scene, and how far it reaches from there; a few far points do not make the rest a dot. */
export function extentOf({ points }: Scene): Extent {
  const middle: number[] = [];
  let square = 0;
  const count = points.length / 3;
  const every = Math.max(1, Math.floor(count / 20_000));
  for (let axis = 0; axis < 3; axis += 1) {
    const values: number[] = [];
    for (let i = 0; i < count; i += every) {
      const value = points[i * 3 + axis]!;
      if (Number.isFinite(value)) values.push(value);
    }
    values.sort((a, b) => a - b);
    const cut = values.length > 1000 ? Math.floor(values.length * 0.002) : 0;
    const [low, high] = [values[cut] ?? 0, values[values.length - 1 - cut] ?? 0];
    middle.push((low + high) / 2);
    square += ((high - low) / 2) ** 2;
  }
  return { middle: middle as [number, number, number], reach: Math.sqrt(square) || 1 };
}

export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
  readonly depth: Float32Array;
}

export const rasterOf = (width: number, height: number): Raster => ({
  width,
  height,
  pixels: new Uint32Array(width * height),
  depth: new Float32Array(width * height),
});

const AWAY = 3.2; // how far the eye is, in reaches of the scene

export type Projection = (x: number, y: number, z: number) => readonly [number, number, number, number];

/** Where a place stands in the picture, how near it is, and how many px a unit has there. */
export function projectionOf(scene: Scene, extent: Extent, camera: Camera, width: number, height: number): Projection {
  return (x, y, z) => {
    const one = projected({ ...scene, points: Float32Array.of(x, y, z) }, extent, camera, width, height);
    return [one.x[0]!, one.y[0]!, one.away[0]!, one.scale[0]!];
  };
}

interface Projected {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly away: Float32Array;
  readonly scale: Float32Array;
}

/** All points at once, without an object for each. */
function projected(scene: Scene, extent: Extent, camera: Camera, width: number, height: number): Projected {
  const { points, isFlat } = scene;
  const count = points.length / 3;
  const made = { x: new Float32Array(count), y: new Float32Array(count), away: new Float32Array(count), scale: new Float32Array(count) };
  const [mx, my, mz] = extent.middle;
  const ct = Math.cos(camera.turn);
  const st = Math.sin(camera.turn);
  const cp = Math.cos(camera.tilt);
  const sp = Math.sin(camera.tilt);
  const unit = (Math.min(width, height) / 2) * 0.95 * camera.zoom * AWAY;
  const left = width / 2 + camera.right * height;
  const top = height / 2 + camera.down * height;
  const part = 1 / extent.reach;
  for (let i = 0; i < count; i += 1) {
    const x = (points[i * 3]! - mx) * part;
    const b1 = (points[i * 3 + 1]! - my) * part;
    const b2 = (points[i * 3 + 2]! - mz) * part;
    const y = isFlat ? b1 : -b2;
    const z = isFlat ? b2 : b1;
    const a = x * ct - y * st;
    const b = x * st + y * ct;
    const away = AWAY + b * cp - z * sp;
    const scale = unit / Math.max(0.05, away);
    made.x[i] = left + a * scale;
    made.y[i] = top - (b * sp + z * cp) * scale;
    made.away[i] = away;
    made.scale[i] = scale * part;
  }
  return made;
}

const pack = (r: number, g: number, b: number): number => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

export function paint(
  scene: Scene,
  extent: Extent,
  camera: Camera,
  raster: Raster,
  background: number,
  ratio = 1,
): void {
  const { width, height, pixels, depth } = raster;
  pixels.fill(background);
  depth.fill(Infinity);
  const { colours, triangles, lines, radii } = scene;
  const count = scene.points.length / 3;
  const { x: sx, y: sy, away: sz, scale } = projected(scene, extent, camera, width, height);
  for (let i = 0; i < triangles.length; i += 3) fill(triangles[i]!, triangles[i + 1]!, triangles[i + 2]!);
  for (let i = 0; i < lines.length; i += 2) stroke(lines[i]!, lines[i + 1]!);
  if (radii) for (let i = 0; i < count; i += 1) ball(i, radii[i]! * scale[i]!);
  else if (scene.size > 0) for (let i = 0; i < count; i += 1) dot(i);

  function put(x: number, y: number, z: number, colour: number): void {
    const at = y * width + x;
    if (z >= depth[at]!) return;
    depth[at] = z;
    pixels[at] = colour;
  }

  function dot(i: number): void {
    const z = sz[i]!;
    if (z < 0.1) return;
    const size = Math.max(1, Math.round(Math.min(6, (scene.size * ratio * AWAY) / z)));
    const x0 = Math.round(sx[i]! - size / 2);
    const y0 = Math.round(sy[i]! - size / 2);
    if (!(x0 > -size && y0 > -size && x0 < width && y0 < height)) return;
    const colour = pack(colours[i * 3]!, colours[i * 3 + 1]!, colours[i * 3 + 2]!);
    for (let y = Math.max(0, y0); y < Math.min(height, y0 + size); y += 1) {
      for (let x = Math.max(0, x0); x < Math.min(width, x0 + size); x += 1) put(x, y, z, colour);
    }
  }

  function ball(i: number, radius: number): void {
    const [cx, cy, cz] = [sx[i]!, sy[i]!, sz[i]!];
    if (cz < 0.1 || radius <= 0) return;
    const r = Math.max(1.5, radius);
    const [x0, x1] = [Math.max(0, Math.floor(cx - r)), Math.min(width - 1, Math.ceil(cx + r))];
    const [y0, y1] = [Math.max(0, Math.floor(cy - r)), Math.min(height - 1, Math.ceil(cy + r))];
    for (let y = y0; y <= y1; y += 1) {
      for (let x = x0; x <= x1; x += 1) {
        const [u, v] = [(x - cx) / r, (y - cy) / r];
        const inside = 1 - u * u - v * v;
        if (inside <= 0) continue;
        const w = Math.sqrt(inside);
        const light = 0.35 + 0.65 * Math.max(0, -0.4 * u - 0.6 * v + 0.7 * w);
        put(x, y, cz - (w * r) / (scale[i]! * extent.reach), tinted(i, light));
      }
    }
  }

  function tinted(i: number, light: number): number {
    const lit = (at: number) => Math.min(255, Math.round(colours[i * 3 + at]! * light));
    return pack(lit(0), lit(1), lit(2));
  }

  function stroke(a: number, b: number): void {
    if (sz[a]! < 0.1 || sz[b]! < 0.1) return;
    const steps = Math.min(4096, Math.ceil(Math.max(Math.abs(sx[b]! - sx[a]!), Math.abs(sy[b]! - sy[a]!), 1)));
    const thick = radii ? 2 : ratio > 1 ? 2 : 1;
    for (let i = 0; i <= steps; i += 1) {
      const part = i / steps;
      const [x, y] = [Math.round(sx[a]! + (sx[b]! - sx[a]!) * part), Math.round(sy[a]! + (sy[b]! - sy[a]!) * part)];
      const z = sz[a]! + (sz[b]! - sz[a]!) * part - 1e-3;
      // Each half of a bond has the colour of its atom.
      const colour = tinted(part < 0.5 ? a : b, radii ? 0.75 : 1);
      for (let dy = 0; dy < thick; dy += 1) {
        for (let dx = 0; dx < thick; dx += 1) {
          if (x + dx >= 0 && y + dy >= 0 && x + dx < width && y + dy < height) put(x + dx, y + dy, z, colour);
        }
      }
    }
  }

  function fill(a: number, b: number, c: number): void {
    const [za, zb, zc] = [sz[a]!, sz[b]!, sz[c]!];
    if (za < 0.1 || zb < 0.1 || zc < 0.1) return;
    const [xa, ya, xb, yb, xc, yc] = [sx[a]!, sy[a]!, sx[b]!, sy[b]!, sx[c]!, sy[c]!];
    const area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya);
    if (Math.abs(area) < 1e-6 || !Number.isFinite(area)) return;
    // Flat, by how the face is turned to a light above the eye; both sides are lit.
    const [ux, uy, uz] = [xb - xa, yb - ya, ((zb - za) * height) / 2];
    const [vx, vy, vz] = [xc - xa, yc - ya, ((zc - za) * height) / 2];
    const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    const long = Math.hypot(nx, ny, nz) || 1;
    const side = nz < 0 ? 1 : -1;
    const light = 0.45 + 0.55 * Math.max(0, (side * (0.25 * nx + 0.45 * ny - 0.85 * nz)) / long);
    const shade = (at: number) =>
      Math.min(255, Math.round(((colours[a * 3 + at]! + colours[b * 3 + at]! + colours[c * 3 + at]!) / 3) * light));
    const colour = pack(shade(0), shade(1), shade(2));
    const [x0, x1] = [
      Math.max(0, Math.floor(Math.min(xa, xb, xc))),
      Math.min(width - 1, Math.ceil(Math.max(xa, xb, xc))),
    ];
    const [y0, y1] = [
      Math.max(0, Math.floor(Math.min(ya, yb, yc))),
      Math.min(height - 1, Math.ceil(Math.max(ya, yb, yc))),
    ];
    for (let y = y0; y <= y1; y += 1) {
      for (let x = x0; x <= x1; x += 1) {
        const wb = ((x - xa) * (yc - ya) - (xc - xa) * (y - ya)) / area;
        const wc = ((xb - xa) * (y - ya) - (x - xa) * (yb - ya)) / area;
        if (wb < -1e-3 || wc < -1e-3 || wb + wc > 1.001) continue;
        put(x, y, za + wb * (zb - za) + wc * (zc - za), colour);
      }
    }
  }
}
