// What a kind of panel is to the grid: a body that draws, and a form that changes its options. The grid owns the frame
// (header, menu, size, drag); `registry.ts` names the kinds, and each loads on first use.
import type { Component, Snippet } from 'svelte';
import type { Run } from '../api/types';
import type { SeriesData } from '../lib/series';
import type { LineGroups } from '../state/groups';
import type { ProjectSession } from '../state/project.svelte';
import type { SeriesCache } from '../state/series';
import type { ViewSettings } from '../state/view';
import type { PanelKind, PanelSpec } from '../state/view-doc';
import type { IconName } from '../ui/Icon.svelte';
import type { LineRules } from './line/questions';

/** What all panels of a page share: where series come from, how and which part of them is drawn. */
export interface PanelScene {
  view: ViewSettings;
  /** x range shown, null for all. */
  zoom: readonly [number, number] | null;
  /** Which x axis `zoom` is of. */
  zoomKey: string | null;
  onzoom: (range: readonly [number, number] | null, xKey: string) => void;
  panelsInView: number;
  /** Where the series come from: another than the session's for an earlier attempt. */
  source: SeriesCache<SeriesData> | undefined;
  rules: LineRules | undefined;
}

/** What every body is given. It fills its parent, whose size it follows. */
export interface PanelBodyProps {
  session: ProjectSession;
  id: string;
  spec: PanelSpec;
  /** Runs to draw, in list order: those with their eye open. */
  runs: readonly Run[];
  /** Runs drawn as one each group; null without groups. */
  groups: LineGroups | null;
  scene: PanelScene;
  /** Fills the page: room for every detail. */
  expanded: boolean;
  /** Options that the body itself changes (a slider's step, a brushed axis) are kept in the view. */
  onoptions: (patch: Record<string, unknown>) => void;
  /** What the frame says in the panel's header, such as `12 of 40 runs`; null for nothing. */
  onnote?: (note: string | null) => void;
  /** Rows behind the picture, for the frame's "view as table" and CSV; set by the body as it draws. */
  ondata?: (data: PanelData | null) => void;
  /** How it stands with the picture: the frame shows progress, emptiness and errors, the same for every kind. */
  onstatus?: (status: PanelStatus) => void;
}

export interface PanelStatus {
  /** An answer is on its way. */
  loading: boolean;
  /** There is a picture, if an old one. */
  drawn: boolean;
  error?: unknown;
  retry?: () => void;
  /** A sentence instead of a picture: what is missing. */
  empty?: string | null;
  /** Such as `ms`; behind the title. */
  unit?: string;
  /** What is drawn in it, by name; behind the title. */
  legend?: Snippet | null;
  chips?: readonly PanelChip[];
  tools?: readonly PanelTool[];
  saves?: PanelSaves;
}

export interface PanelChip {
  text: string;
  tone: 'quiet' | 'warning' | 'accent';
  title?: string;
  /** A longer title, worked out when somebody points at it. */
  details?: () => string;
  run?: () => void;
}

export interface PanelTool {
  icon: IconName;
  label: string;
  run: () => void;
}

/** What the menu offers to save and to read. Without `csv` and `table` the rows given to `ondata` serve for both. */
export interface PanelSaves {
  png?: () => Promise<Blob>;
  svg?: () => Promise<Blob>;
  csv?: () => Promise<string>;
  parquet?: () => Promise<Blob>;
  table?: () => PanelData;
}

export interface PanelData {
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
  /** Rows that were left out. */
  omitted?: number;
}

/** The form in the drawer. */
export interface PanelFormProps {
  session: ProjectSession;
  spec: PanelSpec;
  runs: readonly Run[];
  onchange: (patch: Partial<PanelSpec>) => void;
}

/** Loaded on first use; of the kind that a first page shows the body itself, which comes with the page. */
export type PanelBody =
  { component: Component<PanelBodyProps> } | { load: () => Promise<{ default: Component<PanelBodyProps> }> };

export interface PanelKindEntry {
  kind: PanelKind;
  icon: IconName;
  /** As "add panel" lists it. */
  label: string;
  body: PanelBody;
  /** Absent where there is nothing to choose. */
  form?: () => Promise<{ default: Component<PanelFormProps> }>;
  /** Title of a panel that was given none. */
  title: (spec: PanelSpec) => string;
}
