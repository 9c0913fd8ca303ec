// The output of a run: windows of lines by index, or, while searching, the lines found so far.
import { getConsole, type ConsoleQuery } from '../api/endpoints';
import type { ConsoleLine, ConsolePage } from '../api/types';

export const LOG_WINDOW = 500;
const REFRESH_MS = 700;

export class Console {
  /** Lines the run printed. */
  total = $state(0);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  stream = $state('');
  search = $state('');
  /** Lines that match, while there is a search or a stream choice. */
  found = $state.raw<readonly ConsoleLine[]>([]);
  /** Lines that match in all. */
  matching = $state(0);
  /** There may be more lines that match than `found` holds. */
  hasMore = $state(false);
  private windows = $state.raw(new Map<number, readonly ConsoleLine[]>());
  private readonly inFlight = new Set<number>();
  private controller = new AbortController();
  private searching = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refreshedAt = 0;

  constructor(
    private readonly entity: string,
    private readonly project: string,
    private readonly run: string,
    private readonly attempt: number | null = null,
  ) {
    void this.loadTail();
  }

  get isFiltered(): boolean {
    return this.stream !== '' || this.search !== '';
  }

  get count(): number {
    return this.isFiltered ? this.found.length : this.total;
  }

  at(row: number): ConsoleLine | undefined {
    if (this.isFiltered) return this.found[row];
    return this.windows.get(Math.floor(row / LOG_WINDOW))?.[row % LOG_WINDOW];
  }

  close(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  filter(stream: string, search: string): void {
    if (stream === this.stream && search === this.search) return;
    this.controller.abort();
    this.controller = new AbortController();
    this.inFlight.clear();
    this.searching = false;
    this.stream = stream;
    this.search = search;
    this.found = [];
    this.matching = 0;
    this.hasMore = this.isFiltered;
    if (this.isFiltered) void this.findMore();
    else void this.loadTail();
  }

  ensure(first: number, last: number): void {
    if (this.isFiltered) {
      if (this.hasMore && last >= this.found.length - 50) void this.findMore();
      return;
    }
    for (let window = Math.floor(first / LOG_WINDOW); window <= Math.floor(last / LOG_WINDOW); window++) {
      const held = this.windows.get(window);
      const expected = Math.min(LOG_WINDOW, this.total - window * LOG_WINDOW);
      if ((held?.length ?? 0) < expected) void this.loadWindow(window);
    }
  }

  /** The run printed more. */
  grew(): void {
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.refreshedAt + REFRESH_MS - Date.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.refreshedAt = Date.now();
      if (this.isFiltered) void this.findMore();
      else void this.loadWindow(Math.floor(this.total / LOG_WINDOW));
    }, wait);
  }

  retry(): void {
    this.error = null;
    if (this.isFiltered) void this.findMore();
    else void this.loadTail();
  }

  private async loadTail(): Promise<void> {
    const page = await this.get({ tail: LOG_WINDOW });
    if (page) this.take(page);
  }

  private async loadWindow(window: number): Promise<void> {
    if (this.inFlight.has(window)) return;
    this.inFlight.add(window);
    const page = await this.get({ after: window * LOG_WINDOW - 1, limit: LOG_WINDOW });
    this.inFlight.delete(window);
    if (page) this.take(page);
  }

  private take(page: ConsolePage): void {
    const windows = new Map(this.windows);
    for (const line of page.lines) {
      const window = Math.floor(line.index / LOG_WINDOW);
      const lines = windows.get(window);
      const copy = lines === this.windows.get(window) ? [...(lines ?? [])] : (lines as ConsoleLine[]);
      copy[line.index % LOG_WINDOW] = line;
      windows.set(window, copy);
    }
    this.windows = windows;
    this.total = page.total;
    this.loaded = true;
  }

  private async findMore(): Promise<void> {
    if (this.searching) return;
    this.searching = true;
    const signal = this.controller.signal;
    const after = this.found.at(-1)?.index ?? -1;
    const page = await this.get({ after, limit: LOG_WINDOW });
    if (signal.aborted) return;
    this.searching = false;
    if (!page) return;
    this.loaded = true;
    this.matching = page.total;
    if (page.lines.length > 0) this.found = [...this.found, ...page.lines];
    this.hasMore = page.lines.length === LOG_WINDOW;
  }

  private async get(query: ConsoleQuery): Promise<ConsolePage | null> {
    const signal = this.controller.signal;
    try {
      const filter = { stream: this.stream, search: this.search, attempt: this.attempt };
      const page = await getConsole(this.entity, this.project, this.run, { ...query, ...filter }, signal);
      this.error = null;
      return page;
    } catch (error) {
      if (!signal.aborted) this.error = error;
      return null;
    }
  }
}
