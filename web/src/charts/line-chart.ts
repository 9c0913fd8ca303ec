/**
 * The line chart: typed columns in, pixels out.
 *
 *   uPlot canvas     axes, grid                        redrawn when the view moves
 *   lines canvas     every line                        redrawn when the view or the data moves
 *   overlay canvas   the lit line, values at crosshair redrawn on hover
 *
 * Hovering therefore costs one line, whatever the number of lines. Start at `createLineChart`.
 */

import 'uplot/dist/uPlot.min.css';
import './line-chart.css';
import uPlot from 'uplot';
import { runColor, runDash } from '../lib/colours';
import { centreX } from '../lib/geometry';
import { formatValue, formatX } from '../lib/numbers';
import type { Smoothing } from '../lib/smoothing';
import { lowerBound, nearestBucket } from '../lib/series';
import type { SeriesData } from '../lib/series';
import { covers, fromScale, toScale } from '../lib/scales';
import type { Range } from '../lib/scales';
import { Announcer } from './announcer';
import { createAxes, redrawAxes } from './axes';
import type { AxisSource, Size } from './axes';
import { attachGestures } from './gestures';
import type { GestureTarget, Point } from './gestures';
import { bucketValues, displayed, HOVER_ROWS_MAX, hitsAt, reaches } from './hover';
import type { Hit, HoverView } from './hover';
import type { HoverState } from './hover-bus';
import { fitX, fitY } from './fitting';
import { paintHighlight, paintLines, paintRules, paintValue, toPng } from './painting';
import type { PaintedLine, Scene } from './painting';
import { factsOf, summaryText, tableOf } from './summary';
import { readInk, watchTheme } from './theme';
import type { Ink } from './theme';
import type {
  ChartHover,
  ChartLine,
  ChartOptions,
  ChartTable,
  HoverRow,
  LineChart,
  LineFacts,
} from './types';
import { sameRange, UNZOOMED, View } from './view';
import type { Zoom } from './view';

const NO_SMOOTHING: Smoothing = { kind: 'none' };
const DIMMED = '0.3';
const LIT_REACH_PX = 48;
const SHRINK_AFTER_MS = 5000;
const SUMMARY_AFTER_MS = 400;
const OUTER_MIN_PX = 60;

/** Options that change the picture; the others are names and callbacks. */
const DRAWING_OPTIONS = [
  'title',
  'xKind',
  'xLabel',
  'xScale',
  'yScale',
  'yMin',
  'yMax',
  'yLimit',
  'rules',
  'smoothing',
  'rawLine',
  'outlierPercent',
] as const;

/** A line with the data to draw it from, coarse for everywhere and fine for where it was zoomed. */
interface HeldLine {
  input: ChartLine;
  /** Covers the whole x range. */
  overview: SeriesData;
  /** Covers `LineChart.detailCovers`. */
  detail: SeriesData | null;
  colour: string;
  dash: readonly number[];
}

/** Make a chart that fills `element` and follows its size. */
export function createLineChart(element: HTMLElement, options: ChartOptions): LineChart {
  return new CanvasLineChart(element, options);
}

class CanvasLineChart implements LineChart, GestureTarget {
  private readonly root: HTMLElement;
  private readonly announcer: Announcer;
  private readonly plot: uPlot;
  private readonly linesCanvas: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private readonly view = new View();
  private options: ChartOptions;
  private ink: Ink;
  private held: HeldLine[] = [];
  private detailCovers: Range | null = null;
  private newestX = NaN;
  private heldFromX = NaN;
  private outsideCount = 0;
  private crosshair: { x: number; subject: string | null; point: Point } | null = null;
  private peer: HoverState | null = null;
  private hover: ChartHover | null = null;
  private focusKey: string | null = null;
  private frame = 0;
  private isStale = false;
  private isInGesture = false;
  private shrinkTimer: ReturnType<typeof setTimeout> | undefined;
  private summaryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly undo: (() => void)[] = [];

