/**
 * The line chart: typed columns in, pixels out.
 *
 *   axes canvas      axes, grid                        redrawn when the view moves
 *   lines canvas     every line                        redrawn when the view or the data moves
 *   overlay canvas   the lit line, values at crosshair redrawn on hover
 *
 * Hovering therefore costs one line, whatever the number of lines.
 *
 *   frame.ts    where axes and plot stand                       axes.ts    ticks and how they are drawn
 *   held.ts     the lines and which of their data is drawn      view.ts     zoom and its history
 *   ranging.ts  when axes may move                               crosshair.ts  what the pointer is at
 *
 * Start at `createLineChart`.
 */

import './line-chart.css';
import { centreX } from '../lib/geometry';
import { formatValue } from '../lib/numbers';
import { fromScale, toScale } from '../lib/scales';
import type { Range } from '../lib/scales';
import { lowerBound, nearestBucket } from '../lib/series';
import { Announcer } from './announcer';
import type { AxisSource, Size } from './axes';
import type { paintDensity } from './density';
import { attachGestures } from './gestures';
import type { GestureTarget, Point } from './gestures';
import { Crosshair } from './crosshair';
import { drawQueue } from './draw-queue';
import type { Drawable } from './draw-queue';
import { ChartFrame } from './frame';
import { HeldLines } from './held';
import type { HeldLine } from './held';
import type { HoverState } from './hover-bus';
import { displayed, reaches } from './hover';
import type { HoverView } from './hover';
import { paintRules, paintValue } from './marks';
import { paintAllMarks, paintHighlight, paintLines } from './painting';
import { Ranging } from './ranging';
import type { PaintedLine, Scene } from './scene';
import { factsOf, summaryText, tableOf } from './summary';
import { readInk, watchTheme } from './theme';
import type { Ink } from './theme';
import type {
  ChartLine,
  ChartOptions,
  ChartTable,
  LineChart,
  LineFacts,
  YAxis,
} from './types';
import { sameRange, UNZOOMED, View } from './view';
import type { Zoom } from './view';

const DIMMED = '0.3';
const SUMMARY_AFTER_MS = 400;

/** Options after which the axes are fitted anew. */
const RANGE_OPTIONS = [
  'xKind',
  'xScale',
  'yScale',
  'yMin',
  'yMax',
  'rightScale',
  'rightMin',
  'rightMax',
  'yLimit',
  'smoothing',
  'rawLine',
  'outlierPercent',
] as const;

/** Others that change the picture; the rest are callbacks. */
const DRAWING_OPTIONS = [...RANGE_OPTIONS, 'title', 'xLabel', 'rules', 'density'] as const;

/** Make a chart that fills `element` and follows its size. */
export function createLineChart(element: HTMLElement, options: ChartOptions): LineChart {
  return new CanvasLineChart(element, options);
}

export class CanvasLineChart implements LineChart, GestureTarget, Drawable {
  options: ChartOptions;
  readonly view = new View();
  readonly lines = new HeldLines();
  readonly frame: ChartFrame;
  ink: Ink;
  private readonly root: HTMLElement;
  private readonly announcer: Announcer;
  private readonly ranging: Ranging;
  private readonly crosshair: Crosshair;
  private peer: HoverState | null = null;
  /** Shading is code of its own, for the few charts of thousands of lines. */
  private paintDensity: typeof paintDensity | null = null;
  private isStale = false;
  isInGesture = false;
  private summaryTimer: ReturnType<typeof setTimeout> | undefined;
  private stopBus: (() => void) | undefined;
  private readonly undo: (() => void)[] = [];

  constructor(element: HTMLElement, options: ChartOptions) {
    this.options = options;
    this.root = element;
    this.ink = readInk(element);
    this.ranging = new Ranging(this.view, this.lines, this);
    this.crosshair = new Crosshair(this);
    element.classList.add('kiseki-chart');
    element.tabIndex = 0;
    element.setAttribute('role', 'group');
    this.frame = new ChartFrame(element);
    this.frame.canvas.setAttribute('aria-label', options.title);
    this.applyOptions();
    this.frame.layOut(this.axisSource);
    this.announcer = new Announcer(element);
    this.listen();
    this.describe();
  }

  // ---- what a panel calls ------------------------------------------------------------------

  setLines(lines: readonly ChartLine[], covered: Range | null = null): void {
    this.ranging.afterData(this.lines.set(lines, covered, this.ink));
    this.describe();
    this.crosshair.refresh();
    this.redraw();
  }

