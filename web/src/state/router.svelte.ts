// The address bar as state: `router.route` follows it, `navigate` and `setQuery` change it.
import { basePath } from '../api/client';
import { parsePath, type Route } from './routes';

type QueryPatch = Record<string, string | null | undefined>;

function currentPath(): string {
  const path = location.pathname;
  return path.startsWith(basePath) ? path.slice(basePath.length) || '/' : path;
}

/** The newest hashes that this tab set, with their notes. */
const NOTES = 'kiseki.notes';
const NOTES_MAX = 8;

class Router {
  path = $state(currentPath());
  search = $state(location.search);
  hash = $state(location.hash);
  /** How the page in view was reached: by following a link, or by loading, history and code. */
  byLink = false;
  route: Route = $derived(parsePath(this.path));
  query = $derived(new URLSearchParams(this.search));
  /** Grows with each address that was gone to, and not when the page in view changes its own. */
  visits = $state(0);

  constructor() {
    this.restoreNote();
    addEventListener('popstate', () => {
      this.byLink = false;
      this.visits += 1;
      this.follow();
    });
    document.addEventListener('click', (event) => this.intercept(event));
  }

  /** Address with the server's path prefix, for `href`. */
  href(path: string): string {
    return `${basePath}${path}`;
  }

  navigate(path: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
    const url = this.href(path);
    if (options.replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    this.visits += 1;
    this.follow();
  }

  /** What this tab noted about its address; a copied link does not carry it, a reload and the history do. */
  get note(): unknown {
    return (history.state as { note?: unknown } | null)?.note ?? null;
  }

  /** Changes what stands behind the # of the page in view ("" for nothing), with a note. */
  setHash(hash: string, note: unknown): void {
    if (`${hash && '#'}${hash}` === location.hash && note === this.note) return;
    const url = `${location.pathname}${location.search}${hash && '#'}${hash}`;
    history.replaceState(note === null ? null : { note }, '', url);
    try {
      const others = this.notes().filter(([known]) => known !== location.hash);
      sessionStorage.setItem(NOTES, JSON.stringify([...others, [location.hash, note]].slice(-NOTES_MAX)));
    } catch {
      // Storage is full or forbidden; then a note may be lost by a reload.
    }
    this.follow();
  }

  private notes(): [hash: string, note: unknown][] {
    return JSON.parse(sessionStorage.getItem(NOTES) ?? '[]') as [string, unknown][];
  }

  /** A reload drops the history's state where the address changed while it began. */
  private restoreNote(): void {
    const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    if (entry?.type !== 'reload' || history.state !== null || !location.hash) return;
    try {
      const note = this.notes().find(([hash]) => hash === location.hash)?.[1] ?? null;
      if (note !== null) history.replaceState({ note }, '');
    } catch {
      // As above.
    }
  }

  /** The secret that a link carries behind its #, which then leaves the address and the history; null if there is none. */
  takeToken(): string | null {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    if (token === null) return null;
    history.replaceState(null, '', location.pathname + location.search);
    this.follow();
    return token;
  }

  /** Changes some query parameters of the page in view; null or "" takes one away. */
  setQuery(patch: QueryPatch, options: { push?: boolean } = {}): void {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(patch)) {
      if (value === null || value === undefined || value === '') query.delete(key);
      else query.set(key, value);
    }
    const search = readableQuery(query);
    if (search === location.search) return;
    const url = `${location.pathname}${search}${location.hash}`;
    if (options.push) history.pushState(history.state, '', url);
    else history.replaceState(history.state, '', url);
    this.follow();
  }

  private follow(): void {
    this.path = currentPath();
    this.search = location.search;
    this.hash = location.hash;
  }

  private intercept(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const url = linkOf(event);
    if (!url) return;
    event.preventDefault();
    this.byLink = true;
    this.navigate(`${pathIn(url)}${url.search}${url.hash}`);
  }

  /** Path of the page that a link under the pointer or focus leads to; null where there is none. */
  pathOf(event: Event): string | null {
    const url = linkOf(event);
    return url && pathIn(url);
  }
}

const pathIn = (url: URL): string => url.pathname.slice(basePath.length) || '/';

/** Where the link of an event leads, if that is a page of this app and opens in this tab. */
function linkOf(event: Event): URL | null {
  const anchor = (event.target as Element | null)?.closest?.('a[href]');
  if (!(anchor instanceof HTMLAnchorElement) || anchor.target || anchor.hasAttribute('download')) return null;
  const url = new URL(anchor.href);
  if (url.origin !== location.origin || !`${url.pathname}/`.startsWith(`${basePath}/`)) return null;
  const path = pathIn(url);
  return path.startsWith('/-/') || path.startsWith('/api/') ? null : url;
}

/** Addresses are read and typed by people: slashes, colons and the like stay as they are. */
export function readableQuery(query: URLSearchParams): string {
  const text = query.toString().replace(/%2F|%3A|%2C|%3E|%3D|%7E|%40/gi, (code) => decodeURIComponent(code));
  return text ? `?${text}` : '';
}

export const router = new Router();