  constructor(element: HTMLElement, options: ChartOptions) {
    this.options = options;
    this.root = element;
    this.ink = readInk(element);
    element.classList.add('kiseki-chart');
    element.tabIndex = 0;
    element.setAttribute('role', 'group');
    this.applyOptions();
    const size = sizeOf(element);
    this.plot = createAxes(element, () => this.axisSource, size);
    this.plot.ctx.canvas.setAttribute('role', 'img');
    this.plot.ctx.canvas.setAttribute('aria-label', options.title);
    this.linesCanvas = this.layer();
    this.overlay = this.layer();
    this.plot.over.prepend(this.linesCanvas, this.overlay);
    this.announcer = new Announcer(element);
    this.layOut();
    this.listen();
    this.describe();
  }

  // ---- what a panel calls ------------------------------------------------------------------

  setLines(lines: readonly ChartLine[], covered: Range | null = null): void {
    const known = new Map(this.held.map((line) => [line.input.key, line]));
    const isSameLines = lines.length === known.size && lines.every((line) => known.has(line.key));
    const isNewRange = !sameRange(covered, this.detailCovers);
    this.held = lines.map((input) => {
      const before = known.get(input.key);
      const overview = covered === null || before === undefined ? input.data : before.overview;
      return {
        input,
        overview,
        detail: covered === null ? null : input.data,
        ...this.ownColours(input),
      };
    });
    this.detailCovers = covered;
    this.rangeAfterData(isSameLines && !isNewRange);
    this.describe();
    this.refreshHover();
    this.invalidate();
  }

  setOptions(options: Partial<ChartOptions>): void {
    const before = this.options;
    this.options = { ...before, ...options };
    if (this.options.bus !== before.bus) this.listenToBus();
    this.applyOptions();
    // Panels hand over all options again when one changes; held axes must not move for that.
    if (DRAWING_OPTIONS.every((name) => isSame(before[name], this.options[name]))) return;
    this.rangeX();
    this.rangeY();
    this.describe();
    this.refreshHover();
    this.invalidate();
  }

  setZoom(x: Range | null, y?: Range | null): void {
    // An address knows only x: hearing the same x again keeps a box that was dragged here.
    const wantedY =
      y === undefined && sameRange(x, this.view.zoom.x) ? this.view.zoom.y : (y ?? null);
    if (this.view.jump({ x, y: wantedY })) this.afterZoom(false);
  }

  follow(): void {
    this.view.zoom = UNZOOMED;
    this.heldFromX = NaN;
    this.leave();
    this.rangeX();
    this.afterZoom(true);
    this.options.onHeld?.(0);
  }

  get xRange(): Range {
    return this.view.x;
  }

  get yRange(): Range {
    return this.view.y;
  }

  get isZoomed(): boolean {
    return this.view.isZoomed;
  }

  get plotWidth(): number {
    return this.plot.over.clientWidth;
  }

  get outside(): number {
    return this.outsideCount;
  }

  facts(): LineFacts[] {
    return this.named().map(factsOf);
  }

  summary(): string {
    return summaryText(this.options.title, this.named(), this.options.xKind);
  }

  table(rowsMax?: number): ChartTable {
    const label = this.options.xLabel ?? this.options.xKind;
    const lines = this.held.map((line) => ({
      key: line.input.key,
      label: line.input.label,
      data: this.dataOf(line),
    }));
    return tableOf(label, this.options.xKind, lines, rowsMax);
  }

  toBlob(): Promise<Blob> {
    this.flush();
    const { left, top } = this.plot.bbox;
    const layers = [
      { canvas: this.plot.ctx.canvas, left: 0, top: 0 },
      { canvas: this.linesCanvas, left, top },
    ];
    return toPng(layers, this.ink.background);
  }

