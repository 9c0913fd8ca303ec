// How the charts of a page are drawn, and how a page's address and the project's view keep saying the same.
import { untrack } from 'svelte';
import { router } from './router.svelte';
import { fromQuery, settingsQuery, toQuery, withSettings, type SettingsPart, type ViewSettings } from './view';
import type { ProjectView } from './views.svelte';

export class View {
  readonly settings: ViewSettings = $derived(fromQuery(router.query));

  change(patch: Partial<ViewSettings>): void {
    const query = toQuery({ ...this.settings, ...patch });
    // A zoom is a range of one kind of x; it means nothing on another.
    router.setQuery(patch.axis ? { ...query, x: null } : query);
  }
}

export const view = new View();

/**
 * To be called by a page that shows settings of the view as query parameters, as it is made. An address that says
 * nothing of them is filled with the view's; one that does is what is shown; later changes of either go to the other.
 */
export function followAddress(project: ProjectView, parts: readonly SettingsPart[]): void {
  let visit: number | null = null;
  let opened = 0;
  let said = '';
  $effect(() => {
    const [query, doc, here, views] = [router.query, project.doc, router.visits, project.opened];
    if (!project.loaded) return;
    untrack(() => {
      const isOpened = opened !== views;
      const arrives = visit !== here || (isOpened && project.byAddress);
      [visit, opened] = [here, views];
      if (arrives) project.adopt(withSettings(doc, query, parts, true));
      else if (!isOpened && said === JSON.stringify(settingsQuery(doc, parts))) {
        project.edit((now) => withSettings(now, query, parts, false), { as: 'address' });
      }
      const next = settingsQuery(project.doc, parts);
      said = JSON.stringify(next);
      router.setQuery(next);
    });
  });
}
