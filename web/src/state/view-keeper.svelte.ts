// Keeps a project's view: saves the person's own, writes what is shown into the address, follows what others save.
import { ApiError } from '../api/client';
import {
  addDraft,
  addView,
  deleteView,
  editView,
  getDraft,
  getView,
  listVersions,
  listViews,
  MINE,
  putView,
  restoreView,
  type SavedView,
} from '../api/views';
import { layoutWords } from '../strings-layout';
import { readPref, writePref } from './prefs';
import { router } from './router.svelte';
import { toasts } from './toasts.svelte';
import { ADDRESS_MAX, changed, changeOf, decodeChange, encodeChange, type BaseName } from './view-address';
import { EMPTY_VIEW, readDoc, type ViewDoc } from './view-doc';
import { apply, diff, isEmptyPatch, same } from './view-patch';
import { addressNamesView, OWN, type ProjectView } from './views.svelte';

const SAVE_AFTER_MS = 600;
const ADDRESS_AFTER_MS = 150;
/** A document too long for an address goes to the server, and not at every move. */
const DRAFT_AFTER_MS = 2500;
const RETRY_MS = 5000;
const PAGES = new Set(['workspace', 'table', 'run', 'compare']);

interface Unsaved {
  saved: ViewDoc;
  doc: ViewDoc;
}

export class ViewKeeper {
  private saveTimer: ReturnType<typeof setTimeout> | undefined;
  private addressTimer: ReturnType<typeof setTimeout> | undefined;
  private inFlight: Promise<unknown> | null = null;
  private written = 0;
  private readonly unsavedPref: string;
  private readonly stop: () => void;
  /** What addresses of the own view are changes of. */
  private usualBase: Promise<{ name: BaseName; doc: ViewDoc }> | null = null;
  private readonly onLeave = () => this.leave();
  private seenVisit = router.visits;

  constructor(private readonly view: ProjectView) {
    this.unsavedPref = `unsaved.${view.entity}/${view.project}`;
    this.resume();
    this.stop = $effect.root(() => {
      $effect(() => {
        void [view.doc, view.source, view.saved, router.path];
        this.planAddress();
      });
      $effect(() => {
        void view.doc;
        if (view.touched && view.source.kind === 'mine') this.planSave();
      });
      $effect(() => {
        const visit = router.visits;
        if (visit === this.seenVisit) return;
        this.seenVisit = visit;
        void this.arrive();
      });
    });
    addEventListener('pagehide', this.onLeave);
    document.addEventListener('visibilitychange', this.onLeave);
  }

  close(): void {
    this.leave();
    this.stop();
    clearTimeout(this.saveTimer);
    clearTimeout(this.addressTimer);
    removeEventListener('pagehide', this.onLeave);
    document.removeEventListener('visibilitychange', this.onLeave);
  }

  // ---- the address ------------------------------------------------------------------------------

  /** A link inside the app, or the way back, led to an address that names a view. */
  private async arrive(): Promise<void> {
    if (!PAGES.has(router.route.page)) return;
    try {
      if (addressNamesView()) await this.openAddress();
      else if (router.note === OWN && this.view.source.kind !== 'mine') await this.openMine();
    } catch (error) {
      toasts.error(error);
    }
    this.planAddress();
  }

  async openAddress(): Promise<void> {
    const { view } = this;
    const slug = router.query.get('view');
    const said = new URLSearchParams(router.hash.slice(1)).get('d');
    const source = view.source;
    const isOpen = slug !== null && source.kind === 'saved' && source.view.slug === slug;
    if (isOpen && said === null) return;
    try {
      const opened = slug === null ? null : await getView(view.entity, view.project, slug);
      const shown = said === null ? null : await this.read(said);
      if (opened && opened.slug !== MINE) {
        const { doc, ...saved } = opened;
        const from = readDoc(doc);
        view.open({ kind: 'saved', view: saved, version: opened.version }, from, shown ?? from, true);
      } else if (shown) {
        const mine = view.list.some((one) => one.slug === MINE) ? await getView(view.entity, view.project, MINE) : null;
        if (mine && same(readDoc(mine.doc), shown)) view.openSaved(mine, true);
        else view.open({ kind: 'link' }, shown, shown, true);
      } else await view.openUsual();
    } catch (error) {
      if (error instanceof ApiError && error.unreachable) throw error;
      toasts.error(error instanceof ApiError ? error : new ApiError(400, 'link', layoutWords.views.badLink));
      router.setQuery({ view: null });
      router.setHash('', null);
      await view.openUsual();
    }
  }

  private async read(said: string): Promise<ViewDoc> {
    const { entity, project } = this.view;
    if (said.startsWith('@')) return readDoc((await getDraft(entity, project, said.slice(1))).doc);
    const { patch, base } = await decodeChange(said);
    const doc = base === null ? EMPTY_VIEW : readDoc((await getView(entity, project, base.slug, base.version)).doc);
    return changed(doc, patch);
  }

