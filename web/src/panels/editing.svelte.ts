// What a person does to panels and sections of a page: menus, keys and drags become edits of the view. Loads with the
// first of them.
import type { Panel, Section } from '../state/layout';
import {
  addSection,
  duplicatePanel,
  findPanel,
  foldSection,
  movePanel,
  moveSection,
  nudgePanel,
  pinSection,
  removePanel,
  removeSection,
  resizePanel,
  setColumns,
} from '../state/layout-edit';
import { toasts } from '../state/toasts.svelte';
import { COLUMNS_MAX } from '../state/view';
import type { ViewDoc } from '../state/view-doc';
import { apply, diff } from '../state/view-patch';
import type { ProjectView } from '../state/views.svelte';
import { layoutWords as words } from '../strings-layout';
import type { MenuItem } from '../ui/Menu.svelte';
import { dropTarget, followPointer } from './drag';

/** What the page opens for a panel or section. */
export type Asked =
  { kind: 'add'; section: string | null } | { kind: 'move'; panel: Panel } | { kind: 'rename'; section: Section };

/** The way to it, for the page: what is here already, and what brings it. */
export interface EditingDoor {
  readonly here: Editing | null;
  load: () => Promise<Editing>;
}

export class Editing {
  /** Said to screen readers when a panel moved. */
  said = $state('');
  readonly followPointer = followPointer;
  readonly dropTarget = dropTarget;

  constructor(
    private readonly view: ProjectView,
    /** All sections of the page. */
    private readonly sections: () => readonly Section[],
    /** Panels in a row of the section, as it is shown. */
    private readonly ask: (asked: Asked) => void,
    /** Opens the drawer. */
    readonly edit: (panel: Panel) => void,
  ) {}

  drop(id: string, key: string, index: number): void {
    this.move((doc, sections) => movePanel(doc, sections, id, key, index), id);
  }

  resize(panel: Panel, width: number, height: number): void {
    this.view.edit((doc) => resizePanel(doc, panel, width, height), { as: `size ${panel.id}` });
    this.said = words.panels.size(width, height);
  }

  remove(panel: Panel): void {
    this.take((doc) => removePanel(doc, panel.id), words.panels.removed(panel.title));
  }

  panelItems(panel: Panel, columns: number): MenuItem[] {
    const nudge = (by: number) => () => this.move((doc, sections) => nudgePanel(doc, sections, panel.id, by), panel.id);
    return [
      { label: words.panels.edit, icon: 'pencil', run: () => this.edit(panel) },
      {
        label: words.panels.duplicate,
        icon: 'copy',
        run: () => this.view.edit((doc) => duplicatePanel(doc, this.sections(), panel.id)),
      },
      { label: words.panels.left, icon: 'left', run: nudge(-1) },
      { label: words.panels.right, icon: 'right', run: nudge(1) },
      { label: words.panels.up, icon: 'up', run: nudge(-columns) },
      { label: words.panels.down, icon: 'down', run: nudge(columns) },
      { label: words.panels.toSection, icon: 'out', run: () => this.ask({ kind: 'move', panel }) },
      { label: words.panels.remove, icon: 'trash', danger: true, run: () => this.remove(panel) },
    ];
  }

  sectionItems(section: Section, columns: number): MenuItem[] {
    const { key } = section;
    const edit = (recipe: (doc: ViewDoc, sections: readonly Section[]) => ViewDoc) => () =>
      this.view.edit((doc) => recipe(doc, this.sections()));
    const { sections } = words;
    const fold: MenuItem = {
      label: section.folded ? sections.unfold : sections.fold,
      icon: section.folded ? 'down' : 'right',
      run: edit((doc) => foldSection(doc, key, !section.folded)),
    };
    if (section.rareOf !== null) return [fold];
    const list: MenuItem[] = [
      { label: sections.rename, icon: 'pencil', run: () => this.ask({ kind: 'rename', section }) },
      fold,
      { label: sections.up, icon: 'arrow-up', run: edit((doc, all) => moveSection(doc, all, key, -1)) },
      { label: sections.down, icon: 'arrow-down', run: edit((doc, all) => moveSection(doc, all, key, 1)) },
      {
        label: section.pinned ? sections.unpin : sections.pin,
        icon: 'pin',
        run: edit((doc) => pinSection(doc, key, !section.pinned)),
      },
      { label: sections.add, icon: 'plus', run: () => this.ask({ kind: 'add', section: key }) },
      {
        label: sections.addSection,
        icon: 'layout',
        run: edit((doc, all) => addSection(doc, all, key, sections.newSection)),
      },
    ];
    for (let wanted = 1; wanted <= COLUMNS_MAX; wanted++) {
      const checked = wanted === columns;
      list.push({ label: sections.columns(wanted), checked, run: edit((doc) => setColumns(doc, key, wanted)) });
    }
    if (section.columns !== null) {
      list.push({ label: sections.columnsUsual, icon: 'reset', run: edit((doc) => setColumns(doc, key, null)) });
    }
    list.push({
      label: sections.remove,
      icon: 'trash',
      danger: true,
      run: () => this.take((doc) => removeSection(doc, section), sections.removed(section.title)),
    });
    return list;
  }

  private move(recipe: (doc: ViewDoc, sections: readonly Section[]) => ViewDoc, id: string): void {
    this.view.edit((doc) => recipe(doc, this.sections()));
    const found = findPanel(this.sections(), id);
    if (found) this.said = words.panels.moved(found.panel.title, found.index + 1, found.section.title);
  }

  /** Takes something away. Its undo brings back just that, whatever else was changed since. */
  private take(recipe: (doc: ViewDoc) => ViewDoc, text: string): void {
    const before = this.view.doc;
    const after = recipe(before);
    if (after === before) return;
    this.view.edit(() => after);
    toasts.info(text, {
      label: words.undo,
      run: () => this.view.edit((now) => apply(now, diff(after, before))),
    });
  }
}
