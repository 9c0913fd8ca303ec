// Who is signed in, what they may do, and where to go when nobody is.
import { getViewer, signOut, type Role, type Viewer } from '../api/accounts';
import { whenSignedOut } from '../api/client';
import { router } from './router.svelte';
import { paths } from './routes';

/** Pages that look after a missing session themselves. */
const OPEN_PAGES = new Set(['login', 'signup', 'invite', 'claim']);

class ViewerState {
  viewer = $state.raw<Viewer | null>(null);
  error = $state.raw<unknown>(null);

  constructor() {
    whenSignedOut(() => this.toLogin());
  }

  /** How people call who is signed in. */
  get name(): string {
    return this.viewer?.display_name || this.viewer?.user || '';
  }

  roleIn(entity: string): Role | null {
    return this.viewer?.memberships.find((one) => one.entity === entity)?.role ?? null;
  }

  /** Whether to offer changes to what an entity owns; the server decides again. */
  canWrite(entity: string): boolean {
    const role = this.roleIn(entity);
    return this.viewer?.admin === true || (role !== null && role !== 'viewer');
  }

  async load(): Promise<void> {
    try {
      this.viewer = await getViewer();
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  async leave(): Promise<void> {
    await signOut();
    this.viewer = null;
    router.navigate(paths.login());
  }

  private toLogin(): void {
    this.viewer = null;
    if (OPEN_PAGES.has(router.route.page)) return;
    const next = `${router.path}${router.search}`;
    router.navigate(`${paths.login()}${next === '/' ? '' : `?next=${encodeURIComponent(next)}`}`, { replace: true });
  }
}

export const viewerState = new ViewerState();