  private planAddress(): void {
    clearTimeout(this.addressTimer);
    this.addressTimer = setTimeout(() => void this.writeAddress(), ADDRESS_AFTER_MS);
  }

  private async base(): Promise<{ name: BaseName; doc: ViewDoc }> {
    const { source, saved } = this.view;
    if (source.kind === 'saved') return { name: { slug: source.view.slug, version: source.version }, doc: saved };
    this.usualBase ??= this.loadUsualBase();
    return this.usualBase;
  }

  private async loadUsualBase(): Promise<{ name: BaseName; doc: ViewDoc }> {
    const { entity, project, list } = this.view;
    const usual = list.find((one) => one.default && one.shared);
    if (!usual) return { name: null, doc: EMPTY_VIEW };
    const opened = await getView(entity, project, usual.slug);
    return { name: { slug: usual.slug, version: opened.version }, doc: readDoc(opened.doc) };
  }

  private async writeAddress(): Promise<void> {
    if (!PAGES.has(router.route.page) || !this.view.loaded) return;
    const { source, doc } = this.view;
    const turn = ++this.written;
    const visit = router.visits;
    const isLate = () => turn !== this.written || visit !== router.visits;
    try {
      const base = await this.base();
      const patch = changeOf(doc, base.doc);
      let said = '';
      if (source.kind === 'link' || !isEmptyPatch(patch)) {
        said = await encodeChange(patch, base.name);
        if (said.length > ADDRESS_MAX) {
          await new Promise((resolve) => setTimeout(resolve, DRAFT_AFTER_MS));
          if (isLate()) return;
          said = `@${(await addDraft(this.view.entity, this.view.project, doc)).id}`;
        }
      }
      if (isLate()) return;
      router.setQuery({ view: source.kind === 'saved' ? source.view.slug : null });
      router.setHash(said && `d=${said}`, source.kind === 'mine' ? OWN : null);
    } catch (error) {
      // The address is then a little behind; the next change writes it.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** An address that shows anybody what is shown here, whatever view they have. */
  async link(): Promise<string> {
    const base = await this.base();
    const doc = this.view.doc;
    let said = await encodeChange(changeOf(doc, base.doc), base.name);
    if (said.length > ADDRESS_MAX) said = `@${(await addDraft(this.view.entity, this.view.project, doc)).id}`;
    const url = new URL(location.href);
    url.hash = `d=${said}`;
    return url.href;
  }

  // ---- the own view -----------------------------------------------------------------------------

  private planSave(): void {
    const { saved, doc } = this.view;
    if (same(saved, doc)) return;
    this.view.keeping = this.view.keeping === 'waiting' ? 'waiting' : 'saving';
    writePref(this.unsavedPref, { saved, doc } satisfies Unsaved);
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => void this.save(), SAVE_AFTER_MS);
  }

  /** Saves the own view. */
  private async save(leaving = false): Promise<void> {
    clearTimeout(this.saveTimer);
    this.saveTimer = undefined;
    const { view } = this;
    if (view.source.kind !== 'mine' || !view.touched) return;
    if (this.inFlight && !leaving) {
      this.saveTimer = setTimeout(() => void this.save(), SAVE_AFTER_MS);
      return;
    }
    const doc = view.doc;
    if (same(doc, view.saved)) return this.kept();
    try {
      const save = { doc, base_version: view.source.version };
      const sent = putView(view.entity, view.project, MINE, save, leaving);
      this.inFlight = sent.catch(() => {});
      const answer = await sent;
      if (view.source.kind !== 'mine') return;
      view.source = { kind: 'mine', version: answer.version };
      view.saved = doc;
      if (same(view.doc, doc)) this.kept();
      if (!view.list.some((one) => one.slug === MINE)) view.list = [answer, ...view.list];
    } catch (error) {
      await this.unkept(error);
    } finally {
      this.inFlight = null;
    }
  }

  /** Saves what is left to save of the own view, before another one is looked at. */
  private async flush(): Promise<void> {
    await this.inFlight;
    await this.save();
  }

  private kept(): void {
    this.view.touched = false;
    this.view.keeping = 'kept';
    writePref(this.unsavedPref, null);
  }

  private async unkept(error: unknown): Promise<void> {
    const { view } = this;
    if (error instanceof ApiError && error.status === 409 && error.code === 'edited') {
      this.inFlight = null;
      await this.follow(MINE).catch(() => {});
      this.saveTimer = setTimeout(() => void this.save(), SAVE_AFTER_MS);
    } else if (error instanceof ApiError && (error.unreachable || error.status === 429 || error.status >= 500)) {
      view.keeping = 'waiting';
      this.saveTimer = setTimeout(() => void this.save(), RETRY_MS);
    } else {
      view.keeping = 'refused';
      toasts.error(error);
    }
  }

  private leave(): void {
    if (this.saveTimer !== undefined) void this.save(true);
  }

  /** What an earlier page could not save is joined with what the server has. */
  private resume(): void {
    const unsaved = readPref<Unsaved | null>(this.unsavedPref, null);
    const { view } = this;
    if (unsaved === null || view.source.kind !== 'mine') return;
    const [saved, doc] = [readDoc(unsaved.saved), readDoc(unsaved.doc)];
    view.edit((now) => readDoc(apply(now, diff(saved, doc))));
  }

  // ---- what others save -------------------------------------------------------------------------

  async heard(slugs: readonly string[] | null): Promise<void> {
    const { view } = this;
    try {
      view.list = await listViews(view.entity, view.project);
      this.usualBase = null;
      const { source } = view;
      const slug = source.kind === 'saved' ? source.view.slug : MINE;
      if (source.kind === 'link') return;
      const found = view.list.find((one) => one.slug === slug);
      if (found && source.kind === 'saved') view.source = { ...source, view: found };
      if (found && (slugs === null || slugs.includes(slug)) && found.version > source.version) await this.follow(slug);
      if (view.keeping === 'waiting') void this.save();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  private async follow(slug: string): Promise<void> {
    const { view } = this;
    // What this tab is saving is no news.
    await this.inFlight;
    const opened = await getView(view.entity, view.project, slug);
    const { source } = view;
    if (source.kind === 'link' || (source.kind === 'saved' ? source.view.slug : MINE) !== slug) return;
    if (opened.version <= source.version) return;
    const theirs = readDoc(opened.doc);
    if (!view.edited) {
      view.openSaved(opened);
    } else if (source.kind === 'mine') {
      // Two tabs of one person: both their changes stand.
      const joined = readDoc(apply(theirs, diff(view.saved, view.doc)));
      view.open({ kind: 'mine', version: opened.version }, theirs, joined);
    } else view.newer = opened;
  }

  // ---- saved views ------------------------------------------------------------------------------

  async openMine(): Promise<void> {
    const { view } = this;
    const mine = view.list.some((one) => one.slug === MINE);
    if (mine) view.openSaved(await getView(view.entity, view.project, MINE));
    else {
      const base = await (this.usualBase ??= this.loadUsualBase());
      view.open({ kind: 'mine', version: 0 }, base.doc);
    }
  }

  /** Looks at a view; the way back leads to the one before. */
  async openView(slug: string): Promise<void> {
    await this.flush();
    const { view } = this;
    if (slug === MINE) await this.openMine();
    else view.openSaved(await getView(view.entity, view.project, slug));
  }

  /** Makes what is shown the person's own view. */
  keepAsMine(): void {
    const { view } = this;
    const doc = view.doc;
    void this.openMine().then(
      () => view.edit(() => doc),
      (error: unknown) => toasts.error(error),
    );
  }

  /** Saves the view in sight for everybody who sees it. True when it was saved, a name where somebody was faster. */
  async saveShared(over = false): Promise<'saved' | 'newer'> {
    const { view } = this;
    if (view.source.kind !== 'saved') return 'saved';
    const { slug } = view.source.view;
    const doc = view.doc;
    const base_version = over && view.newer ? view.newer.version : view.source.version;
    try {
      const answer = await putView(view.entity, view.project, slug, { doc, base_version });
      view.source = { kind: 'saved', view: answer, version: answer.version };
      view.saved = doc;
      view.newer = null;
      view.touched = !same(view.doc, doc);
      return 'saved';
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409 && error.code === 'edited')) throw error;
      view.newer = await getView(view.entity, view.project, slug);
      return 'newer';
    }
  }

  /** Forgets the person's changes. */
  revert(): void {
    const { saved } = this.view;
    this.view.edit(() => saved);
  }

  takeNewer(): void {
    if (this.view.newer) this.view.openSaved(this.view.newer);
  }

  async saveAs(name: string, shared: boolean): Promise<SavedView> {
    await this.flush();
    const { view } = this;
    const doc = view.doc;
    const made = await addView(view.entity, view.project, { name, doc, shared });
    view.list = [...view.list.filter((one) => one.slug !== made.slug), made];
    view.open({ kind: 'saved', view: made, version: made.version }, doc);
    return made;
  }

  async changeView(slug: string, edit: { name?: string; shared?: boolean; default?: boolean }): Promise<void> {
    await editView(this.view.entity, this.view.project, slug, edit);
    await this.heard(null);
  }

  async remove(saved: SavedView): Promise<void> {
    const { view } = this;
    await deleteView(view.entity, view.project, saved.slug);
    if (view.source.kind === 'saved' && view.source.view.slug === saved.slug) await this.openMine();
    await this.heard(null);
    toasts.info(layoutWords.views.deleted(saved.name), {
      label: layoutWords.undo,
      run: () => {
        restoreView(view.entity, view.project, saved.slug).then(
          () => this.heard(null),
          (error: unknown) => toasts.error(error),
        );
      },
    });
  }

  versions(slug: string) {
    return listVersions(this.view.entity, this.view.project, slug);
  }

  /** Shows an earlier version as a change of the view in sight: it can be undone, and is kept by saving it. */
  async showVersion(slug: string, version: number): Promise<void> {
    const old = await getView(this.view.entity, this.view.project, slug, version);
    this.view.edit(() => readDoc(old.doc));
  }
}
