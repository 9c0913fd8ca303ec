// The view of a page: from its address, else as this person left it last; every change goes to both.
import { readPref, writePref } from './prefs';
import { router } from './router.svelte';
import { fromQuery, namesView, toQuery, type ViewQuery, type ViewSettings } from './view';

/** Fills the address of a page that says nothing about the view with what was used last. */
export function restoreView(): void {
  if (namesView(router.query)) return;
  const last = readPref<Partial<ViewQuery>>('view', {});
  router.setQuery(last);
}

export class View {
  readonly settings: ViewSettings = $derived(fromQuery(router.query));

  change(patch: Partial<ViewSettings>): void {
    const query: ViewQuery = toQuery({ ...this.settings, ...patch });
    writePref('view', query);
    // A zoom is a range of one kind of x; it means nothing on another.
    router.setQuery(patch.axis ? { ...query, x: null } : query);
  }
}

export const view = new View();
