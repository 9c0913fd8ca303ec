import { describe, expect, it } from 'vitest';
import { babylonOf, gltfOf } from './gltf';
import { bondsOf, moleculeOf } from './molecules';
import { random as randomOf } from './random.fixture';
import { cloudOf, edgesOf, objOf, stlOf } from './scenes';
import { extentOf, FRONT, paint, projectionOf, rasterOf } from './space';

const CUBE = [0, 1].flatMap((x) => [0, 1].flatMap((y) => [0, 1].map((z) => [x, y, z] as [number, number, number])));
const bytesOf = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

describe('files', () => {
  it('reads clouds with categories, colours, boxes', () => {
    expect(cloudOf([[1, 2, 3], [4, 5, 6, 2], [7, 8, 9, 10, 20, 30], ['x'], null])?.points).toHaveLength(9);
    expect([...cloudOf([[7, 8, 9, 10, 20, 30]])!.colours]).toEqual([10, 20, 30]);
    const scene = cloudOf({ points: [], boxes: [{ corners: CUBE, label: 'car', color: [9, 8, 7] }, { corners: [] }] })!;
    expect(scene.lines).toHaveLength(24);
    expect(scene.labels[0]?.text).toBe('car');
    for (const other of [null, 3, 'x', {}, []]) expect(cloudOf(other)).toBeNull();
  });

  it('finds the edges of a long box in either order of its corners', () => {
    const long = (order: number[]) => order.map((at) => CUBE[at]!.map((value, axis) => value * [9, 1, 1][axis]!) as [number, number, number]);
    for (const order of [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 3, 2, 4, 5, 7, 6]]) {
      const corners = long(order);
      for (const [a, b] of edgesOf(corners)) {
        const differ = corners[a]!.filter((value, axis) => value !== corners[b]![axis]);
        expect(differ).toHaveLength(1);
      }
    }
  });

  it('reads OBJ, with negative places and polygons, and STL in both forms', () => {
    const text = 'v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1/1 2/2 3/3 -1\nf 1 2 99\n';
    expect([...objOf(text)!.triangles]).toEqual([0, 1, 2, 0, 2, 3]);
    const plain = 'solid a\n' + 'vertex 0 0 0\nvertex 1 0 0\nvertex 0 1e0 0\n';
    expect(stlOf(bytesOf(plain))!.triangles).toHaveLength(3);
    const view = new DataView(new ArrayBuffer(84 + 50));
    view.setUint32(80, 1, true);
    view.setFloat32(84 + 12, 5, true);
    expect(stlOf(view.buffer)!.points[0]).toBe(5);
  });

  it('reads glTF with its data inside, moved by its nodes, alone and as GLB; and Babylon', () => {
    const data = new Uint8Array(Float32Array.from([0, 0, 0, 1, 0, 0, 0, 1, 0]).buffer);
    const file = (uri?: string) => ({
      asset: { version: '2.0' },
      scenes: [{ nodes: [0] }],
      nodes: [{ mesh: 0, translation: [10, 0, 0], scale: [2, 2, 2] }],
      meshes: [{ primitives: [{ attributes: { POSITION: 0 } }] }],
      accessors: [{ bufferView: 0, componentType: 5126, count: 3, type: 'VEC3' }],
      bufferViews: [{ buffer: 0, byteLength: 36 }],
      buffers: [{ byteLength: 36, ...(uri ? { uri } : {}) }],
    });
    const uri = `data:application/octet-stream;base64,${btoa(String.fromCharCode(...data))}`;
    const whole = gltfOf(bytesOf(JSON.stringify(file(uri))))!;
    expect([...whole.points]).toEqual([10, 0, 0, 12, 0, 0, 10, 2, 0]);
    let head = JSON.stringify(file());
    head += ' '.repeat((4 - (head.length % 4)) % 4);
    const glb = new Uint8Array(20 + head.length + 8 + data.length);
    const view = new DataView(glb.buffer);
    [0x46546c67, 2, glb.length, head.length, 0x4e4f534a].forEach((word, i) => view.setUint32(i * 4, word, true));
    glb.set(new TextEncoder().encode(head), 20);
    view.setUint32(20 + head.length, data.length, true);
    view.setUint32(24 + head.length, 0x004e4942, true);
    glb.set(data, 28 + head.length);
    expect([...gltfOf(glb.buffer)!.points]).toEqual([...whole.points]);
    const babylon = babylonOf({ meshes: [{ positions: [0, 0, 0, 1, 0, 0, 0, 1, 0], indices: [0, 1, 2, 0, 1, 9], position: [1, 1, 1] }] })!;
    expect([...babylon.triangles]).toEqual([0, 1, 2]);
  });

  it('reads molecules, and binds what is near', () => {
    const atom = (name: string, x: number) =>
      `HETATM    1  ${name.padEnd(3)} LIG A   1    ${x.toFixed(3).padStart(8)}   0.000   0.000  1.00  0.00          ${name.padStart(2)}`;
    const water = moleculeOf([atom('O', 0), atom('H', 0.96), atom('H', 3)].join('\n'), 'pdb')!;
    expect([...water.lines]).toEqual([0, 1]);
    const mol = ['', '', '', '  2  1', `${'    0.0000    0.0000    0.0000'} C  `, `${'    9.0000    0.0000    0.0000'} O  `, '  1  2  1'];
    expect([...moleculeOf(mol.join('\n'), 'sdf')!.lines]).toEqual([0, 1]);
    expect(moleculeOf('C 1 2', 'mmtf')).toBeNull();
    const random = randomOf(3);
    const atoms = Array.from({ length: 60 }, () => ({ element: 'C', x: random() * 9, y: random() * 9, z: random() * 9 }));
    const near = atoms.flatMap((a, i) =>
      atoms.flatMap((b, j) => {
        const away = Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z);
        return j > i && away > 0.1 && away < 2 * 0.76 + 0.45 ? [[i, j].join()] : [];
      }),
    );
    expect(bondsOf(atoms).map((bond) => bond.join()).sort()).toEqual(near.sort());
  });
});

