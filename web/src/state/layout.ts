// Which panels there are, in which sections and order: the automatic layout, then what a view changed of it. Pure, and
// linear in the number of metrics but for sorting them.
import type { Metric } from '../api/types';
import {
  bySectionRule,
  headlineRank,
  isDrawable,
  nameRank,
  naturalKey,
  sectionTitle,
  shortName,
  SYSTEM_KEY,
  type SectionOf,
} from './sections';
import { panelTitle } from './system-names';
import type { PanelKind, PanelSpec, SectionRule, ViewDoc } from './view-doc';

/** A panel in its place. */
export interface Panel {
  /** `space:metric` of an automatic one; made at random for one that a person added. */
  id: string;
  spec: PanelSpec;
  /** What it shows, when that is one metric of the project. */
  metric: Metric | null;
  /** Name for the address (`?panel=`) and for people: the metric's path where there is one. */
  name: string;
  /** What its header says. */
  title: string;
  /** A person added it: it is there whatever is logged. */
  added: boolean;
}

export interface Section {
  /** Stable name: the prefix before the last `/`, "" for metrics without one, `SYSTEM_KEY` for machine samples. */
  key: string;
  title: string;
  panels: Panel[];
  folded: boolean;
  pinned: boolean;
  /** Panels per row, where the section has a number of its own. */
  columns: number | null;
  /** Where it stands among the sections; a moved one takes a number between its neighbours'. */
  rank: number;
  /** A person made it, and it stays when it is empty. */
  added: boolean;
  /** Key of the section whose rarely logged metrics these are. */
  rareOf: string | null;
}

/** Names no metric's prefix can have by accident, since they end in a colon. */
export const MEDIA_KEY = 'media:';
const RARE_END = ':rare:';
/** Only among so many drawn runs is a metric of one run rare. */
export const RARE_FROM = 50;

/** Rows of a section's grid that one panel may take. */
export const PANEL_ROWS_MAX = 4;

const LAST_RANK = 1e9;
const RANK_OF: Record<string, number> = { [SYSTEM_KEY]: LAST_RANK, [MEDIA_KEY]: LAST_RANK - 1 };

export function metricId(metric: Pick<Metric, 'space' | 'path'>): string {
  return `${metric.space}:${metric.path}`;
}

/** Space and path that an automatic panel's id stands for; null for ids of other panels. */
export function metricOfId(id: string): { space: string; path: string } | null {
  const match = /^(history|system):(.*)$/s.exec(id);
  return match ? { space: match[1] as string, path: match[2] as string } : null;
}

/** What a line panel of these metrics is made of. */
export function lineOptions(metrics: readonly Pick<Metric, 'space' | 'path'>[]): Record<string, unknown> {
  const paths = metrics.map((metric) => metric.path);
  return metrics[0]?.space === 'system' ? { metrics: paths, space: 'system' } : { metrics: paths };
}

/** Paths of the metrics that a panel's options name, and the space they are of. */
export function metricsIn(spec: PanelSpec): { space: 'history' | 'system'; paths: string[] } {
  const { metrics, metric, space } = spec.options;
  const paths = Array.isArray(metrics) ? metrics.filter((one) => typeof one === 'string') : [];
  if (paths.length === 0 && typeof metric === 'string') paths.push(metric);
  return { space: space === 'system' ? 'system' : 'history', paths };
}

export interface AutoOptions {
  rule?: SectionRule;
  sectionOf?: SectionOf;
  /** The kind of panel that shows a metric that is no number; null for none. */
  otherKind?: (metric: Metric) => PanelKind | null;
  /** Runs drawn: among many, a metric of one run is rare. */
  visible?: number;
}

