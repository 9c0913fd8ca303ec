// The sentences of the comparison, beside those of strings-later.ts.
import { catalogue } from './lib/language';
import { groupThousands } from './lib/numbers';

const n = groupThousands;
const plural = (count: number, one: string, many = `${one}s`) => `${n(count)} ${count === 1 ? one : many}`;

export const compareStrings = catalogue('strings-compare', {
  media: 'Media',
  earlier: (name: string) => `Move ${name} to the left`,
  later: (name: string) => `Move ${name} to the right`,
  menu: 'Export the comparison',
  copyMarkdown: 'Copy as Markdown',
  saveMarkdown: 'Download as Markdown',
  print: 'Print',
  ignore: 'Ignore keys',
  ignoring: (count: number) => `Ignore keys (${n(count)})`,
  ignoreHelp: 'Patterns with * and ?, one a line or parted by spaces. They are kept for this project, in this browser.',
  ignoreExample: 'seed\n*.dir\npaths.*',
  ignored: (count: number) => `${plural(count, 'key')} ignored`,
  branch: (path: string, differing: number) => `${path}: ${plural(differing, 'difference')}`,
  showValue: (path: string) => `Show the whole value of ${path}`,
  value: (path: string) => `Value of ${path}`,
  closeValue: 'Close',
  copyKey: 'Copy key',
  with: 'Beside the base',
  next: 'Next difference (n)',
  previous: 'Previous difference (p)',
  place: (at: number, all: number) => `${n(at)} of ${n(all)}`,
  modes: { overlay: 'Overlay', difference: 'Difference from base' },
  mode: 'How the runs are drawn',
  minus: (name: string, base: string) => `${name} − ${base}`,
  exact: 'Each value is the difference of two logged points.',
  rough: (count: number) =>
    `In ${plural(count, 'metric')} values are between logged points or means of several: zoom in to see single ones.`,
  noMedia: 'None of the runs logged any media.',
  notLogged: 'not logged',
  title: (base: string, others: number) => `${base} and ${plural(others, 'other run')}`,
  noDifferences: 'No difference.',
});
