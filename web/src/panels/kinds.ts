// Every kind of panel but lines. Options that nobody chose are chosen by the kind from the data.
import { metricsIn } from '../state/layout';
import { pathLabel } from '../state/fields';
import { shortName } from '../state/sections';
import type { PanelKind, PanelSpec } from '../state/view-doc';
import { kindWords } from '../strings-kinds';
import type { IconName } from '../ui/Icon.svelte';
import type { PanelKindEntry } from './panel';

type Kind = Exclude<PanelKind, 'line'>;

const last = (path: unknown): string => (typeof path === 'string' ? pathLabel(path) : '');

/** What a panel is about, as its options say it; "" where the kind itself chooses. */
function subjectOf({ kind, options }: PanelSpec): string {
  const { x, y, path, target } = options;
  if (kind === 'scatter') return last(y) && last(x) ? kindWords.by(last(y), last(x)) : '';
  if (kind === 'importance') return target ? kindWords.of(kindWords.importance, last(target)) : '';
  return last(path) || metricsIn({ kind, section: '', options }).paths.map(shortName).join(', ');
}

const entry = (kind: Kind, icon: IconName, parts: Pick<PanelKindEntry, 'body' | 'form'>): PanelKindEntry => ({
  kind,
  icon,
  label: kindWords[kind],
  ...parts,
  title: (spec) => subjectOf(spec) || kindWords[kind],
});

export const KINDS: readonly PanelKindEntry[] = [
  entry('bar', 'bars', {
    body: { load: () => import('./bar/BarBody.svelte') },
    form: () => import('./bar/BarForm.svelte'),
  }),
  entry('box', 'box', {
    body: { load: () => import('./box/BoxBody.svelte') },
    form: () => import('./box/BoxForm.svelte'),
  }),
  entry('scatter', 'scatter', {
    body: { load: () => import('./scatter/ScatterBody.svelte') },
    form: () => import('./scatter/ScatterForm.svelte'),
  }),
  entry('parallel', 'parallel', {
    body: { load: () => import('./parallel/ParallelBody.svelte') },
    form: () => import('./parallel/ParallelForm.svelte'),
  }),
  entry('importance', 'sort', {
    body: { load: () => import('./importance/ImportanceBody.svelte') },
    form: () => import('./importance/ImportanceForm.svelte'),
  }),
  entry('histogram', 'histogram', {
    body: { load: () => import('./histogram/HistogramBody.svelte') },
    form: () => import('./histogram/HistogramForm.svelte'),
  }),
  entry('media', 'picture', {
    body: { load: () => import('./media/MediaBody.svelte') },
    form: () => import('./media/MediaForm.svelte'),
  }),
  entry('table', 'table', {
    body: { load: () => import('./table/TableBody.svelte') },
    form: () => import('./table/TableForm.svelte'),
  }),
  entry('text', 'text', {
    body: { load: () => import('./text/TextBody.svelte') },
    form: () => import('./text/TextForm.svelte'),
  }),
  entry('number', 'number', {
    body: { load: () => import('./number/NumberBody.svelte') },
    form: () => import('./number/NumberForm.svelte'),
  }),
  entry('note', 'pencil', {
    body: { load: () => import('./note/NoteBody.svelte') },
    form: () => import('./note/NoteForm.svelte'),
  }),
  entry('comparer', 'columns', {
    body: { load: () => import('./comparer/ComparerBody.svelte') },
    form: () => import('./comparer/ComparerForm.svelte'),
  }),
];