  setOptions(options: Partial<ChartOptions>): void {
    const before = this.options;
    this.options = { ...before, ...options };
    if (this.options.bus !== before.bus) this.listenToBus();
    this.applyOptions();
    const changed = (name: keyof ChartOptions): boolean =>
      !isSame(before[name], this.options[name]);
    // Panels hand over all options again when one changes; held axes must not move for that.
    if (!DRAWING_OPTIONS.some(changed)) return;
    if (RANGE_OPTIONS.some(changed)) {
      this.ranging.fitX();
      this.ranging.fitY();
    }
    this.describe();
    this.crosshair.refresh();
    this.redraw();
  }

  setZoom(x: Range | null, y?: Range | null): void {
    // An address knows only x: hearing the same x again keeps a box that was dragged here.
    const wantedY =
      y === undefined && sameRange(x, this.view.zoom.x) ? this.view.zoom.y : (y ?? null);
    if (this.view.jump({ x, y: wantedY })) this.afterZoom(false);
  }

  follow(): void {
    this.view.zoom = UNZOOMED;
    this.leave();
    this.ranging.fitX();
    this.ranging.follow();
    this.afterZoom(true);
    this.options.onHeld?.(0);
  }

  light(subject: string | null): void {
    const state = subject === null ? null : { xKey: '', x: null, subject, source: null };
    if (this.options.bus) this.options.bus.publish(state);
    else this.onPeer(state);
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
    return this.frame.box.width;
  }

  get plotSize(): Size {
    return this.frame.box;
  }

  /** Where the plot stands on the page. */
  get plotBox(): DOMRect {
    return this.frame.plot.getBoundingClientRect();
  }

  get outside(): number {
    return this.ranging.outside;
  }

  facts(): LineFacts[] {
    return this.lines.named().map(factsOf);
  }

  summary(): string {
    return summaryText(this.options.title, this.lines.named(), this.options.xKind);
  }

  table(rowsMax?: number): ChartTable {
    const label = this.options.xLabel ?? this.options.xKind;
    const lines = this.lines.all.map((line) => ({
      key: line.input.key,
      label: line.input.label,
      data: this.lines.dataOf(line, this.view.x),
    }));
    return tableOf(label, this.options.xKind, lines, rowsMax);
  }

  async toPicture(kind: 'png' | 'svg'): Promise<Blob> {
    this.flush();
    const { pictureOf } = await import('./picture');
    return pictureOf(this, kind);
  }

  flush(): void {
    drawQueue.remove(this);
    if (this.isStale) this.draw();
  }

  /** Called by the queue, when its turn has come. */
  draw(): void {
    this.isStale = false;
    this.frame.draw(this.axisSource);
    this.drawLines();
  }

  destroy(): void {
    drawQueue.remove(this);
    clearTimeout(this.summaryTimer);
    this.ranging.stop();
    this.leave();
    for (const undo of this.undo) undo();
    this.stopBus?.();
    this.frame.remove();
    this.announcer.remove();
    this.root.classList.remove('kiseki-chart', 'is-box', 'is-panning');
  }

  // ---- set up ------------------------------------------------------------------------------

  private listen(): void {
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(this.root);
    this.undo.push(() => observer.disconnect());
    this.undo.push(watchTheme(() => this.retheme()));
    this.undo.push(attachGestures(this.frame.plot, this.root, this));
    this.listenToBus();
  }

  private listenToBus(): void {
    this.stopBus?.();
    this.stopBus = this.options.bus?.subscribe((state) => this.onPeer(state));
  }

  private applyOptions(): void {
    this.view.xKind = this.options.xKind;
    this.ranging.applyScales();
    this.root.setAttribute('aria-label', this.options.title);
  }

  private resize(): void {
    if (this.frame.fit()) this.redraw();
  }

  private retheme(): void {
    this.ink = readInk(this.root);
    this.lines.recolour(this.ink);
    this.crosshair.refresh();
    this.redraw();
  }

  private describe(): void {
    clearTimeout(this.summaryTimer);
    this.summaryTimer = setTimeout(() => {
      this.frame.canvas.setAttribute('aria-label', this.summary());
    }, SUMMARY_AFTER_MS);
  }

  // ---- drawing -----------------------------------------------------------------------------

  redraw(): void {
    this.isStale = true;
    drawQueue.add(this);
  }

  private get axisSource(): AxisSource {
    const { view } = this;
    return {
      ink: this.ink,
      x: { range: view.x, scale: view.xScale, kind: view.xKind },
      y: { range: view.y, scale: view.yScale },
      right: this.lines.hasRight ? { range: view.yRight, scale: view.rightScale } : null,
    };
  }