describe('the picture', () => {
  it('has everything within its edges as it begins, from any side', () => {
    const random = randomOf(11);
    for (let turn = 0; turn < 50; turn += 1) {
      const points = Array.from({ length: 40 }, () => [random() * 8 - 2, random() * 3, random() * 100]);
      const scene = cloudOf(points)!;
      const camera = { ...FRONT, turn: random() * 7, tilt: random() * 3 - 1.5 };
      const project = projectionOf(scene, extentOf(scene), camera, 200, 150);
      for (const [x, y, z] of points as [number, number, number][]) {
        const [px, py, away] = project(x, y, z);
        expect(away).toBeGreaterThan(0);
        expect(px).toBeGreaterThan(-45);
        expect(px).toBeLessThan(245);
        expect(py).toBeGreaterThan(-45);
        expect(py).toBeLessThan(195);
      }
    }
  });

  it('shows what is nearer, whatever comes first', () => {
    const [near, far] = [[0, -1, 0, 255, 0, 0], [0, 1, 0, 0, 0, 255]];
    const look = { turn: 0, tilt: 0, zoom: 1, right: 0, down: 0 };
    for (const points of [[near, far], [far, near]]) {
      const scene = cloudOf(points)!;
      const raster = rasterOf(21, 21);
      paint(scene, extentOf(scene), look, raster, 0);
      const middle = raster.pixels[10 * 21 + 10]!;
      expect([middle & 255, (middle >> 16) & 255]).toEqual([255, 0]);
    }
  });

  it('paints meshes, balls and sticks', () => {
    const cube = objOf('v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 2 3 4')!;
    const atoms = moleculeOf('2\n\nO 0 0 0\nH 0.9 0 0', 'xyz')!;
    for (const scene of [cube, atoms]) {
      const raster = rasterOf(60, 60);
      paint(scene, extentOf(scene), FRONT, raster, 0);
      expect(raster.pixels.filter((pixel) => pixel !== 0).length).toBeGreaterThan(200);
    }
  });
});
