/** Molecules as balls and sticks: PDB, PQR, SDF and MOL, GRO, XYZ. What other formats say is shown as text. */
import { SceneMaker, type Scene } from './scenes';

interface Atom {
  element: string;
  x: number;
  y: number;
  z: number;
}

/** Colour, and covalent radius in Å. */
const ELEMENTS: Record<string, readonly [readonly [number, number, number], number]> = {
  H: [[225, 225, 225], 0.31],
  C: [[120, 120, 125], 0.76],
  N: [[70, 100, 240], 0.71],
  O: [[225, 50, 50], 0.66],
  F: [[110, 210, 80], 0.57],
  P: [[240, 140, 30], 1.07],
  S: [[225, 190, 40], 1.05],
  CL: [[60, 200, 60], 1.02],
  BR: [[160, 60, 50], 1.2],
  I: [[140, 50, 160], 1.39],
  NA: [[150, 100, 230], 1.66],
  MG: [[90, 170, 60], 1.41],
  CA: [[90, 180, 90], 1.76],
  FE: [[210, 110, 60], 1.32],
  ZN: [[125, 128, 176], 1.22],
  SE: [[240, 160, 30], 1.2],
};
const OTHER: readonly [readonly [number, number, number], number] = [[220, 110, 190], 1.2];
const BALL = 0.42;
const ATOMS_MAX = 200_000;
/** Two atoms are bound where they are nearer than their radii and this together (Å). */
const SLACK = 0.45;

const aboutOf = (element: string) => ELEMENTS[element.toUpperCase()] ?? OTHER;

export const MOLECULES = ['pdb', 'pqr', 'sdf', 'sd', 'mol', 'gro', 'xyz'];

/** Null for what is no molecule, or in a format that is not read. */
export function moleculeOf(text: string, ending: string): Scene | null {
  const lines = text.split(/\r?\n/);
  const bonds: [number, number][] = [];
  let atoms: Atom[] = [];
  if (ending === 'pdb') atoms = pdbAtoms(lines);
  else if (ending === 'pqr') atoms = pqrAtoms(lines);
  else if (ending === 'gro') atoms = groAtoms(lines);
  else if (ending === 'xyz') atoms = xyzAtoms(lines);
  else if (['sdf', 'sd', 'mol'].includes(ending)) atoms = molAtoms(lines, bonds);
  atoms = atoms.filter(({ x, y, z }) => [x, y, z].every(Number.isFinite)).slice(0, ATOMS_MAX);
  if (atoms.length === 0) return null;
  const maker = new SceneMaker();
  for (const { element, x, y, z } of atoms) {
    const [colour, radius] = aboutOf(element);
    maker.point(x, y, z, colour, radius * BALL);
  }
  for (const [a, b] of bonds.length > 0 ? bonds : bondsOf(atoms)) maker.line(a, b);
  return maker.made(0, false, true);
}

function pdbAtoms(lines: readonly string[]): Atom[] {
  const atoms: Atom[] = [];
  for (const line of lines) {
    if (line.startsWith('ENDMDL')) break;
    if (!line.startsWith('ATOM') && !line.startsWith('HETATM')) continue;
    const named = line.slice(76, 78).trim() || line.slice(12, 16).trim().replace(/^\d+/, '').slice(0, 1);
    const [x, y, z] = [30, 38, 46].map((at) => parseFloat(line.slice(at, at + 8))) as [number, number, number];
    atoms.push({ element: named, x, y, z });
  }
  return atoms;
}

function pqrAtoms(lines: readonly string[]): Atom[] {
  return lines.flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words[0] !== 'ATOM' && words[0] !== 'HETATM') return [];
    // From the end: the chain in the middle may be left out.
    const [x, y, z] = words.slice(-5, -2).map(Number) as [number, number, number];
    return [{ element: (words[2] ?? '').replace(/^\d+/, '').slice(0, 1), x, y, z }];
  });
}

function groAtoms(lines: readonly string[]): Atom[] {
  const count = parseInt(lines[1] ?? '', 10) || 0;
  return lines.slice(2, 2 + count).map((line) => {
    // nm, in columns of eight.
    const [x, y, z] = [20, 28, 36].map((at) => parseFloat(line.slice(at, at + 8)) * 10) as [number, number, number];
    return { element: line.slice(10, 15).trim().replace(/\d/g, '').slice(0, 1), x, y, z };
  });
}

function xyzAtoms(lines: readonly string[]): Atom[] {
  const count = parseInt(lines[0] ?? '', 10) || 0;
  return lines.slice(2, 2 + count).map((line) => {
    const [element, x, y, z] = line.trim().split(/\s+/);
    return { element: element ?? '', x: Number(x), y: Number(y), z: Number(z) };
  });
}

function molAtoms(lines: readonly string[], bonds: [number, number][]): Atom[] {
  const counts = lines[3] ?? '';
  const [atoms, links] = [parseInt(counts.slice(0, 3), 10) || 0, parseInt(counts.slice(3, 6), 10) || 0];
  for (const line of lines.slice(4 + atoms, 4 + atoms + links)) {
    const [a, b] = [parseInt(line.slice(0, 3), 10) - 1, parseInt(line.slice(3, 6), 10) - 1];
    if (a >= 0 && b >= 0 && a < atoms && b < atoms) bonds.push([a, b]);
  }
  return lines.slice(4, 4 + atoms).map((line) => {
    const [x, y, z] = [0, 10, 20].map((at) => parseFloat(line.slice(at, at + 10))) as [number, number, number];
    return { element: line.slice(31, 34).trim(), x, y, z };
  });
}

/** Pairs of atoms that are as near as bonds are; a grid keeps it to the neighbours of each. */
export function bondsOf(atoms: readonly Atom[]): [number, number][] {
  const CELL = 3.5;
  const cells = new Map<string, number[]>();
  const cellOf = ({ x, y, z }: Atom): [number, number, number] =>
    [x, y, z].map((one) => Math.floor(one / CELL)) as never;
  atoms.forEach((atom, i) => {
    const key = cellOf(atom).join();
    cells.set(key, [...(cells.get(key) ?? []), i]);
  });
  const found: [number, number][] = [];
  atoms.forEach((atom, i) => {
    const [cx, cy, cz] = cellOf(atom);
    const radius = aboutOf(atom.element)[1];
    for (let near = 0; near < 27; near += 1) {
      const key = [cx + (near % 3) - 1, cy + (Math.floor(near / 3) % 3) - 1, cz + Math.floor(near / 9) - 1].join();
      for (const j of cells.get(key) ?? []) {
        if (j <= i) continue;
        const other = atoms[j]!;
        const away = Math.hypot(atom.x - other.x, atom.y - other.y, atom.z - other.z);
        if (away > 0.1 && away < radius + aboutOf(other.element)[1] + SLACK) found.push([i, j]);
      }
    }
  });
  return found;
}
