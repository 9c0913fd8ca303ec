// Who is signed in, and where to go when nobody is.
import { whenSignedOut } from '../api/client';
import { getViewer, signOut } from '../api/endpoints';
import type { Viewer } from '../api/types';
import { router } from './router.svelte';
import { paths } from './routes';

class ViewerState {
  viewer = $state.raw<Viewer | null>(null);
  error = $state.raw<unknown>(null);

  constructor() {
    whenSignedOut(() => this.toLogin());
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
    if (router.route.page === 'login') return;
    const next = `${router.path}${router.search}`;
    router.navigate(`${paths.login()}${next === '/' ? '' : `?next=${encodeURIComponent(next)}`}`, { replace: true });
  }
}

export const viewerState = new ViewerState();
