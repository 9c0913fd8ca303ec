// The output of a run: windows of lines by index, or, with a filter, the lines found so far.
//
//   all lines      windows of LOG_WINDOW lines, those in view asked for
//   a filter       stream, writer, "only lines that match": found from the first on, page by page
//   a search       without "only", lines stay and `step` goes from match to match
import { getConsole, type ConsoleQuery } from '../api/endpoints';
import type { ConsoleLine, ConsolePage } from '../api/types';

export const LOG_WINDOW = 500;
/** Pages while the list is loaded up to a line that somebody wants to see. */
const REACH_WINDOW = 5000;
const REFRESH_MS = 700;

export interface LogFilter {
  readonly stream: string;
  /** Of a writer of a shared run; null for all. */
  readonly label: string | null;
  readonly search: string;
  /** Only lines that match the search are listed. */
  readonly only: boolean;
}

export const NO_FILTER: LogFilter = { stream: '', label: null, search: '', only: false };

export interface LogMatch {
  readonly index: number;
  /** Its place among the matches, from 1. */
  readonly place: number;
}

export class Console {
  /** Lines the run printed. */
  total = $state(0);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  asked = $state.raw<LogFilter>(NO_FILTER);
  /** Listed lines while there is a filter. */
  found = $state.raw<readonly ConsoleLine[]>([]);
  /** Lines that match the search (with a filter: of those that it leaves), null until known. */
  matching = $state<number | null>(null);
  /** There may be more lines that match than `found` holds. */
  hasMore = $state(false);
  /** The match that was gone to last. */
  match = $state.raw<LogMatch | null>(null);
  private windows = $state.raw(new Map<number, readonly ConsoleLine[]>());
  private readonly inFlight = new Set<number>();
  private controller = new AbortController();
  private finding: Promise<void> | null = null;
  private stepping: Promise<LogMatch | null> = Promise.resolve(null);
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
    const { stream, label, search, only } = this.asked;
    return stream !== '' || label !== null || (search !== '' && only);
  }

  get count(): number {
    return this.isFiltered ? this.found.length : this.total;
  }

  at(row: number): ConsoleLine | undefined {
    if (this.isFiltered) return this.found[row];
    return this.windows.get(Math.floor(row / LOG_WINDOW))?.[row % LOG_WINDOW];
  }

  /** The row that shows a line; with a filter the nearest one before it, -1 where there is none. */
  rowOf(index: number): number {
    if (!this.isFiltered) return Math.min(index, this.total - 1);
    return this.found.findLastIndex((line) => line.index <= index);
  }

  close(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  filter(next: LogFilter): void {
    const { stream, label, search, only } = this.asked;
    if (next.stream === stream && next.label === label && next.search === search && next.only === only) return;
    this.controller.abort();
    this.controller = new AbortController();
    this.inFlight.clear();
    this.finding = null;
    this.asked = next;
    this.found = [];
    this.matching = null;
    this.match = null;
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

  /** Goes to the next match (or the one before), round the ends; null where nothing matches. */
  step(by: 1 | -1): Promise<LogMatch | null> {
    // One behind the other: each begins at the match that the one before came to.
    this.stepping = this.stepping.then(() => this.go(by));
    return this.stepping;
  }

  private async go(by: 1 | -1): Promise<LogMatch | null> {
    const from = this.match;
    const query = by > 0 ? { after: from?.index ?? -1, limit: 1 } : { tail: 1, ...(from && { before: from.index }) };
    let page = await this.get({ ...query, search: this.asked.search });
    let isRound = from === null;
    if (page && page.lines.length === 0 && page.total > 0) {
      isRound = true;
      page = await this.get({ ...(by > 0 ? { limit: 1 } : { tail: 1 }), search: this.asked.search });
    }
    const line = page?.lines[0];
    if (!page) return null;
    this.matching = page.total;
    if (!line) return (this.match = null);
    const place = isRound || from === null ? (by > 0 ? 1 : page.total) : from.place + by;
    return (this.match = { index: line.index, place });
  }

  /** The last line printed until a time; null where none was. */
  async lineAt(timeUs: number): Promise<number | null> {
    const page = await this.get({ until_us: Math.floor(timeUs), tail: 1 }, NO_FILTER);
    return page?.lines[0]?.index ?? null;
  }

  /** With a filter: loads the list until it holds a line. */
  async reach(index: number): Promise<void> {
    while (this.isFiltered && this.hasMore && (this.found.at(-1)?.index ?? -1) < index)
      await this.findMore(REACH_WINDOW);
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

  private findMore(limit = LOG_WINDOW): Promise<void> {
    this.finding ??= this.find(limit);
    return this.finding;
  }

  private async find(limit: number): Promise<void> {
    const signal = this.controller.signal;
    const after = this.found.at(-1)?.index ?? -1;
    const search = this.asked.only ? this.asked.search : '';
    const page = await this.get({ after, limit, search });
    if (signal.aborted) return;
    this.finding = null;
    if (!page) {
      this.hasMore = false;
      return;
    }
    this.loaded = true;
    if (search !== '' || this.asked.search === '') this.matching = page.total;
    if (page.lines.length > 0) this.found = [...this.found, ...page.lines];
    this.hasMore = page.lines.length === limit;
  }

  private async get(query: ConsoleQuery, filter: LogFilter = this.asked): Promise<ConsolePage | null> {
    const signal = this.controller.signal;
    try {
      const { stream, label } = filter;
      const chosen = { stream, attempt: this.attempt, ...(label !== null && { label }) };
      const page = await getConsole(this.entity, this.project, this.run, { ...query, ...chosen }, signal);
      this.error = null;
      return page;
    } catch (error) {
      if (!signal.aborted) this.error = error;
      return null;
    }
  }
}
