// The kinds of panels. Each is an entry here and a folder beside it; its body and form load when they are first needed.
import { metricsIn } from '../state/layout';
import { shortName } from '../state/sections';
import type { PanelKind, PanelSpec } from '../state/view-doc';
import { strings } from '../strings';
import LinePanel from './line/LinePanel.svelte';
import type { PanelKindEntry } from './panel';

const ENTRIES: readonly PanelKindEntry[] = [
  {
    kind: 'line',
    icon: 'chart',
    label: strings.charts.kindLine,
    ready: LinePanel,
    body: () => import('./line/LinePanel.svelte'),
    title: (spec) => metricsIn(spec).paths.map(shortName).join(', '),
    fresh: () => ({ metrics: [] }),
    automatic: ['number'],
  },
];

export const PANEL_ENTRIES: ReadonlyMap<PanelKind, PanelKindEntry> = new Map(ENTRIES.map((one) => [one.kind, one]));

/** Kinds of logged values beside numbers that have a panel by themselves. */
export const AUTOMATIC_KINDS: Readonly<Partial<Record<string, PanelKind>>> = Object.fromEntries(
  ENTRIES.flatMap(({ kind, automatic = [] }) => automatic.map((logged) => [logged, kind])),
);

export function entryOf(kind: string): PanelKindEntry | undefined {
  return PANEL_ENTRIES.get(kind as PanelKind);
}

export function titleOf(spec: PanelSpec): string {
  return entryOf(spec.kind)?.title(spec) ?? spec.kind;
}
