// What line panels say beside their charts: legends, how many lines, the form.
import { catalogue } from './lib/language';
import { groupThousands as n } from './lib/numbers';

export const lineWords = catalogue('strings-line', {
  group: {
    line: (label: string, runs: number) => `${label} (${n(runs)} ${runs === 1 ? 'run' : 'runs'})`,
    note: (contributors: number, all: number) => `n = ${contributors} of ${all}`,
  },
  legend: {
    title: 'Lines',
    count: (drawn: number, all: number) => (drawn === all ? `${n(all)} lines` : `${n(drawn)} of ${n(all)} runs`),
    hidden: (count: number) => `${n(count)} hidden here`,
    search: 'Find a line',
    orders: { list: 'As listed', last: 'Last value', name: 'Name' },
    order: 'Order',
    toggle: (label: string) => `Show ${label}`,
    hint: 'Alt-click shows one alone',
    all: 'Show all',
    more: '+100 runs',
    every: (count: number) => `All ${n(count)}`,
    first: (count: number) => `First ${n(count)}`,
    group: 'Group them',
    none: 'No line matches',
  },
  outside: (points: number) => `${n(points)} ${points === 1 ? 'point' : 'points'} outside, show`,
  outsideTitle: 'Outliers are cut off. Click to see everything',
  density: 'Shade',
  densityOff: 'Draw lines',
  densityTitle: 'So many lines hide each other: shade how many pass instead',
});
