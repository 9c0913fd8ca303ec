// Whether the server has a newer page than this tab: asked when it comes back after it was away, which is when it was replaced.
import { basePath } from '../api/client';
import { whenBack } from '../live/events';

/** The file that the page's code begins with; its name holds a digest of the content. */
const scriptIn = (html: string): string | null => /assets\/[\w-]+\.js/.exec(html)?.[0] ?? null;

class Newer {
  isThere = $state(false);

  constructor() {
    whenBack(() => void this.look());
  }

  private async look(): Promise<void> {
    const own = scriptIn(document.querySelector('script[type="module"]')?.outerHTML ?? '');
    if (own === null) return;
    try {
      const answer = await fetch(`${basePath}/`, { headers: { accept: 'text/html' }, credentials: 'same-origin' });
      const now = answer.ok ? scriptIn(await answer.text()) : null;
      this.isThere = now !== null && now !== own;
    } catch {
      // It went away again; there is a next time.
    }
  }
}

export const newer = new Newer();
