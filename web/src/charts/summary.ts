/** A chart in words and as a table, for those who do not see the picture. */

import { formatValue, formatX, groupThousands } from '../lib/numbers';
import type { XKind } from '../lib/numbers';
import { chartWords } from '../strings-charts';
import { lastX, nearestBucket } from '../lib/series';
import type { SeriesData } from '../lib/series';
import type { ChartTable, LineFacts } from './types';

export interface NamedSeries {
  readonly key: string;
  readonly label: string;
  readonly data: SeriesData;
}

const SUMMARY_LINES_MAX = 5;

export function factsOf({ key, label, data }: NamedSeries): LineFacts {
  let min = Infinity;
  let max = -Infinity;
  let last = NaN;
  let lostFromX = NaN;
  let isLostExact = true;
  for (let i = 0; i < data.n; i += 1) {
    // NaN compares false, and ±Inf is no extreme of a finite series.
    if (data.min[i]! < min && data.min[i]! > -Infinity) min = data.min[i]!;
    if (data.max[i]! > max && data.max[i]! < Infinity) max = data.max[i]!;
    if (Number.isFinite(data.last[i]!)) last = data.last[i]!;
    const isLost = data.exact
      ? !Number.isFinite(data.first[i]!)
      : (data.nanCount?.[i] ?? 0) + (data.pinfCount?.[i] ?? 0) + (data.ninfCount?.[i] ?? 0) > 0;
    if (isLost && Number.isNaN(lostFromX)) {
      lostFromX = data.x[i]!;
      isLostExact = data.exact || data.count?.[i] === 1;
    }
  }
  return {
    key,
    label,
    points: data.total,
    last,
    lastX: data.n === 0 ? NaN : lastX(data, data.n - 1),
    min: min <= max ? min : NaN,
    max: min <= max ? max : NaN,
    nan: data.nan,
    pinf: data.pinf,
    ninf: data.ninf,
    lostFromX,
    isLostExact,
  };
}

/** "NaN ×312 from step 4 100", or empty; "from about" when only the bucket is known. */
export function lostText(facts: LineFacts, xKind: XKind): string {
  const parts = [
    ['NaN', facts.nan] as const,
    ['+Inf', facts.pinf] as const,
    ['\u2212Inf', facts.ninf] as const,
  ]
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} \u00d7${groupThousands(count)}`);
  if (parts.length === 0) return '';
  const where =
    xKind === 'step' ? chartWords.step(formatX(xKind, facts.lostFromX)) : formatX(xKind, facts.lostFromX);
  return chartWords.lost(parts.join(', '), where, facts.isLostExact);
}

/** One sentence on the chart, one on each of the first lines. */
export function summaryText(title: string, lines: readonly NamedSeries[], xKind: XKind): string {
  if (lines.length === 0) return chartWords.noData(title);
  const facts = lines.map(factsOf);
  const low = facts.reduce((a, b) => (b.min < a || Number.isNaN(a) ? b.min : a), NaN);
  const high = facts.reduce((a, b) => (b.max > a || Number.isNaN(a) ? b.max : a), NaN);
  const head = chartWords.head(title, lines.length, groupThousands(lines.length), formatValue(low), formatValue(high));
  const each = lines.slice(0, SUMMARY_LINES_MAX).map((line, i) => lineText(line, facts[i]!, xKind));
  const rest = lines.length - each.length;
  return [head, ...each, ...(rest > 0 ? [chartWords.more(groupThousands(rest))] : [])].join(' ');
}

function lineText(line: NamedSeries, facts: LineFacts, xKind: XKind): string {
  const lost = lostText(facts, xKind);
  const at = formatX(xKind, facts.lastX);
  const where = xKind === 'step' ? chartWords.step(at) : at;
  return chartWords.line(line.label, formatValue(facts.last), where, trend(line.data), lost);
}

/** Against the noise of a line its last quarter is told apart from its first only when it is clear. */
function trend(data: SeriesData): string {
  if (data.n < 4) return '';
  const quarter = Math.max(1, Math.floor(data.n / 4));
  const start = spread(data, 0, quarter);
  const end = spread(data, data.n - quarter, data.n);
  const change = end.mean - start.mean;
  if (!(Math.abs(change) > 0.1 * Math.max(start.width, end.width)) || change === 0)
    return chartWords.trends.level;
  return change > 0 ? chartWords.trends.rising : chartWords.trends.falling;
}

function spread(data: SeriesData, from: number, to: number): { mean: number; width: number } {
  let [sum, count, low, high] = [0, 0, Infinity, -Infinity];
  for (let i = from; i < to; i += 1) {
    const value = data.mean[i]!;
    if (!Number.isFinite(value)) continue;
    sum += value;
    count += 1;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { mean: sum / count, width: count === 0 ? 0 : high - low };
}

/**
 * The lines side by side at up to `rowsMax` x places, which are the buckets of the longest line.
 * A cell is the point, or the mean of its bucket; empty where a line has no bucket nearby.
 */
export function tableOf(
  xLabel: string,
  xKind: XKind,
  lines: readonly NamedSeries[],
  rowsMax = 200,
): ChartTable {
  const columns = [xLabel, ...lines.map((line) => line.label)];
  const longest = lines.reduce<SeriesData | null>(
    (best, { data }) => (best === null || data.n > best.n ? data : best),
    null,
  );
  if (longest === null || longest.n === 0) return { columns, rows: [], omitted: 0 };
  const every = Math.max(1, Math.ceil(longest.n / rowsMax));
  const rows: string[][] = [];
  for (let i = 0; i < longest.n; i += every) {
    const x = longest.x[i]!;
    const half = i + 1 < longest.n ? (longest.x[i + 1]! - x) / 2 : x - (longest.x[i - 1] ?? x - 1);
    rows.push([formatX(xKind, x), ...lines.map(({ data }) => cell(data, x, half))]);
  }
  return { columns, rows, omitted: longest.n - rows.length };
}

function cell(data: SeriesData, x: number, reach: number): string {
  const bucket = nearestBucket(data, x);
  if (bucket < 0 || Math.abs(data.x[bucket]! - x) > reach) return '';
  return formatValue((data.count?.[bucket] ?? 1) > 1 ? data.mean[bucket]! : data.first[bucket]!);
}
