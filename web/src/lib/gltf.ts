/** glTF 2.0 (`.gltf` with data inside, `.glb`) and Babylon scenes: triangles and their plain colours. */
import { SceneMaker, POINTS_MAX, type Scene } from './scenes';

type Tree = Readonly<Record<string, unknown>>;
const tree = (value: unknown): Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const GRAY = [150, 160, 180];

/** Column by column, as glTF has it. */
type Matrix = readonly number[];
const IDENTITY: Matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function times(a: Matrix, b: Matrix): Matrix {
  return Array.from({ length: 16 }, (_, i) => {
    const [row, column] = [i % 4, i - (i % 4)];
    return (
      a[row]! * b[column]! + a[row + 4]! * b[column + 1]! + a[row + 8]! * b[column + 2]! + a[row + 12]! * b[column + 3]!
    );
  });
}

function matrixOf(node: Tree): Matrix {
  const given = list(node.matrix).map(Number);
  if (given.length === 16) return given;
  const [x, y, z, w] = list(node.rotation).length === 4 ? list(node.rotation).map(Number) : [0, 0, 0, 1];
  const [a, b, c] = list(node.scale).length === 3 ? list(node.scale).map(Number) : [1, 1, 1];
  const [p, q, r] = list(node.translation).length === 3 ? list(node.translation).map(Number) : [0, 0, 0];
  const [qx, qy, qz, qw] = [x!, y!, z!, w!];
  return [
    (1 - 2 * (qy * qy + qz * qz)) * a!,
    2 * (qx * qy + qz * qw) * a!,
    2 * (qx * qz - qy * qw) * a!,
    0,
    2 * (qx * qy - qz * qw) * b!,
    (1 - 2 * (qx * qx + qz * qz)) * b!,
    2 * (qy * qz + qx * qw) * b!,
    0,
    2 * (qx * qz + qy * qw) * c!,
    2 * (qy * qz - qx * qw) * c!,
    (1 - 2 * (qx * qx + qy * qy)) * c!,
    0,
    p!,
    q!,
    r!,
    1,
  ];
}

const SIZES: Record<number, number> = { 5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4 };
const PARTS: Record<string, number> = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 };

function accessorOf(file: Tree, buffers: readonly (DataView | null)[], index: unknown): number[] {
  const accessor = tree(list(file.accessors)[Number(index)]);
  const place = tree(list(file.bufferViews)[Number(accessor.bufferView)]);
  const view = buffers[Number(place.buffer)];
  const type = Number(accessor.componentType);
  const [size, parts] = [SIZES[type], PARTS[String(accessor.type)]];
  if (!view || !size || !parts) return [];
  const start = Number(place.byteOffset ?? 0) + Number(accessor.byteOffset ?? 0);
  const stride = Number(place.byteStride ?? 0) || size * parts;
  const count = Math.min(Number(accessor.count), POINTS_MAX);
  const values: number[] = [];
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < parts; j += 1) {
      const at = start + i * stride + j * size;
      if (at + size > view.byteLength) return values;
      values.push(
        type === 5126
          ? view.getFloat32(at, true)
          : type === 5125
            ? view.getUint32(at, true)
            : type === 5123
              ? view.getUint16(at, true)
              : type === 5122
                ? view.getInt16(at, true)
                : type === 5121
                  ? view.getUint8(at)
                  : view.getInt8(at),
      );
    }
  }
  return values;
}

function dataOf(uri: unknown): DataView | null {
  const text = typeof uri === 'string' ? /^data:[^,]*;base64,(.*)$/s.exec(uri)?.[1] : undefined;
  if (text === undefined) return null;
  const plain = atob(text);
  return new DataView(Uint8Array.from({ length: plain.length }, (_, i) => plain.charCodeAt(i)).buffer);
}

