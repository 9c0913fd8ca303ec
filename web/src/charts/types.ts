/** What a chart is given and what it reports. A chart knows lines, not runs. */

import type { Range, ScaleName } from '../lib/scales';
import type { SeriesData } from '../lib/series';
import type { Smoothing } from '../lib/smoothing';
import type { XKind } from '../lib/numbers';
import type { HoverBus } from './hover-bus';

/** Area around a grouped line; values in data units, one per bucket of the line's data. */
export interface Band {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export type YAxis = 'left' | 'right';

export interface ChartLine {
  /** Unique within the chart and stable between updates. */
  readonly key: string;
  /** What the line is of (a run id): lines of one subject light up together in all charts. */
  readonly subject: string;
  readonly label: string;
  readonly data: SeriesData;
  /** Index into the ten hues, or any CSS colour. */
  readonly colour: number | string;
  /** CSS px; default follows the colour index. */
  readonly dash?: readonly number[];
  readonly rank?: 'baseline' | 'pinned' | 'normal';
  readonly band?: Band | null;
  /** Buckets where fewer members than the group has contributed (1), else 0: drawn dashed. */
  readonly thin?: Uint8Array | null;
  /** Which y axis it is measured by; default left. The right one appears with its first line. */
  readonly axis?: YAxis;
  /** Up to this x the line is that of the run it was forked from, and drawn thinner. */
  readonly inheritedTo?: number;
  /** Said in the tooltip for a bucket, such as `n = 3 of 5`. */
  readonly note?: (bucket: number) => string;
}

/** A place on x that means something: a thin vertical line, named at its top. */
export interface XRule {
  readonly x: number;
  readonly label: string;
}

export interface ChartOptions {
  /** Accessible name; the panel draws its own header. */
  readonly title: string;
  readonly xKind: XKind;
  /** Charts with equal keys share the crosshair; default is `xKind`. */
  readonly xKey?: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly unit?: string;
  readonly xScale?: 'linear' | 'log';
  readonly yScale?: ScaleName;
  /** Fixed ends of y; null or absent ends are automatic. */
  readonly yMin?: number | null;
  readonly yMax?: number | null;
  readonly rightScale?: ScaleName;
  readonly rightMin?: number | null;
  readonly rightMax?: number | null;
  /** Values that lie within these stay within: their axis shows no place where they cannot be. */
  readonly yLimit?: Range | null;
  readonly rules?: readonly XRule[];
  readonly smoothing?: Smoothing;
  /** Draw the raw line at 25 % behind a smoothed one. Default true. */
  readonly rawLine?: boolean;
  /** Percent cut off at either end of the visible values; null or absent is off. */
  readonly outlierPercent?: number | null;
  /** Shade how many lines pass instead of drawing each: for thousands of them. */
  readonly density?: boolean;
  readonly bus?: HoverBus | null;
  readonly onHover?: (hover: ChartHover | null) => void;
  /** The gesture is over: the x range to ask finer buckets for, null for all. */
  readonly onZoom?: (range: Range | null) => void;
  /** New data lies beyond a held x axis by this much; 0 when not (any more). */
  readonly onHeld?: (beyond: number) => void;
  /** A click or Enter on the crosshair. */
  readonly onPin?: (hover: ChartHover) => void;
  /** `C`: what stands at the crosshair is wanted as text. */
  readonly onCopy?: (hover: ChartHover) => void;
  /** Points lie outside the y range because of `outlierPercent`: how many, 0 when none do. */
  readonly onOutside?: (points: number) => void;
}

export interface HoverRow {
  readonly key: string;
  readonly subject: string;
  readonly label: string;
  readonly colour: string;
  readonly dash: readonly number[];
  /** x of the bucket the values are from. */
  readonly x: number;
  /** The point, or the mean of a bucket's finite points. */
  readonly value: number;
  /** Null without smoothing. */
  readonly smoothed: number | null;
  /** Extremes of a bucket of several points, else null. */
  readonly min: number | null;
  readonly max: number | null;
  /** Points in the bucket. */
  readonly count: number;
  readonly note: string;
  /** Against the baseline's value here; null without one, and for the baseline itself. */
  readonly delta: number | null;
}

export interface ChartHover {
  readonly x: number;
  readonly xText: string;
  /** Crosshair in px of the viewport. */
  readonly clientX: number;
  readonly clientY: number;
  /** At most twelve, nearest first. */
  readonly rows: readonly HoverRow[];
  /** How many nearer ones were scrolled past. */
  readonly from: number;
  /** Lines that have a value here. */
  readonly total: number;
  readonly subject: string | null;
}

/** What there is to say about a line beside drawing it (legends, summaries). */
export interface LineFacts {
  readonly key: string;
  readonly label: string;
  readonly points: number;
  readonly last: number;
  readonly lastX: number;
  readonly min: number;
  readonly max: number;
  readonly nan: number;
  readonly pinf: number;
  readonly ninf: number;
  /** x of the first NaN or ±Inf; NaN without any. */
  readonly lostFromX: number;
  /** `lostFromX` is a point's own x; else that of the bucket it lies in. */
  readonly isLostExact: boolean;
}

export interface ChartTable {
  readonly columns: readonly string[];
  /** Cells as shown; rows in x order. */
  readonly rows: readonly (readonly string[])[];
  /** Buckets left out because the table is limited. */
  readonly omitted: number;
}

/** A chart on the page; made by `createLineChart`. */
export interface LineChart {
  /**
   * Show these lines.
   *
   * @param lines in table order: the first is drawn above the others
   * @param covers the x range the data was asked for; null (default) when it is everything. Data of
   *   a part is drawn where it covers the view; elsewhere the last data of everything is.
   */
  setLines(lines: readonly ChartLine[], covers?: Range | null): void;
  setOptions(options: Partial<ChartOptions>): void;
  /** Zoom from outside (address, synced section); does not call `onZoom`. Absent y is automatic. */
  setZoom(x: Range | null, y?: Range | null): void;
  /** Move held axes to the newest data. */
  follow(): void;
  /** Put the crosshair away. */
  leave(): void;
  readonly xRange: Range;
  readonly yRange: Range;
  readonly isZoomed: boolean;
  /** Plot width in CSS px: how many buckets a line can use. */
  readonly plotWidth: number;
  /** Points outside the y range because of `outlierPercent`. */
  readonly outside: number;
  facts(): LineFacts[];
  summary(): string;
  table(rowsMax?: number): ChartTable;
  /** Title, axes, lines and legend as a picture: `png`, or `svg` whose lines are vectors. */
  toPicture(kind: 'png' | 'svg'): Promise<Blob>;
  /** Light up a line here and in every chart on the bus; null puts it out. */
  light(subject: string | null): void;
  /** Draw now instead of at the next frame. */
  flush(): void;
  destroy(): void;
}
