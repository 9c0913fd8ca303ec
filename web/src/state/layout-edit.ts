// What a person can do to the layout, each as a new document. Pure. `sections` is what is shown, without any search.
import { metricOfId, PANEL_ROWS_MAX, type Panel, type Section } from './layout';
import { COLUMNS_MAX } from './view';
import type { PanelSpec, ViewDoc } from './view-doc';

type Sections = readonly Section[];
type SectionLook = ViewDoc['sections'][string];

export function newId(): string {
  return `p${Math.random().toString(36).slice(2, 10)}`;
}

export function findPanel(sections: Sections, id: string): { panel: Panel; section: Section; index: number } | null {
  for (const section of sections) {
    const index = section.panels.findIndex((panel) => panel.id === id);
    if (index >= 0) return { panel: section.panels[index] as Panel, section, index };
  }
  return null;
}

/** Another specification for a panel: what is undefined goes back to what is usual. */
export function changePanel(doc: ViewDoc, panel: Panel, patch: Partial<PanelSpec>): ViewDoc {
  const entries = Object.entries({ ...panel.spec, ...patch }).filter(([, value]) => value !== undefined);
  return { ...doc, panels: { ...doc.panels, [panel.id]: Object.fromEntries(entries) as unknown as PanelSpec } };
}

/** `index` counts the section's panels without the moved one. */
export function movePanel(doc: ViewDoc, sections: Sections, id: string, key: string, index: number): ViewDoc {
  const found = findPanel(sections, id);
  if (!found) return doc;
  const target = sections.find((section) => section.key === key);
  const others = (target?.panels ?? []).map((panel) => panel.id).filter((one) => one !== id);
  const at = Math.min(others.length, Math.max(0, index));
  if (found.section.key === key && found.index === at) return doc;
  const order = { ...doc.order, [key]: orderWith(others, doc.order[key] ?? [], id, at) };
  if (found.section.key === key) return { ...doc, order };
  const left = doc.order[found.section.key];
  if (left) order[found.section.key] = left.filter((one) => one !== id);
  return { ...changePanel(doc, found.panel, { section: key }), order };
}

/** Only as many are named as must be for the place; the others go on following the automatic layout. */
function orderWith(others: readonly string[], known: readonly string[], id: string, at: number): string[] {
  const named = new Set(known);
  const last = others.findLastIndex((one) => named.has(one));
  return [...others.slice(0, at), id, ...others.slice(at, Math.max(at, last + 1))];
}

/** One place on or back, or a row of them: what the keys do instead of a drag. */
export function nudgePanel(doc: ViewDoc, sections: Sections, id: string, by: number): ViewDoc {
  const found = findPanel(sections, id);
  return found ? movePanel(doc, sections, id, found.section.key, found.index + by) : doc;
}

export function resizePanel(doc: ViewDoc, panel: Panel, width: number, height: number): ViewDoc {
  const clamp = (value: number, max: number) => Math.min(max, Math.max(1, Math.round(value)));
  const [w, h] = [clamp(width, COLUMNS_MAX), clamp(height, PANEL_ROWS_MAX)];
  if (w === (panel.spec.width ?? 1) && h === (panel.spec.height ?? 1)) return doc;
  return changePanel(doc, panel, {
    width: w === 1 ? undefined : w,
    height: h === 1 ? undefined : h,
  } as Partial<PanelSpec>);
}

/** An added panel goes; a metric's own is hidden until it is added again. */
export function removePanel(doc: ViewDoc, id: string): ViewDoc {
  if (metricOfId(id)) return doc.hidden.includes(id) ? doc : { ...doc, hidden: [...doc.hidden, id] };
  const { [id]: _, ...panels } = doc.panels;
  return { ...doc, panels, order: withoutId(doc.order, id) };
}

function withoutId(order: ViewDoc['order'], id: string): ViewDoc['order'] {
  return Object.fromEntries(Object.entries(order).map(([key, ids]) => [key, ids.filter((one) => one !== id)]));
}

/** A new panel stands first in its section, where it is seen. */
export function addPanel(doc: ViewDoc, spec: PanelSpec, id = newId()): ViewDoc {
  const order = { ...doc.order, [spec.section]: [id, ...(doc.order[spec.section] ?? [])] };
  return unfolded({ ...doc, panels: { ...doc.panels, [id]: spec }, order }, spec.section);
}