/** Sections in the order in which their first metric was logged, headlines first in each; Media and System last. */
export function autoLayout(metrics: readonly Metric[], options: AutoOptions = {}): Section[] {
  const { sectionOf = bySectionRule(options.rule ?? 'last'), otherKind, visible = 0 } = options;
  const kindOf = (metric: Metric): PanelKind | null =>
    metric.hidden ? null : isDrawable(metric) ? 'line' : (otherKind?.(metric) ?? null);
  const bySection = new Map<string, Metric[]>();
  for (const metric of firstLogged(metrics.filter((one) => kindOf(one) !== null))) {
    const key = isDrawable(metric) ? sectionOf(metric) : MEDIA_KEY;
    const held = bySection.get(key);
    if (held) held.push(metric);
    else bySection.set(key, [metric]);
  }
  const sections: Section[] = [];
  let rank = 0;
  for (const [key, logged] of bySection) {
    // Stable: metrics of one rank stay as they were logged.
    const list = sortedBy(
      logged,
      (metric) => nameRank(metric.path),
      (a, b) => a - b,
    );
    const isRare = (metric: Metric) => visible > RARE_FROM && metric.runs === 1 && metric.space === 'history';
    const panel = (section: string) => (metric: Metric) => autoPanel(metric, section, kindOf(metric) as PanelKind);
    const usual = list.filter((metric) => !isRare(metric));
    const rare = list.filter(isRare);
    const at = RANK_OF[key] ?? rank;
    rank += 1;
    // A section of nothing but rare metrics is its rare group; it keeps its place and name.
    sections.push(newSection(key, sectionTitle(key), at, usual.map(panel(key))));
    if (rare.length > 0) {
      sections.push({
        ...newSection(rareKey(key), sectionTitle(key), at + 0.25, rare.map(panel(rareKey(key)))),
        rareOf: key,
      });
    }
  }
  return sections.filter((section) => section.panels.length > 0).sort((a, b) => a.rank - b.rank);
}

/** What a comparison needs is worked out once for each, not once for each comparison. */
function sortedBy<T, K>(list: readonly T[], keyOf: (one: T) => K, compare: (a: K, b: K) => number): T[] {
  return list
    .map((one) => ({ one, key: keyOf(one) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ one }) => one);
}

