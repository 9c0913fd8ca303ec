/** The lines a chart holds, and which of their data a view is drawn from. */

import { runColor, runDash } from '../lib/colours';
import { covers, sameScale, symlogBend } from '../lib/scales';
import type { Range, Scale, ScaleName } from '../lib/scales';
import type { SeriesData } from '../lib/series';
import type { NamedSeries } from './summary';
import type { Ink } from './theme';
import type { ChartLine, YAxis } from './types';
import { sameRange } from './view';

/** A line with the data to draw it from, coarse for everywhere and fine for where it was zoomed. */
export interface HeldLine {
  readonly input: ChartLine;
  /** Covers the whole x range. */
  readonly overview: SeriesData;
  /** Covers `HeldLines.detailCovers`. */
  readonly detail: SeriesData | null;
  readonly colour: string;
  readonly dash: readonly number[];
}

export class HeldLines {
  all: readonly HeldLine[] = [];
  private detailCovers: Range | null = null;

  /** @returns whether these are the lines held before, with newer data of the same part of x */
  set(lines: readonly ChartLine[], covered: Range | null, ink: Ink): boolean {
    const known = new Map(this.all.map((line) => [line.input.key, line]));
    const isSame = lines.length === known.size && lines.every((line) => known.has(line.key));
    const isSameRange = sameRange(covered, this.detailCovers);
    this.all = lines.map((input) => {
      const before = known.get(input.key);
      const overview = covered === null || before === undefined ? input.data : before.overview;
      const detail = covered === null ? null : input.data;
      return { input, overview, detail, ...ownColours(input, ink) };
    });
    this.detailCovers = covered;
    return isSame && isSameRange;
  }

  recolour(ink: Ink): void {
    this.all = this.all.map((line) => ({ ...line, ...ownColours(line.input, ink) }));
  }

  /** Fine data where it covers the view, else the coarse data of everything, stretched. */
  dataOf(line: HeldLine, view: Range): SeriesData {
    if (line.detail === null) return line.overview;
    return covers(this.detailCovers, view) ? line.detail : line.overview;
  }

  on(axis: YAxis): readonly HeldLine[] {
    return this.all.filter((line) => (line.input.axis ?? 'left') === axis);
  }

  get hasRight(): boolean {
    return this.all.some((line) => line.input.axis === 'right');
  }

  get baseline(): HeldLine | null {
    return this.all.find((line) => line.input.rank === 'baseline') ?? null;
  }

  /** Everything held, to find how far x reaches. */
  get parts(): SeriesData[] {
    return this.all.flatMap(({ overview, detail }) => [
      overview,
      ...(detail === null ? [] : [detail]),
    ]);
  }

  named(): NamedSeries[] {
    return this.all.map(({ input, overview }) => ({
      key: input.key,
      label: input.label,
      data: overview,
    }));
  }

  /** The scale of this name for the lines of an axis; `before` where nothing changed. */
  scaleFor(name: ScaleName, axis: YAxis, before: Scale): Scale {
    if (name !== 'symlog') return name;
    const lines = this.on(axis);
    const bend = symlogBend(lines.map((line) => line.overview));
    return sameScale(before, { bend }) ? before : { bend };
  }
}

function ownColours(line: ChartLine, ink: Ink): { colour: string; dash: readonly number[] } {
  const index = typeof line.colour === 'number' ? line.colour : null;
  return {
    colour: index === null ? String(line.colour) : runColor(index, ink.theme),
    dash: line.dash ?? (index === null ? [] : runDash(index)),
  };
}