  /** The view in a plot of this many device px; that on the page when nothing else is said. */
  scene(axis: YAxis, size: Size = this.frame.lines, pixelRatio = this.frame.ratio): Scene {
    const { width, height } = size;
    const { x, xScale } = this.view;
    const isLeft = axis === 'left';
    const [y, yScale] = isLeft
      ? [this.view.y, this.view.yScale]
      : [this.view.yRight, this.view.rightScale];
    const [xMin, xMax] = [toScale(xScale, x.min), toScale(xScale, x.max)];
    const [yMin, yMax] = [toScale(yScale, y.min), toScale(yScale, y.max)];
    const ax = width / (xMax - xMin);
    const ay = -height / (yMax - yMin);
    return {
      transform: { ax, bx: -ax * xMin, ay, by: height - ay * yMin, xMin, xMax },
      width,
      height,
      pixelRatio,
      logX: xScale === 'log',
      yScale,
      smoothing: this.options.smoothing ?? { kind: 'none' },
      rawLine: this.options.rawLine ?? true,
      span: x.max - x.min,
      isClipped: (this.options.outlierPercent ?? 0) > 0,
      ink: this.ink,
    };
  }

  /** Every line for a plot of this size, those to be painted on top last. */
  painted(size?: Size, pixelRatio?: number): PaintedLine[] {
    const scenes = {
      left: this.scene('left', size, pixelRatio),
      right: this.scene('right', size, pixelRatio),
    };
    // Painted last is on top: the baseline, then pinned lines, then the table from its first row.
    const rank = { normal: 0, pinned: 1, baseline: 2 };
    return this.lines.all
      .map((line) => this.paintedLine(line, scenes[line.input.axis ?? 'left']))
      .reverse()
      .sort((a, b) => rank[a.rank] - rank[b.rank]);
  }

  private paintedLine(line: HeldLine, scene: Scene): PaintedLine {
    const { input } = line;
    return {
      data: this.lines.dataOf(line, this.view.x),
      scene,
      colour: line.colour,
      dash: line.dash,
      rank: input.rank ?? 'normal',
      band: input.band ?? null,
      thin: input.thin ?? null,
      inheritedTo: input.inheritedTo ?? NaN,
    };
  }

  /** Whether lines are shaded; until the code for it is here they are drawn. */
  private get isShaded(): boolean {
    if (this.options.density !== true) return false;
    if (this.paintDensity !== null) return true;
    void import('./density').then((module) => {
      this.paintDensity = module.paintDensity;
      this.redraw();
    });
    return false;
  }

  private drawLines(): void {
    const context = this.frame.lines.getContext('2d')!;
    context.clearRect(0, 0, this.frame.lines.width, this.frame.lines.height);
    const lines = this.painted();
    paintRules(context, this.options.rules ?? [], this.scene('left'));
    if (this.isShaded) {
      this.paintDensity!(context, lines);
      paintLines(context, lines.filter((line) => line.rank !== 'normal'));
      paintAllMarks(context, lines);
    } else {
      paintLines(context, lines);
    }
    this.drawOverlay();
  }

  drawOverlay(): void {
    const context = this.frame.overlay.getContext('2d')!;
    context.clearRect(0, 0, this.frame.overlay.width, this.frame.overlay.height);
    const at = this.crosshair.at;
    const subject = at === null ? (this.peer?.subject ?? null) : at.subject;
    const held = this.lines.all;
    const lit = subject === null ? [] : held.filter((line) => line.input.subject === subject);
    const isDimmed = lit.length > 0 && lit.length < held.length;
    this.frame.lines.style.opacity = isDimmed ? DIMMED : '';
    const x = at?.x ?? this.peerX();
    this.frame.setCrosshair(x === null ? null : this.pxOf(x));
    if (lit.length === 0 && x === null) return;
    const scenes = { left: this.scene('left'), right: this.scene('right') };
    const sceneOf = (line: HeldLine): Scene => scenes[line.input.axis ?? 'left'];
    if (isDimmed) {
      for (const line of lit) paintHighlight(context, this.paintedLine(line, sceneOf(line)));
    }
    if (x === null) return;
    const marked = lit.length > 0 ? lit : held.length === 1 ? held : [];
    for (const line of marked) this.drawValue(context, line, x, sceneOf(line), at === null);
  }

  private peerX(): number | null {
    if (this.peer === null || this.peer.x === null) return null;
    return this.peer.xKey === this.xKey ? this.peer.x : null;
  }

  get xKey(): string {
    return this.options.xKey ?? this.options.xKind;
  }

