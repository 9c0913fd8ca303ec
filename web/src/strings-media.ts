// The sentences of what is drawn of logged files: figures, charts of tables, things in space.
import { catalogue } from './lib/language';
import { groupThousands } from './lib/numbers';

const n = groupThousands;
const plural = (count: number, one: string, many = `${one}s`) => `${n(count)} ${count === 1 ? one : many}`;

export const mediaWords = catalogue('strings-media', {
  figure: (name: string, marks: number) => `Figure ${name}: ${plural(marks, 'trace')}`,
  legend: 'Traces',
  left: (kinds: string) => `Not drawn here: ${kinds}. Download the file to open it with plotly.`,
  nothing: 'Nothing of this figure can be drawn here',
  noFigure: 'This file holds no figure',
  noFigureText: 'It cannot be read as what its type says. Download it to look at it.',
  noSpace: 'There is nothing in space to be drawn in this file',
  tooBig: (size: string) => `This file is too big to be shown here (${size}).`,
  asText: 'Text',
  space: (name: string, points: number, faces: number) =>
    faces > 0 ? `${name}: ${plural(faces, 'triangle')} in space` : `${name}: ${plural(points, 'point')} in space`,
  molecule: (name: string, atoms: number) => `${name}: a molecule of ${plural(atoms, 'atom')}`,
  points: (points: number, faces: number) => (faces > 0 ? plural(faces, 'triangle') : plural(points, 'point')),
  atoms: (atoms: number) => plural(atoms, 'atom'),
  spaceHint: 'Drag to turn, Shift and drag to move; arrow keys, + and −, 0 to begin anew',
  closer: 'Closer',
  farther: 'Farther',
  anew: 'As at the beginning',
  chart: 'Chart',
  rows: 'Rows',
  show: (key: string) => `Show ${key} as`,
  unknownChart: (spec: string) => `A chart of kind ${spec} is not drawn here; these are the rows behind it.`,
});
