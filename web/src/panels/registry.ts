// The kinds of panels. Each is an entry here and a folder beside it; its body and form load when they are first needed.
import { metricsIn } from '../state/layout';
import { shortName } from '../state/sections';
import type { PanelKind, PanelSpec } from '../state/view-doc';
import { strings } from '../strings';
import { KINDS } from './kinds';
import LinePanel from './line/LinePanel.svelte';
import type { PanelKindEntry } from './panel';

const ENTRIES: readonly PanelKindEntry[] = [
  {
    kind: 'line',
    icon: 'chart',
    label: strings.charts.kindLine,
    body: { component: LinePanel },
    form: () => import('./line/LineForm.svelte'),
    title: (spec) => metricsIn(spec).paths.map(shortName).join(', '),
  },
  ...KINDS,
];

export const PANEL_ENTRIES: ReadonlyMap<PanelKind, PanelKindEntry> = new Map(ENTRIES.map((one) => [one.kind, one]));

export function entryOf(kind: string): PanelKindEntry | undefined {
  return PANEL_ENTRIES.get(kind as PanelKind);
}

export function titleOf(spec: PanelSpec): string {
  return entryOf(spec.kind)?.title(spec) ?? spec.kind;
}
