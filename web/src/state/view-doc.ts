// What a saved view holds: how a person arranged a project's pages. Only what differs from what Kiseki lays out by itself
// stands here, so a new metric appears by itself in a view of last year. Pure.
//
//   automatic layout (from the metrics)  +  ViewDoc (what a person changed)  =  what is shown
import type { GroupBand, GroupLine } from '../lib/grouping';
import type { ViewSettings } from './view';

export const VIEW_VERSION = 1;

/** The kinds of panels; each has a folder in `panels/`. */
export const PANEL_KINDS = [
  'line',
  'bar',
  'box',
  'scatter',
  'parallel',
  'importance',
  'histogram',
  'media',
  'table',
  'text',
  'number',
  'note',
  'comparer',
] as const;
export type PanelKind = (typeof PANEL_KINDS)[number];

/**
 * A panel that a person added, or an automatic one that they changed. Its options are read by its kind, which ignores
 * what it does not know and falls back to defaults, so that any version can read any document.
 */
export interface PanelSpec {
  kind: PanelKind;
  /** Key of the section it stands in. */
  section: string;
  /** Absent: the kind names itself. */
  title?: string;
  /** Cells of the section's grid; absent is one by one. */
  width?: number;
  height?: number;
  options: Record<string, unknown>;
}

export type SectionRule = 'last' | 'first' | 'none';

export interface ViewDoc {
  version: typeof VIEW_VERSION;
  /** Of every chart; a panel may have its own. */
  charts: Partial<ViewSettings>;
  runs: {
    filter: string;
    sort: string;
    group: readonly string[];
    look?: { line: GroupLine; band: GroupBand; stopAtShortest?: boolean };
    /** In this order above the others. */
    pins: readonly string[];
    baseline: string | null;
    /** Run id (or group key) → index into the hues, or a CSS colour. */
    colours: Readonly<Record<string, number | string>>;
    /** Key whose value colours the runs instead of their own colours. */
    colourBy?: string | null;
    /** Values beside the names in the sidebar. */
    values?: readonly string[];
    /** Of a line in legends and tooltips: `{name} · lr {config.lr}`. */
    legend?: string;
  };
  table: {
    /** Paths in order; null: the automatic choice. */
    columns: readonly string[] | null;
    pinned: readonly string[];
    widths: Readonly<Record<string, number>>;
    density?: 'compact' | 'normal' | 'comfortable';
  };
  /** Which part of a metric's name is its section. */
  sectionRule?: SectionRule;
  sections: Readonly<
    Record<string, { title?: string; folded?: boolean; pinned?: boolean; columns?: number; order?: number }>
  >;
  /** Panels by id. An automatic panel's id is `space:metric`; that of an added one is made at random. */
  panels: Readonly<Record<string, PanelSpec>>;
  /** Section key → ids in order, for sections that a person ordered; panels not named follow as the automatic layout has them. */
  order: Readonly<Record<string, readonly string[]>>;
  /** Ids of automatic panels that were taken away. */
  hidden: readonly string[];
  /** Sections that a person made. */
  added: readonly string[];
}

export const EMPTY_VIEW: ViewDoc = {
  version: VIEW_VERSION,
  charts: {},
  runs: { filter: '', sort: '', group: [], pins: [], baseline: null, colours: {} },
  table: { columns: null, pinned: [], widths: {} },
  sections: {},
  panels: {},
  order: {},
  hidden: [],
  added: [],
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

/** A document as it came from the server or an address: what is missing or of another form is as in an empty view. */
export function readDoc(json: unknown): ViewDoc {
  if (!isRecord(json)) return EMPTY_VIEW;
  const record = <T>(value: unknown, test: (one: unknown) => boolean): Record<string, T> =>
    isRecord(value)
      ? (Object.fromEntries(Object.entries(value).filter(([, one]) => test(one))) as Record<string, T>)
      : {};
  const texts = (value: unknown) => (isTexts(value) ? value : []);
  const runs = isRecord(json.runs) ? json.runs : {};
  const table = isRecord(json.table) ? json.table : {};
  const doc = {
    version: VIEW_VERSION,
    charts: isRecord(json.charts) ? json.charts : {},
    runs: {
      ...EMPTY_VIEW.runs,
      ...runs,
      filter: typeof runs.filter === 'string' ? runs.filter : '',
      sort: typeof runs.sort === 'string' ? runs.sort : '',
      group: texts(runs.group),
      pins: texts(runs.pins),
      baseline: typeof runs.baseline === 'string' ? runs.baseline : null,
      colours: record(runs.colours, (one) => typeof one === 'string' || typeof one === 'number'),
    },
    table: {
      ...EMPTY_VIEW.table,
      ...table,
      columns: isTexts(table.columns) ? table.columns : null,
      pinned: texts(table.pinned),
      widths: record(table.widths, Number.isFinite),
    },
    sections: record(json.sections, isRecord),
    panels: record(json.panels, (one) => isRecord(one) && isRecord(one.options) && typeof one.section === 'string'),
    order: record(json.order, isTexts),
    hidden: texts(json.hidden),
    added: texts(json.added),
  };
  const rule = json.sectionRule;
  const known = rule === 'last' || rule === 'first' || rule === 'none' ? { sectionRule: rule } : {};
  return { ...doc, ...known } as ViewDoc;
}
