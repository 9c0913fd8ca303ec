/** What stands at the pointer: the nearest lines, their values, and their distance to the baseline. */

import { centreX } from '../lib/geometry';
import { formatValue, formatX } from '../lib/numbers';
import { toScale } from '../lib/scales';
import type { Size } from './axes';
import type { Point } from './gestures';
import type { HeldLine, HeldLines } from './held';
import { bucketValues, displayed, HOVER_ROWS_MAX, hitsAt, shownAt } from './hover';
import type { Hit, Hoverable, HoverView } from './hover';
import type { ChartHover, ChartOptions, HoverRow, YAxis } from './types';
import type { View } from './view';

const LIT_REACH_PX = 48;

/** What a crosshair asks of its chart. */
export interface CrosshairHost {
  readonly options: ChartOptions;
  readonly lines: HeldLines;
  readonly view: View;
  readonly xKey: string;
  readonly plotBox: DOMRect;
  readonly plotSize: Size;
  hoverView(axis: YAxis): HoverView;
  pxOf(x: number): number | null;
  drawOverlay(): void;
}

export class Crosshair {
  at: { readonly x: number; readonly subject: string | null; readonly point: Point } | null = null;
  hover: ChartHover | null = null;
  private focusKey: string | null = null;
  /** Rows of the tooltip that were scrolled past. */
  private from = 0;
  private readonly host: CrosshairHost;

  constructor(host: CrosshairHost) {
    this.host = host;
  }

  /** The line that the keys move along. */
  get focused(): HeldLine | null {
    const { all } = this.host.lines;
    return all.find((line) => line.input.key === this.focusKey) ?? all[0] ?? null;
  }

  moveTo(point: Point): void {
    const { host } = this;
    const { options } = host;
    if (host.lines.all.length === 0) return;
    const hoverables = this.hoverables();
    const hits = hitsAt(hoverables, point.x, point.y);
    const nearest = hits[0];
    if (nearest === undefined) {
      this.leave();
      host.drawOverlay();
      return;
    }
    const x = centreX(hoverables[nearest.line]!.data, nearest.bucket);
    const near = host.lines.all[nearest.line]!.input;
    const subject = nearest.distance <= LIT_REACH_PX ? near.subject : null;
    this.focusKey = near.key;
    this.at = { x, subject, point };
    this.from = Math.min(this.from, Math.max(0, hits.length - HOVER_ROWS_MAX));
    this.hover = this.hoverOf(hits, hoverables, x, point, subject);
    host.drawOverlay();
    options.bus?.publish({ xKey: host.xKey, x, subject, source: host });
    options.onHover?.(this.hover);
  }

  leave(): void {
    if (this.at === null) return;
    this.at = null;
    this.hover = null;
    this.from = 0;
    const { bus, onHover } = this.host.options;
    if (bus?.current?.source === this.host) bus.publish(null);
    onHover?.(null);
  }

  /** The data, the colours or the view changed under the crosshair. */
  refresh(): void {
    if (this.at !== null) this.moveTo(this.at.point);
  }

  /** Show rows further from the pointer. @returns whether there is anything to scroll */
  scroll(rows: number): boolean {
    if (this.at === null || this.hover === null || this.hover.total <= HOVER_ROWS_MAX) return false;
    this.from = Math.max(0, Math.min(this.hover.total - HOVER_ROWS_MAX, this.from + rows));
    this.refresh();
    return true;
  }

  /** Stand on a bucket of a line, as if the pointer stood exactly there. */
  standOn(line: HeldLine, bucket: number): void {
    if (bucket < 0) return;
    const { host } = this;
    const data = host.lines.dataOf(line, host.view.x);
    const view = host.hoverView(line.input.axis ?? 'left');
    const value = displayed(data, view)[bucket]!;
    const y = view.ay * toScale(view.yScale, value) + view.by;
    const x = view.ax * toScale(view.xScale, centreX(data, bucket)) + view.bx;
    this.moveTo({ x, y: Number.isFinite(y) ? y : host.plotSize.height });
    this.focusKey = line.input.key;
  }

  /** What a screen reader says of the crosshair; null without one. */
  spoken(): string | null {
    const { hover } = this;
    const row = hover?.rows.find(({ key }) => key === this.focusKey) ?? hover?.rows[0];
    if (hover === null || row === undefined) return null;
    return `${row.label}, ${hover.xText}: ${formatValue(row.smoothed ?? row.value)}`;
  }

  private hoverables(): Hoverable[] {
    const { lines, view } = this.host;
    const left = this.host.hoverView('left');
    const right = lines.hasRight ? this.host.hoverView('right') : left;
    return lines.all.map((line) => ({
      data: lines.dataOf(line, view.x),
      view: line.input.axis === 'right' ? right : left,
    }));
  }

  private hoverOf(
    hits: readonly Hit[],
    hoverables: readonly Hoverable[],
    x: number,
    point: Point,
    subject: string | null,
  ): ChartHover {
    const { host, from } = this;
    const { xKind } = host.options;
    const box = host.plotBox;
    const { all, baseline } = host.lines;
    const base = baseline === null ? NaN : shownAt(hoverables[all.indexOf(baseline)]!, x);
    const rows = hits.slice(from, from + HOVER_ROWS_MAX).map(({ line, bucket }): HoverRow => {
      const held = all[line]!;
      const { data, view } = hoverables[line]!;
      const values = bucketValues(data, bucket, view);
      const delta = (values.smoothed ?? values.value) - base;
      return {
        key: held.input.key,
        subject: held.input.subject,
        label: held.input.label,
        colour: held.colour,
        dash: held.dash,
        x: data.x[bucket]!,
        ...values,
        note: held.input.note?.(bucket) ?? '',
        delta: held === baseline || Number.isNaN(delta) ? null : delta,
      };
    });
    return {
      x,
      xText: formatX(xKind, xKind === 'step' ? Math.round(x) : x),
      clientX: box.left + (host.pxOf(x) ?? point.x),
      clientY: box.top + point.y,
      rows,
      from,
      total: hits.length,
      subject,
    };
  }
}
