/**
 * A chart as a picture to keep: title, axes, lines and legend on one sheet, drawn with whatever pen
 * is handed in. SVG gets vectors, PNG twice the pixels.
 */

import type { Tick } from '../lib/ticks';
import { paintAxes, RIGHT_ROOM_PX, scaledFont, X_ROOM_PX } from './axes';
import type { CanvasLineChart } from './line-chart';
import { paintRules } from './marks';
import { paintLines } from './painting';
import { NO_DASH } from './scene';
import type { Pen } from './scene';
import { SvgPen } from './svg-pen';

const PNG_RATIO = 2;
const TITLE_PX = 28;
const EDGE_PX = 12;
const LABEL_GAP_PX = 7;
const SWATCH_PX = 16;
const ROW_PX = 18;
const LEGEND_MAX = 30;

/** In CSS px of the sheet. */
interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly plot: { readonly width: number; readonly height: number };
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly text: string;
  readonly colour: string | null;
  readonly dash: readonly number[];
  readonly x: number;
  readonly y: number;
}

export async function pictureOf(chart: CanvasLineChart, kind: 'png' | 'svg'): Promise<Blob> {
  const ratio = kind === 'png' ? Math.max(PNG_RATIO, devicePixelRatio) : 1;
  const ruler = new OffscreenCanvas(1, 1).getContext('2d')!;
  const measure = (font: string, text: string): TextMetrics => {
    ruler.font = font;
    return ruler.measureText(text);
  };
  const sheet = sheetOf(chart, (text) => measure(chart.ink.font, text).width);
  if (kind === 'svg') {
    const pen = new SvgPen(measure);
    paintSheet(pen, chart, sheet, ratio);
    const text = pen.toString(sheet.width, sheet.height, chart.summary());
    return new Blob([text], { type: 'image/svg+xml' });
  }
  const canvas = new OffscreenCanvas(sheet.width * ratio, sheet.height * ratio);
  paintSheet(canvas.getContext('2d')!, chart, sheet, ratio);
  return canvas.convertToBlob({ type: 'image/png' });
}

function sheetOf(chart: CanvasLineChart, textWidth: (text: string) => number): Sheet {
  const plot = chart.plotSize;
  const roomFor = (ticks: readonly Tick[]): number =>
    EDGE_PX + Math.max(0, ...ticks.map(({ label }) => textWidth(label) + LABEL_GAP_PX));
  const left = roomFor(chart.frame.axes.y);
  const right = Math.max(roomFor(chart.frame.axes.right), RIGHT_ROOM_PX);
  const width = Math.ceil(left + plot.width + right);
  const top = TITLE_PX + plot.height + X_ROOM_PX + 6;
  const { entries, bottom } = legendOf(chart, width, top, textWidth);
  return { width, height: Math.ceil(bottom + EDGE_PX), left, plot, entries };
}

/** Entries side by side, in as many rows as they need. */
function legendOf(
  chart: CanvasLineChart,
  width: number,
  top: number,
  textWidth: (text: string) => number,
): { entries: Entry[]; bottom: number } {
  const { all } = chart.lines;
  const shown: Omit<Entry, 'x' | 'y'>[] = all
    .slice(0, LEGEND_MAX)
    .map(({ input, colour, dash }) => ({ text: input.label, colour, dash }));
  if (all.length > LEGEND_MAX) {
    shown.push({ text: `+ ${all.length - LEGEND_MAX}`, colour: null, dash: [] });
  }
  let [x, y] = [EDGE_PX, top];
  const entries = shown.map((entry) => {
    const swatch = entry.colour === null ? 0 : SWATCH_PX + 6;
    const size = swatch + textWidth(entry.text) + 14;
    if (x > EDGE_PX && x + size > width - EDGE_PX) [x, y] = [EDGE_PX, y + ROW_PX];
    const placed = { ...entry, x, y: y + ROW_PX / 2 };
    x += size;
    return placed;
  });
  return { entries, bottom: entries.length === 0 ? top - 6 : y + ROW_PX };
}

function paintSheet(pen: Pen, chart: CanvasLineChart, sheet: Sheet, ratio: number): void {
  const { ink, options } = chart;
  pen.fillStyle = ink.background;
  pen.beginPath();
  pen.rect(0, 0, sheet.width * ratio, sheet.height * ratio);
  pen.fill();
  pen.fillStyle = ink.text;
  pen.font = scaledFont(ink, 13, ratio, '600 ');
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  const unit = options.unit ? ` (${options.unit})` : '';
  pen.fillText(options.title + unit, EDGE_PX * ratio, (TITLE_PX / 2) * ratio);
  pen.font = scaledFont(ink, 12, ratio);
  pen.save();
  pen.translate(sheet.left * ratio, TITLE_PX * ratio);
  paintAxes(pen, chart.frame.axes, sheet.plot, ink, ratio);
  const size = { width: sheet.plot.width * ratio, height: sheet.plot.height * ratio };
  pen.beginPath();
  pen.rect(0, 0, size.width, size.height);
  pen.clip();
  paintRules(pen, options.rules ?? [], chart.scene('left', size, ratio));
  paintLines(pen, chart.painted(size, ratio));
  pen.restore();
  pen.font = scaledFont(ink, 12, ratio);
  for (const entry of sheet.entries) paintEntry(pen, entry, ink.text, ratio);
}

function paintEntry(pen: Pen, entry: Entry, ink: string, ratio: number): void {
  let { x } = entry;
  if (entry.colour !== null) {
    pen.strokeStyle = entry.colour;
    pen.lineWidth = 2.5 * ratio;
    pen.setLineDash(entry.dash.map((length) => length * ratio));
    pen.beginPath();
    pen.moveTo(x * ratio, entry.y * ratio);
    pen.lineTo((x + SWATCH_PX) * ratio, entry.y * ratio);
    pen.stroke();
    pen.setLineDash(NO_DASH);
    x += SWATCH_PX + 6;
  }
  pen.fillStyle = ink;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  pen.fillText(entry.text, x * ratio, entry.y * ratio);
}
