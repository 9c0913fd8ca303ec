/** What painting is given: where values stand in px, how lines are to look, and what is drawn on. */

import type { Transform } from '../lib/geometry';
import type { Scale } from '../lib/scales';
import type { SeriesData } from '../lib/series';
import type { Smoothing } from '../lib/smoothing';
import type { Ink } from './theme';
import type { Band } from './types';

/** The part of a canvas context that painting uses; `SvgPen` is another one. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | 'beginPath'
  | 'translate'
  | 'moveTo'
  | 'lineTo'
  | 'closePath'
  | 'arc'
  | 'rect'
  | 'clip'
  | 'save'
  | 'restore'
  | 'stroke'
  | 'fill'
  | 'fillText'
  | 'strokeText'
  | 'measureText'
  | 'setLineDash'
  | 'globalAlpha'
  | 'strokeStyle'
  | 'fillStyle'
  | 'lineWidth'
  | 'lineJoin'
  | 'font'
  | 'textAlign'
  | 'textBaseline'
> & {
  /** One line is one path, whatever it costs: where what is drawn is kept as paths. */
  readonly isWhole?: boolean;
};

/** The view of a chart; lines of the right axis have a scene of their own. */
export interface Scene {
  readonly transform: Transform;
  /** Plot size in device px. */
  readonly width: number;
  readonly height: number;
  readonly pixelRatio: number;
  readonly logX: boolean;
  readonly yScale: Scale;
  readonly smoothing: Smoothing;
  readonly rawLine: boolean;
  /** Width of the visible x range in data units. */
  readonly span: number;
  /** Values may lie beyond the y range on purpose (outliers): say where. */
  readonly isClipped: boolean;
  readonly ink: Ink;
}

/** A line as painted: colours resolved, data and axis chosen for the view. */
export interface PaintedLine {
  readonly data: SeriesData;
  readonly scene: Scene;
  readonly colour: string;
  readonly dash: readonly number[];
  readonly rank: 'baseline' | 'pinned' | 'normal';
  readonly band: Band | null;
  readonly thin: Uint8Array | null;
  /** Up to this x the line is that of another, which it goes on from; NaN when it is its own. */
  readonly inheritedTo: number;
}

export const NO_DASH: number[] = [];

/** A mark on the edge of the plot is drawn whole, moved in by no more than its own radius. */
export function inside(px: number, radius: number, room: number): number {
  return Math.max(radius, Math.min(room - radius, px));
}