  /** CSS px of an x in the plot, null outside it. */
  pxOf(x: number): number | null {
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
    const data = this.lines.dataOf(line, this.view.x);
    const bucket = nearestBucket(data, x);
    const view = hoverView(scene, this.view.xScale);
    const at = this.pxOf(x);
    if (bucket < 0 || at === null || !reaches(data, view, at)) return;
    const { ax, bx, ay, by } = scene.transform;
    const value = displayed(data, view)[bucket]!;
    const px = ax * toScale(this.view.xScale, centreX(data, bucket)) + bx;
    const py = ay * toScale(scene.yScale, value) + by;
    if (!Number.isFinite(px + py)) return;
    paintValue(context, px, py, line.colour, isLabelled ? formatValue(value) : '', scene);
  }

  // ---- hover -------------------------------------------------------------------------------

  /** Somebody reads: axes stay where they are. */
  get isRead(): boolean {
    return this.crosshair.at !== null;
  }

  get isBusy(): boolean {
    return this.isRead || this.isInGesture;
  }

  hoverView(axis: YAxis): HoverView {
    return hoverView(this.scene(axis), this.view.xScale);
  }

  hoverAt(point: Point): void {
    if (!this.isInGesture) this.crosshair.moveTo(point);
  }

  leave(): void {
    if (!this.isRead) return;
    this.crosshair.leave();
    if (this.ranging.isHeld && !this.view.isZoomed) {
      this.ranging.release();
      this.redraw();
    }
    this.drawOverlay();
  }

  scrollRows(rows: number): boolean {
    return this.crosshair.scroll(rows);
  }

  private onPeer(state: HoverState | null): void {
    const mine = state?.source === this;
    this.peer = mine ? null : state;
    if (!mine && !this.isRead) this.drawOverlay();
  }

  pin(): void {
    if (this.crosshair.hover !== null) this.options.onPin?.(this.crosshair.hover);
  }

  copy(): boolean {
    const { onCopy } = this.options;
    if (this.crosshair.hover === null || onCopy === undefined) return false;
    onCopy(this.crosshair.hover);
    return true;
  }

  stepCrosshair(buckets: number): void {
    const line = this.crosshair.focused;
    if (line === null) return;
    const data = this.lines.dataOf(line, this.view.x);
    const last = Math.max(0, lowerBound(data.x, data.n, this.view.x.max * (1 + 1e-12)) - 1);
    const first = Math.min(last, lowerBound(data.x, data.n, this.view.x.min));
    const from = this.crosshair.at;
    const at = from === null ? last : nearestBucket(data, from.x) + buckets;
    this.standOn(line, Math.min(last, Math.max(first, at)));
  }

  stepLine(direction: number): void {
    const line = this.crosshair.focused;
    if (line === null) return;
    const { all } = this.lines;
    const at = this.crosshair.at;
    const next = all.indexOf(line) + (at === null ? 0 : direction);
    const target = all[(next + all.length) % all.length]!;
    const x = at?.x ?? this.view.x.max;
    this.standOn(target, nearestBucket(this.lines.dataOf(target, this.view.x), x));
  }

  private standOn(line: HeldLine, bucket: number): void {
    this.crosshair.standOn(line, bucket);
    const text = this.crosshair.spoken();
    if (text !== null) this.announcer.say(text);
  }

  // ---- gestures ----------------------------------------------------------------------------

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
    this.frame.setSelection({
      left: Math.min(from.x, to.x),
      width: Math.abs(to.x - from.x),
      top: isBox ? Math.min(from.y, to.y) : 0,
      height: isBox ? Math.abs(to.y - from.y) : this.plotSize.height,
    });
  }

  clearBox(): void {
    this.root.classList.remove('is-box');
    this.frame.setSelection(null);
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
    if (!this.view.isZoomed) this.ranging.follow();
    this.ranging.fitY();
    this.crosshair.refresh();
    this.redraw();
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
    this.redraw();
  }

  zoomAt(point: Point, factor: number): void {
    this.view.scaleX(this.valueAt('x', point.x), factor);
    this.redraw();
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
    const centre = this.crosshair.at?.x ?? fromScale(xScale, middle);
    this.view.begin();
    this.view.scaleX(centre, factor);
    if (this.view.settle()) this.afterZoom(true);
  }
}

/** The same view in CSS px, as pointers are measured. */
function hoverView(scene: Scene, xScale: 'linear' | 'log'): HoverView {
  const { transform, pixelRatio, yScale, smoothing, span } = scene;
  return {
    xScale,
    yScale,
    ax: transform.ax / pixelRatio,
    bx: transform.bx / pixelRatio,
    ay: transform.ay / pixelRatio,
    by: transform.by / pixelRatio,
    smoothing,
    span,
  };
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

