// An answer of the server with its three states, and acts that tell how they went.
import { toasts } from '../../state/toasts.svelte';

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);

  constructor(private readonly fetch: () => Promise<T>) {}

  /** Asks again; what was there stays in view until the answer comes. */
  async load(): Promise<void> {
    try {
      this.value = await this.fetch();
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }
}

/** Does something, says so, and answers whether it worked. */
export async function attempt(act: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await act();
  } catch (error) {
    toasts.error(error);
    return false;
  }
  if (done) toasts.info(done);
  return true;
}