/** Shows panels of metrics again that were taken away. */
export function showAgain(doc: ViewDoc, ids: readonly string[]): ViewDoc {
  const wanted = new Set(ids);
  return { ...doc, hidden: doc.hidden.filter((id) => !wanted.has(id)) };
}

export function duplicatePanel(doc: ViewDoc, sections: Sections, id: string, copy = newId()): ViewDoc {
  const found = findPanel(sections, id);
  if (!found) return doc;
  const { panel, section, index } = found;
  const others = section.panels.map((one) => one.id);
  const spec = { ...panel.spec, section: section.key, options: { ...panel.spec.options } };
  const order = { ...doc.order, [section.key]: orderWith(others, doc.order[section.key] ?? [], copy, index + 1) };
  return { ...doc, panels: { ...doc.panels, [copy]: spec }, order };
}

function look(doc: ViewDoc, key: string, patch: SectionLook): ViewDoc {
  const entries = Object.entries({ ...doc.sections[key], ...patch }).filter(([, value]) => value !== undefined);
  return { ...doc, sections: { ...doc.sections, [key]: Object.fromEntries(entries) as SectionLook } };
}

const unfolded = (doc: ViewDoc, key: string) => (doc.sections[key]?.folded ? look(doc, key, { folded: false }) : doc);

/** An empty title is the usual one. */
export function renameSection(doc: ViewDoc, key: string, title: string): ViewDoc {
  return look(doc, key, { title: title.trim() || undefined } as SectionLook);
}

export const foldSection = (doc: ViewDoc, key: string, folded: boolean): ViewDoc => look(doc, key, { folded });
export const pinSection = (doc: ViewDoc, key: string, pinned: boolean): ViewDoc => look(doc, key, { pinned });
export const setColumns = (doc: ViewDoc, key: string, columns: number | null): ViewDoc =>
  look(doc, key, { columns: columns ?? undefined } as SectionLook);

/** Past the next section of its kind, upwards (-1) or downwards (1). Pinned ones stay among themselves. */
export function moveSection(doc: ViewDoc, sections: Sections, key: string, by: -1 | 1): ViewDoc {
  const section = sections.find((one) => one.key === key);
  if (!section) return doc;
  const peers = sections.filter((one) => one.rareOf === null && one.pinned === section.pinned);
  const at = peers.indexOf(section);
  const next = peers[at + by];
  if (!next) return doc;
  const beyond = peers[at + 2 * by];
  return look(doc, key, { order: beyond ? (next.rank + beyond.rank) / 2 : next.rank + by });
}

export function addSection(
  doc: ViewDoc,
  sections: Sections,
  after: string | null,
  title: string,
  key = `${newId()}:`,
): ViewDoc {
  const peers = sections.filter((one) => one.rareOf === null);
  const at = peers.findIndex((one) => one.key === after);
  const [above, below] = [peers[at], peers[at + 1]];
  const order = above && below ? (above.rank + below.rank) / 2 : above ? above.rank + 1 : (below?.rank ?? 0) - 1;
  const pinned = above?.pinned ? { pinned: true } : {};
  return look({ ...doc, added: [...doc.added, key] }, key, { title, order, ...pinned });
}

function removePanels(doc: ViewDoc, panels: readonly Panel[]): ViewDoc {
  const ids = panels.map((panel) => panel.id);
  const added = new Set(ids.filter((id) => metricOfId(id) === null));
  const hidden = [...new Set([...doc.hidden, ...ids.filter((id) => !added.has(id))])];
  return { ...doc, hidden, panels: Object.fromEntries(Object.entries(doc.panels).filter(([id]) => !added.has(id))) };
}

/** A section that a person made goes with what they added to it; metrics moved into it go back to their own. */
export function removeSection(doc: ViewDoc, section: Section): ViewDoc {
  if (!section.added) return removePanels(doc, section.panels);
  const gone = new Set(section.panels.map((panel) => panel.id));
  const { [section.key]: _look, ...sections } = doc.sections;
  const { [section.key]: _order, ...order } = doc.order;
  return {
    ...doc,
    added: doc.added.filter((key) => key !== section.key),
    panels: Object.fromEntries(Object.entries(doc.panels).filter(([id]) => !gone.has(id))),
    sections,
    order,
  };
}