/** Null for what is no glTF, or holds nothing that can be drawn. Throws what `JSON.parse` throws. */
export function gltfOf(bytes: ArrayBuffer): Scene | null {
  const view = new DataView(bytes);
  let binary: DataView | null = null;
  let text: string;
  if (bytes.byteLength > 20 && view.getUint32(0, true) === 0x46546c67) {
    const length = view.getUint32(12, true);
    text = new TextDecoder().decode(bytes.slice(20, 20 + length));
    const at = 20 + length;
    if (at + 8 <= bytes.byteLength)
      binary = new DataView(bytes, at + 8, Math.min(view.getUint32(at, true), bytes.byteLength - at - 8));
  } else text = new TextDecoder().decode(bytes);
  const file = tree(JSON.parse(text));
  const buffers = list(file.buffers).map((one, i) => dataOf(tree(one).uri) ?? (i === 0 ? binary : null));
  const maker = new SceneMaker();
  const nodes = list(file.nodes);
  const shown = list(tree(list(file.scenes)[Number(file.scene ?? 0)]).nodes);
  const visit = (index: unknown, above: Matrix, depth: number): void => {
    const node = tree(nodes[Number(index)]);
    const matrix = times(above, matrixOf(node));
    if (node.mesh !== undefined) addMesh(tree(list(file.meshes)[Number(node.mesh)]), matrix);
    if (depth < 64) for (const child of list(node.children)) visit(child, matrix, depth + 1);
  };
  const addMesh = (mesh: Tree, m: Matrix): void => {
    for (const one of list(mesh.primitives).map(tree)) {
      if (Number(one.mode ?? 4) !== 4 || maker.count > POINTS_MAX) continue;
      const places = accessorOf(file, buffers, tree(one.attributes).POSITION);
      const material = tree(tree(list(file.materials)[Number(one.material)]).pbrMetallicRoughness);
      const colour = list(material.baseColorFactor)
        .slice(0, 3)
        .map((part) => Math.sqrt(Number(part)) * 255);
      const first = maker.count;
      for (let i = 0; i + 2 < places.length; i += 3) {
        const [x, y, z] = [places[i]!, places[i + 1]!, places[i + 2]!];
        const along = (row: number) => m[row]! * x + m[row + 4]! * y + m[row + 8]! * z + m[row + 12]!;
        maker.point(along(0), along(1), along(2), colour.length === 3 ? colour : GRAY);
      }
      const count = maker.count - first;
      const order =
        one.indices === undefined ? Array.from({ length: count }, (_, i) => i) : accessorOf(file, buffers, one.indices);
      for (let i = 0; i + 2 < order.length; i += 3) {
        const [a, b, c] = [order[i]!, order[i + 1]!, order[i + 2]!];
        if (a < count && b < count && c < count) maker.triangle(first + a, first + b, first + c);
      }
    }
  };
  for (const root of shown.length > 0 ? shown : nodes.map((_, i) => i)) visit(root, IDENTITY, 0);
  return maker.made(0, false);
}

/** The meshes of a `.babylon` file. */
export function babylonOf(file: unknown): Scene | null {
  const maker = new SceneMaker();
  const shapes = list(tree(tree(file).geometries).vertexData).map(tree);
  for (const mesh of list(tree(file).meshes).map(tree)) {
    const shape = mesh.positions === undefined ? tree(shapes.find((one) => one.id === mesh.geometryId)) : mesh;
    const [places, order] = [list(shape.positions).map(Number), list(shape.indices).map(Number)];
    const [x, y, z] = list(mesh.position).length === 3 ? list(mesh.position).map(Number) : [0, 0, 0];
    const first = maker.count;
    for (let i = 0; i + 2 < places.length; i += 3) {
      maker.point(places[i]! + x!, places[i + 1]! + y!, places[i + 2]! + z!, GRAY);
    }
    const count = maker.count - first;
    for (let i = 0; i + 2 < order.length; i += 3) {
      if (order[i]! < count && order[i + 1]! < count && order[i + 2]! < count) {
        maker.triangle(first + order[i]!, first + order[i + 1]!, first + order[i + 2]!);
      }
    }
  }
  return maker.made(0, false);
}
