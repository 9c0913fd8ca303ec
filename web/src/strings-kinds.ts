// The names of the kinds of panels: all that a page says of a kind before the kind itself is loaded.
import { catalogue } from './lib/language';

export const kindWords = catalogue('strings-kinds', {
  bar: 'Bar chart',
  box: 'Box plot',
  scatter: 'Scatter plot',
  parallel: 'Parallel coordinates',
  importance: 'Parameter importance',
  histogram: 'Histograms over steps',
  media: 'Media',
  table: 'Table',
  text: 'Text',
  number: 'Number',
  note: 'Note',
  comparer: 'Run comparer',
  by: (y: string, x: string) => `${y} by ${x}`,
  of: (kind: string, key: string) => `${kind}: ${key}`,
});