  flush(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.isStale) return;
    this.isStale = false;
    redrawAxes(this.plot, this.axisSource);
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.shrinkTimer);
    clearTimeout(this.summaryTimer);
    this.leave();
    for (const undo of this.undo) undo();
    this.stopBus?.();
    this.plot.destroy();
    this.announcer.remove();
    this.root.classList.remove('kiseki-chart', 'is-box', 'is-panning');
  }

  // ---- set up ------------------------------------------------------------------------------

  private layer(): HTMLCanvasElement {
    const canvas = document.createElement('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    return canvas;
  }

  private listen(): void {
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(this.root);
    this.undo.push(() => observer.disconnect());
    this.undo.push(watchTheme(() => this.retheme()));
    this.undo.push(attachGestures(this.plot.over, this.root, this));
    this.listenToBus();
  }

  private stopBus: (() => void) | undefined;

  private listenToBus(): void {
    this.stopBus?.();
    this.stopBus = this.options.bus?.subscribe((state) => this.onPeer(state));
  }

  private applyOptions(): void {
    this.view.xScale = this.options.xScale ?? 'linear';
    this.view.yScale = this.options.yScale ?? 'linear';
    this.view.xKind = this.options.xKind;
    this.root.setAttribute('aria-label', this.options.title);
  }

  private resize(): void {
    const size = sizeOf(this.root);
    if (size.width === this.plot.width && size.height === this.plot.height) return;
    this.plot.setSize(size);
    this.invalidate();
  }

  private retheme(): void {
    this.ink = readInk(this.root);
    this.held = this.held.map((line) => ({ ...line, ...this.ownColours(line.input) }));
    this.refreshHover();
    this.invalidate();
  }

  private ownColours(line: ChartLine): { colour: string; dash: readonly number[] } {
    const index = typeof line.colour === 'number' ? line.colour : null;
    return {
      colour: index === null ? String(line.colour) : runColor(index, this.ink.theme),
      dash: line.dash ?? (index === null ? [] : runDash(index)),
    };
  }

  private named(): { key: string; label: string; data: SeriesData }[] {
    return this.held.map(({ input, overview }) => ({
      key: input.key,
      label: input.label,
      data: overview,
    }));
  }

  private describe(): void {
    clearTimeout(this.summaryTimer);
    this.summaryTimer = setTimeout(() => {
      this.plot.ctx.canvas.setAttribute('aria-label', this.summary());
    }, SUMMARY_AFTER_MS);
  }

  // ---- ranges ------------------------------------------------------------------------------

  private get smoothing(): Smoothing {
    return this.options.smoothing ?? NO_SMOOTHING;
  }

  /** Fine data where it covers the view, else the coarse data of everything, stretched. */
  private dataOf(line: HeldLine): SeriesData {
    if (line.detail === null) return line.overview;
    return covers(this.detailCovers, this.view.x) ? line.detail : line.overview;
  }

  private dataExtentX(): Range {
    const parts = this.held.flatMap(({ overview, detail }) => [
      overview,
      ...(detail === null ? [] : [detail]),
    ]);
    return fitX(parts, this.view.xScale);
  }

  private rangeX(): void {
    this.view.homeX = this.dataExtentX();
    this.newestX = this.view.homeX.max;
  }

  private rangeY(): void {
    clearTimeout(this.shrinkTimer);
    this.shrinkTimer = undefined;
    this.view.homeY = this.dataRangeY();
  }

  private dataRangeY(): Range {
    const { options } = this;
    const fitted = fitY(
      this.held.map((line) => ({ data: this.dataOf(line), band: line.input.band ?? null })),
      {
        visible: this.view.zoom.x,
        xScale: this.view.xScale,
        yScale: this.view.yScale,
        smoothing: this.smoothing,
        rawLine: options.rawLine ?? true,
        span: this.span,
        outlierPercent: options.outlierPercent ?? 0,
        min: options.yMin ?? null,
        max: options.yMax ?? null,
        limit: options.yLimit ?? null,
      },
    );
    this.outsideCount = fitted.outside;
    return fitted.range;
  }

  /** New data came. Live data may not move axes that somebody is reading. */
  private rangeAfterData(isLive: boolean): void {
    const newHomeX = this.dataExtentX();
    if (!isLive) {
      this.view.homeX = newHomeX;
      this.newestX = newHomeX.max;
      this.heldFromX = NaN;
      this.rangeY();
      return;
    }
    if (this.crosshair !== null || this.isInGesture || this.view.isZoomed) {
      if (Number.isNaN(this.heldFromX)) this.heldFromX = this.newestX;
      this.newestX = newHomeX.max;
      this.options.onHeld?.(Math.max(0, newHomeX.max - this.heldFromX));
      return;
    }
    this.release();
  }

  /** Let the axes go where the data is: outward at once, inward after a while. */
  private release(): void {
    if (!Number.isNaN(this.heldFromX)) this.options.onHeld?.(0);
    this.heldFromX = NaN;
    const before = this.view.homeY;
    this.rangeX();
    const wanted = this.dataRangeY();
    this.view.homeY = {
      min: Math.min(before.min, wanted.min),
      max: Math.max(before.max, wanted.max),
    };
    if (sameRange(this.view.homeY, wanted)) return;
    this.shrinkTimer ??= setTimeout(() => {
      this.shrinkTimer = undefined;
      if (this.crosshair !== null || this.view.isZoomed) return;
      this.rangeY();
      this.invalidate();
    }, SHRINK_AFTER_MS);
  }

  // ---- drawing -----------------------------------------------------------------------------

  private invalidate(): void {
    this.isStale = true;
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.flush();
    });
  }

  private get axisSource(): AxisSource {
    const { view } = this;
    return {
      ink: this.ink,
      x: { range: view.x, scale: view.xScale, kind: view.xKind },
      y: { range: view.y, scale: view.yScale },
      onLayout: () => this.layOut(),
      onDraw: () => this.drawLines(),
    };
  }

  private layOut(): void {
    const { width, height } = this.plot.bbox;
    for (const canvas of [this.linesCanvas, this.overlay]) {
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
    }
  }

  private get span(): number {
    return this.view.x.max - this.view.x.min;
  }

  private scene(): Scene {
    const { width, height } = this.linesCanvas;
    const { x, y, xScale, yScale } = this.view;
    const [xMin, xMax] = [toScale(xScale, x.min), toScale(xScale, x.max)];
    const [yMin, yMax] = [toScale(yScale, y.min), toScale(yScale, y.max)];
    const ax = width / (xMax - xMin);
    const ay = -height / (yMax - yMin);
    return {
      transform: { ax, bx: -ax * xMin, ay, by: height - ay * yMin, xMin, xMax },
      width,
      height,
      pixelRatio: uPlot.pxRatio,
      logX: xScale === 'log',
      logY: yScale === 'log',
      smoothing: this.smoothing,
      rawLine: this.options.rawLine ?? true,
      span: this.span,
      isClipped: (this.options.outlierPercent ?? 0) > 0,
      ink: this.ink,
    };
  }

  private painted(line: HeldLine): PaintedLine {
    return {
      data: this.dataOf(line),
      colour: line.colour,
      dash: line.dash,
      rank: line.input.rank ?? 'normal',
      band: line.input.band ?? null,
      thin: line.input.thin ?? null,
    };
  }

  private drawLines(): void {
    const context = this.linesCanvas.getContext('2d')!;
    const { width, height } = this.linesCanvas;
    context.clearRect(0, 0, width, height);
    // Painted last is on top: the baseline, then pinned lines, then the table from its first row.
    const rank = { normal: 0, pinned: 1, baseline: 2 };
    const order = this.held.map((line) => this.painted(line)).reverse();
    order.sort((a, b) => rank[a.rank] - rank[b.rank]);
    const scene = this.scene();
    paintRules(context, this.options.rules ?? [], scene);
    paintLines(context, order, scene);
    this.drawOverlay();
  }

  private get litSubject(): string | null {
    return this.crosshair === null ? (this.peer?.subject ?? null) : this.crosshair.subject;
  }

  private drawOverlay(): void {
    const context = this.overlay.getContext('2d')!;
    context.clearRect(0, 0, this.overlay.width, this.overlay.height);
    const subject = this.litSubject;
    const lit = subject === null ? [] : this.held.filter((line) => line.input.subject === subject);
    const isDimmed = lit.length > 0 && lit.length < this.held.length;
    this.linesCanvas.style.opacity = isDimmed ? DIMMED : '';
    const x = this.crosshair?.x ?? this.peerX();
    this.placeCrosshair(x);
    if (lit.length === 0 && x === null) return;
    const scene = this.scene();
    if (isDimmed) for (const line of lit) paintHighlight(context, this.painted(line), scene);
    if (x === null) return;
    const marked = lit.length > 0 ? lit : this.held.length === 1 ? this.held : [];
    for (const line of marked) this.drawValue(context, line, x, scene, this.crosshair === null);
  }

  private peerX(): number | null {
    if (this.peer === null || this.peer.x === null) return null;
    return this.peer.xKey === (this.options.xKey ?? this.options.xKind) ? this.peer.x : null;
  }

  private placeCrosshair(x: number | null): void {
    const left = x === null ? -10 : (this.pxOf(x) ?? -10);
    this.plot.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
  }

  /** CSS px of an x in the plot, null outside it. */
  private pxOf(x: number): number | null {
    const { x: range, xScale } = this.view;
    const low = toScale(xScale, range.min);
    const share = (toScale(xScale, x) - low) / (toScale(xScale, range.max) - low);
    return share >= -1e-9 && share <= 1 + 1e-9 ? share * this.plotWidth : null;
  }

  /** A dot on the line at x; with its value beside it in charts the pointer is not in. */
  private drawValue(
    context: CanvasRenderingContext2D,
    line: HeldLine,
    x: number,
    scene: Scene,
    isLabelled: boolean,
  ): void {
    const data = this.dataOf(line);
    const bucket = nearestBucket(data, x);
    const view = this.hoverView();
    const at = this.pxOf(x);
    if (bucket < 0 || at === null || !reaches(data, view, at)) return;
    const { ax, bx, ay, by } = scene.transform;
    const value = displayed(data, view)[bucket]!;
    const px = ax * toScale(this.view.xScale, centreX(data, bucket)) + bx;
    const py = ay * toScale(this.view.yScale, value) + by;
    if (!Number.isFinite(px + py)) return;
    paintValue(context, px, py, line.colour, isLabelled ? formatValue(value) : '', scene);
  }

  // ---- hover -------------------------------------------------------------------------------

  private hoverView(): HoverView {
    const { transform, pixelRatio } = this.scene();
    return {
      xScale: this.view.xScale,
      yScale: this.view.yScale,
      ax: transform.ax / pixelRatio,
      bx: transform.bx / pixelRatio,
      ay: transform.ay / pixelRatio,
      by: transform.by / pixelRatio,
      smoothing: this.smoothing,
      span: this.span,
    };
  }

  hoverAt(point: Point): void {
    if (this.isInGesture || this.held.length === 0) return;
    const view = this.hoverView();
    const series = this.held.map((line) => this.dataOf(line));
    const hits = hitsAt(series, view, point.x, point.y);
    const nearest = hits[0];
    if (nearest === undefined) {
      this.leave();
      return;
    }
    const x = centreX(series[nearest.line]!, nearest.bucket);
    const near = this.held[nearest.line]!.input;
    const subject = nearest.distance <= LIT_REACH_PX ? near.subject : null;
    this.focusKey = near.key;
    this.crosshair = { x, subject, point };
    this.hover = this.hoverOf(hits, series, x, point, subject, view);
    const xKey = this.options.xKey ?? this.options.xKind;
    this.drawOverlay();
    this.options.bus?.publish({ xKey, x, subject, source: this });
    this.options.onHover?.(this.hover);
  }

  private hoverOf(
    hits: readonly Hit[],
    series: readonly SeriesData[],
    x: number,
    point: Point,
    subject: string | null,
    view: HoverView,
  ): ChartHover {
    const box = this.plot.over.getBoundingClientRect();
    const rows = hits.slice(0, HOVER_ROWS_MAX).map(({ line, bucket }): HoverRow => {
      const { input, colour, dash } = this.held[line]!;
      const data = series[line]!;
      return {
        key: input.key,
        subject: input.subject,
        label: input.label,
        colour,
        dash,
        x: data.x[bucket]!,
        ...bucketValues(data, bucket, view),
        note: input.note?.(bucket) ?? '',
      };
    });
    return {
      x,
      xText: formatX(this.options.xKind, this.options.xKind === 'step' ? Math.round(x) : x),
      clientX: box.left + (this.pxOf(x) ?? point.x),
      clientY: box.top + point.y,
      rows,
      total: hits.length,
      subject,
    };
  }

  leave(): void {
    if (this.crosshair === null) return;
    this.crosshair = null;
    this.hover = null;
    const { bus } = this.options;
    if (bus?.current?.source === this) bus.publish(null);
    this.options.onHover?.(null);
    if (!Number.isNaN(this.heldFromX) && !this.view.isZoomed) {
      this.release();
      this.invalidate();
    }
    this.drawOverlay();
  }

  /** The data or the colours changed under the crosshair. */
  private refreshHover(): void {
    if (this.crosshair !== null) this.hoverAt(this.crosshair.point);
  }

  private onPeer(state: HoverState | null): void {
    const mine = state?.source === this;
    this.peer = mine ? null : state;
    if (!mine && this.crosshair === null) this.drawOverlay();
  }

  // ---- gestures ----------------------------------------------------------------------------

  private get plotSize(): Size {
    return { width: this.plot.over.clientWidth, height: this.plot.over.clientHeight };
  }

  private valueAt(axis: 'x' | 'y', px: number): number {
    const range = axis === 'x' ? this.view.x : this.view.y;
    const scale = axis === 'x' ? this.view.xScale : this.view.yScale;
    const { width, height } = this.plotSize;
    const share = axis === 'x' ? px / width : 1 - px / height;
    const low = toScale(scale, range.min);
    return fromScale(scale, low + share * (toScale(scale, range.max) - low));
  }

  selectBox(from: Point, to: Point, isBox: boolean): void {
    this.root.classList.toggle('is-box', isBox);
    this.plot.setSelect(
      {
        left: Math.min(from.x, to.x),
        width: Math.abs(to.x - from.x),
        top: isBox ? Math.min(from.y, to.y) : 0,
        height: isBox ? Math.abs(to.y - from.y) : this.plotSize.height,
      },
      false,
    );
  }

  clearBox(): void {
    this.root.classList.remove('is-box');
    this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  zoomToBox(from: Point, to: Point, isBox: boolean): void {
    const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
    const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
    if (right - left < 2 || (isBox && bottom - top < 2)) return;
    const x = { min: this.valueAt('x', left), max: this.valueAt('x', right) };
    const y = isBox ? { min: this.valueAt('y', bottom), max: this.valueAt('y', top) } : null;
    this.zoomTo({ x, y });
  }

  private zoomTo(zoom: Zoom): void {
    if (this.view.set(zoom)) this.afterZoom(true);
  }

  /** The view has come to rest: fit y to what is visible and ask for data. */
  private afterZoom(isOwn: boolean): void {
    if (!this.view.isZoomed && !Number.isNaN(this.heldFromX)) {
      this.heldFromX = NaN;
      this.rangeX();
      this.options.onHeld?.(0);
    }
    this.rangeY();
    this.refreshHover();
    this.invalidate();
    if (isOwn) this.options.onZoom?.(this.view.zoom.x);
  }

  beginGesture(): void {
    this.isInGesture = true;
    this.view.begin();
    this.leave();
    this.root.classList.add('is-panning');
  }

  panBy(dx: number, dy: number): void {
    const { width, height } = this.plotSize;
    this.view.panX(-dx / width);
    if (this.view.zoom.y !== null) this.view.panY(dy / height);
    this.invalidate();
  }

  zoomAt(point: Point, factor: number): void {
    this.view.scaleX(this.valueAt('x', point.x), factor);
    this.invalidate();
  }

  settle(): void {
    this.isInGesture = false;
    this.root.classList.remove('is-panning');
    if (this.view.settle()) this.afterZoom(true);
  }

  reset(): void {
    if (this.view.isZoomed) this.zoomTo(UNZOOMED);
  }

  back(): void {
    if (this.view.back()) this.afterZoom(true);
  }

  zoomCentre(factor: number): void {
    const { x, xScale } = this.view;
    const middle = (toScale(xScale, x.min) + toScale(xScale, x.max)) / 2;
    const centre = this.crosshair?.x ?? fromScale(xScale, middle);
    this.view.begin();
    this.view.scaleX(centre, factor);
    if (this.view.settle()) this.afterZoom(true);
  }

  pin(): void {
    if (this.hover !== null) this.options.onPin?.(this.hover);
  }

  stepCrosshair(buckets: number): void {
    const line = this.focused();
    if (line === null) return;
    const data = this.dataOf(line);
    const last = Math.max(0, lowerBound(data.x, data.n, this.view.x.max * (1 + 1e-12)) - 1);
    const first = Math.min(last, lowerBound(data.x, data.n, this.view.x.min));
    const at = this.crosshair === null ? last : nearestBucket(data, this.crosshair.x) + buckets;
    this.standOn(line, Math.min(last, Math.max(first, at)));
  }

  stepLine(direction: number): void {
    const line = this.focused();
    if (line === null) return;
    const next = this.held.indexOf(line) + (this.crosshair === null ? 0 : direction);
    const target = this.held[(next + this.held.length) % this.held.length]!;
    const x = this.crosshair?.x ?? this.view.x.max;
    this.standOn(target, nearestBucket(this.dataOf(target), x));
  }

  private focused(): HeldLine | null {
    return this.held.find((line) => line.input.key === this.focusKey) ?? this.held[0] ?? null;
  }

  /** Put the crosshair on a bucket of a line, as if the pointer stood exactly there. */
  private standOn(line: HeldLine, bucket: number): void {
    if (bucket < 0) return;
    const data = this.dataOf(line);
    const view = this.hoverView();
    const value = displayed(data, view)[bucket]!;
    const y = view.ay * toScale(view.yScale, value) + view.by;
    const x = view.ax * toScale(view.xScale, centreX(data, bucket)) + view.bx;
    this.hoverAt({ x, y: Number.isFinite(y) ? y : this.plotSize.height });
    this.focusKey = line.input.key;
    this.announce();
  }

  private announce(): void {
    const { hover } = this;
    const row = hover?.rows.find(({ key }) => key === this.focusKey) ?? hover?.rows[0];
    if (hover === null || row === undefined) return;
    this.announcer.say(`${row.label}, ${hover.xText}: ${formatValue(row.smoothed ?? row.value)}`);
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sizeOf(element: HTMLElement): Size {
  return {
    width: Math.max(OUTER_MIN_PX, Math.floor(element.clientWidth)),
    height: Math.max(OUTER_MIN_PX, Math.floor(element.clientHeight)),
  };
}