/** First logged first; metrics that arrive together as people look at them, then by name. */
function firstLogged(metrics: readonly Metric[]): Metric[] {
  return sortedBy(
    metrics,
    ({ path, first_us }) => ({ time: first_us, head: headlineRank(path), name: naturalKey(path) }),
    (a, b) => a.time - b.time || a.head - b.head || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}

export const rareKey = (key: string): string => `${key}${RARE_END}`;

function newSection(key: string, title: string, rank: number, panels: Panel[]): Section {
  const folded = key === SYSTEM_KEY || key.endsWith(RARE_END);
  return { key, title, panels, folded, pinned: false, columns: null, rank, added: false, rareOf: null };
}

function autoPanel(metric: Metric, section: string, kind: PanelKind): Panel {
  const options = kind === 'line' ? lineOptions([metric]) : { metric: metric.path };
  return {
    id: metricId(metric),
    // Pictures and tables have tools of their own above them.
    spec: kind === 'media' || kind === 'table' ? { kind, section, height: 2, options } : { kind, section, options },
    metric,
    name: metric.path,
    title: shortTitle(metric),
    added: false,
  };
}

/** A panel's header inside its section: the part behind the last `/`. */
function shortTitle(metric: Metric): string {
  return metric.space === 'system' ? panelTitle(metric) : shortName(metric.label);
}

export interface ArrangeOptions {
  /** Name of a panel that has neither title nor metric. */
  titleOf?: (spec: PanelSpec) => string;
  /** Whether a panel that a person added is shown on this page. */
  shows?: (spec: PanelSpec) => boolean;
  /** Panels that were taken away are shown all the same. */
  withHidden?: boolean;
}

/** What is shown: the automatic layout with a view's changes. Returns `auto` itself where the view changes nothing. */
export function arrange(auto: readonly Section[], view: ViewDoc, options: ArrangeOptions = {}): readonly Section[] {
  if (isPlain(view)) return auto;
  const hidden = options.withHidden ? new Set<string>() : new Set(view.hidden);
  const sections = new Map<string, Section>();
  const open = (key: string): Section => {
    const known = sections.get(key);
    if (known) return known;
    const rareOf = key.endsWith(RARE_END) ? key.slice(0, -RARE_END.length) : null;
    // Behind all that stand, before Media and System: where a new section is expected.
    const made = { ...newSection(key, sectionTitle(rareOf ?? key), LAST_RANK / 2 + sections.size, []), rareOf };
    sections.set(key, made);
    return made;
  };
  for (const section of auto) sections.set(section.key, { ...section, panels: [] });
  for (const key of view.added) open(key).added = true;

  const seen = new Set<string>();
  for (const section of auto) {
    for (const panel of section.panels) {
      const changed = view.panels[panel.id];
      seen.add(panel.id);
      if (hidden.has(panel.id)) continue;
      if (!changed) (sections.get(section.key) as Section).panels.push(panel);
      else open(standing(changed.section, section)).panels.push(named(panel, changed, options));
    }
  }
  for (const [id, spec] of Object.entries(view.panels)) {
    if (seen.has(id) || hidden.has(id)) continue;
    // An automatic panel whose metric is not on this page.
    if (metricOfId(id)) continue;
    if (options.shows && !options.shows(spec)) continue;
    const panel: Panel = { id, spec, metric: null, name: id, title: '', added: true };
    open(spec.section).panels.push(named(panel, spec, options));
  }

  for (const [key, ids] of Object.entries(view.order)) {
    const section = sections.get(key);
    if (section) section.panels = inOrder(section.panels, ids);
  }
  for (const [key, own] of Object.entries(view.sections)) {
    const section = sections.get(key);
    if (!section) continue;
    section.title = own.title ?? section.title;
    section.folded = own.folded ?? section.folded;
    section.pinned = own.pinned ?? false;
    section.columns = own.columns ?? null;
    section.rank = own.order ?? section.rank;
  }
  // A rare group follows its section wherever that went.
  for (const section of sections.values()) {
    const parent = section.rareOf === null ? undefined : sections.get(section.rareOf);
    if (!parent) continue;
    section.title = parent.title;
    section.pinned = parent.pinned;
    section.rank = parent.rank + 1e-6;
  }
  return [...sections.values()]
    .filter((section) => section.panels.length > 0 || section.added)
    .sort((a, b) => Number(b.pinned) - Number(a.pinned) || a.rank - b.rank);
}

/** Key of the section a changed panel stands in. One that was rare when it was changed may be so no more. */
function standing(wanted: string, auto: Section): string {
  if (!wanted.endsWith(RARE_END)) return wanted;
  return auto.rareOf === null ? wanted.slice(0, -RARE_END.length) : auto.key;
}

function isPlain(view: ViewDoc): boolean {
  const isEmpty = (record: object) => Object.keys(record).length === 0;
  return (
    isEmpty(view.panels) &&
    isEmpty(view.sections) &&
    isEmpty(view.order) &&
    view.hidden.length === 0 &&
    view.added.length === 0
  );
}

function named(panel: Panel, spec: PanelSpec, options: ArrangeOptions): Panel {
  // The panel of a metric that was given others is called after all of them.
  const all = metricsIn(spec).paths.length > 1 ? options.titleOf?.(spec) : '';
  return { ...panel, spec, title: spec.title || all || panel.title || options.titleOf?.(spec) || spec.kind };
}

/** The named ones first, in that order; the others as they stand. */
function inOrder(panels: readonly Panel[], ids: readonly string[]): Panel[] {
  const place = new Map(ids.map((id, i) => [id, i]));
  const first: Panel[] = [];
  const rest: Panel[] = [];
  for (const panel of panels) (place.has(panel.id) ? first : rest).push(panel);
  first.sort((a, b) => (place.get(a.id) as number) - (place.get(b.id) as number));
  return [...first, ...rest];
}

export function panelCount(sections: readonly Section[]): number {
  return sections.reduce((sum, section) => sum + section.panels.length, 0);
}
