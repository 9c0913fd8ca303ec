// What a kind of panel is to the grid: a body that draws, and a form that changes its options. The grid owns the frame
// (header, menu, size, drag); `registry.ts` names the kinds, and each loads on first use.
import type { Component } from 'svelte';
import type { Run } from '../api/types';
import type { LineGroups } from '../state/groups';
import type { ProjectSession } from '../state/project.svelte';
import type { PanelKind, PanelSpec } from '../state/view-doc';
import type { IconName } from '../ui/Icon.svelte';

/** What every body is given. It fills its parent, whose size it follows. */
export interface PanelBodyProps {
  session: ProjectSession;
  id: string;
  spec: PanelSpec;
  /** Runs to draw, in list order: those with their eye open. */
  runs: readonly Run[];
  /** Runs drawn as one each group; null without groups. */
  groups: LineGroups | null;
  /** Fills the page: room for every detail. */
  expanded: boolean;
  /** Options that the body itself changes (a slider's step, a brushed axis) are kept in the view. */
  onoptions: (patch: Record<string, unknown>) => void;
  /** What the frame says in the panel's header, such as `12 of 40 runs`; null for nothing. */
  onnote?: (note: string | null) => void;
  /** Rows behind the picture, for the frame's "view as table" and CSV; set by the body as it draws. */
  ondata?: (data: PanelData | null) => void;
}

export interface PanelData {
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
}

/** The form in the drawer. */
export interface PanelFormProps {
  session: ProjectSession;
  spec: PanelSpec;
  runs: readonly Run[];
  onchange: (patch: Partial<PanelSpec>) => void;
}

export interface PanelKindEntry {
  kind: PanelKind;
  icon: IconName;
  /** As "add panel" lists it. */
  label: string;
  body: () => Promise<{ default: Component<PanelBodyProps> }>;
  form: () => Promise<{ default: Component<PanelFormProps> }>;
  /** Title of a panel that was given none. */
  title: (spec: PanelSpec) => string;
  /** Options of a new panel. */
  fresh: (session: ProjectSession) => Record<string, unknown>;
}
