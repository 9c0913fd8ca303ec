/** Where an axis puts its ticks and what it writes there. Pure: a range and a room, labels out. */

import { numberWords } from '../strings-numbers';
import { formatDuration, formatLogTick, formatTick, formatValue, two } from './numbers';
import type { XKind } from './numbers';
import type { Scale } from './scales';

export interface Tick {
  /** In data units. */
  readonly value: number;
  /** Empty for a tick that has a grid line but no room for text. */
  readonly label: string;
}

/** Spacing of the 1-2-5 sequence that is ≥ `rough`. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough) + 1e-12);
  const share = rough / power;
  const nice = share <= 1 + 1e-9 ? 1 : share <= 2 + 1e-9 ? 2 : share <= 5 + 1e-9 ? 5 : 10;
  return nice * power;
}

/** At most about `count` ticks at multiples of a 1-2-5 step; whole steps only when `integer`. */
export function linearTicks(min: number, max: number, count: number, integer = false): Tick[] {
  if (!(max > min)) return [];
  let step = niceStep((max - min) / Math.max(1, count));
  if (integer) step = Math.max(1, step);
  const largest = Math.max(Math.abs(min), Math.abs(max));
  return multiples(min, max, step).map((value) => ({
    value,
    label: formatTick(value, step, largest),
  }));
}

/** Mantissas within a decade, densest first. */
const MANTISSAS: readonly (readonly number[])[] = [[1, 2, 5], [1, 3], [1]];

/**
 * Ticks at powers of ten, with 2 and 5 (or 3) between them while at most about `count` fit. A
 * range too narrow for two of those gets linear ticks.
 */
export function logTicks(min: number, max: number, count: number): Tick[] {
  if (!(max > min) || !(min > 0)) return [];
  for (const mantissas of MANTISSAS) {
    const ticks = decadeTicks(min, max, mantissas, 1);
    if (ticks.length < 2) break;
    if (ticks.length <= count) return ticks;
  }
  const decades = Math.log10(max / min);
  if (decades < 1.5) return linearTicks(min, max, count).filter((tick) => tick.value > 0);
  return decadeTicks(min, max, [1], Math.max(1, Math.ceil(decades / Math.max(1, count))));
}

function decadeTicks(
  min: number,
  max: number,
  mantissas: readonly number[],
  every: number,
): Tick[] {
  const low = Math.floor(Math.log10(min) + 1e-9);
  const high = Math.ceil(Math.log10(max) - 1e-9);
  const ticks: Tick[] = [];
  for (let power = low; power <= high; power += 1) {
    if (((power % every) + every) % every !== 0) continue;
    for (const mantissa of mantissas) {
      const value = power < 0 ? mantissa / 10 ** -power : mantissa * 10 ** power;
      if (value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9)) {
        ticks.push({ value, label: formatLogTick(value) });
      }
    }
  }
  return ticks;
}

/**
 * Ticks of a symlog axis: 0, and powers of ten beyond the bend on either side; where the range stays
 * within the bend or on one side of it, those of a linear or a log axis.
 */
export function symlogTicks(bend: number, min: number, max: number, count: number): Tick[] {
  if (!(max > min)) return [];
  const largest = Math.max(Math.abs(min), Math.abs(max));
  if (largest <= bend * 10) return linearTicks(min, max, count);
  if (min > bend) return logTicks(min, max, count);
  if (max < -bend) return logTicks(-max, -min, count).map(mirrored).reverse();
  const decades = Math.log10(largest / bend) * (min < -bend && max > bend ? 2 : 1);
  const every = Math.max(1, Math.ceil(decades / Math.max(1, count - 1)));
  const above = bend > 0 && max > bend ? decadeTicksFrom(bend, max, every) : [];
  const below = min < -bend ? decadeTicksFrom(bend, -min, every).map(mirrored).reverse() : [];
  const zero = min <= 0 && max >= 0 ? [{ value: 0, label: '0' }] : [];
  return [...below, ...zero, ...above].filter(({ value }) => value >= min && value <= max);
}

function decadeTicksFrom(bend: number, max: number, every: number): Tick[] {
  const ticks: Tick[] = [];
  // The decade next to 0 is narrower than the others: its end has no tick of its own.
  const low = Math.ceil(Math.log10(bend) - 1e-9);
  for (let power = low + every; 10 ** power <= max * (1 + 1e-9); power += every) {
    const value = power < 0 ? 1 / 10 ** -power : 10 ** power;
    ticks.push({ value, label: formatLogTick(value) });
  }
  return ticks;
}

function mirrored({ value }: Tick): Tick {
  return { value: -value, label: formatLogTick(-value) };
}

const DURATION_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

/** Ticks of a relative time in seconds: `0`, `30s`, `5m`, `1h 30m`, `2d`. */
export function durationTicks(min: number, max: number, count: number): Tick[] {
  if (!(max > min)) return [];
  const rough = (max - min) / Math.max(1, count);
  const listed = DURATION_STEPS.find((candidate) => candidate >= rough * (1 - 1e-9));
  const step =
    rough < 0.5 ? niceStep(rough) : (listed ?? 86_400 * Math.max(1, niceStep(rough / 86_400)));
  return multiples(min, max, step).map((value) => ({ value, label: durationLabel(value, step) }));
}

function durationLabel(value: number, step: number): string {
  if (value === 0) return '0';
  if (step < 1) return Math.abs(value) < 1 ? formatDuration(value) : `${formatValue(value, 7)}s`;
  return formatDuration(value);
}

/** Calendar steps: [unit, how many]; seconds are multiples from midnight. */
type CalendarStep = readonly ['second' | 'day' | 'month' | 'year', number];

const CALENDAR: readonly (readonly [number, CalendarStep])[] = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200].map(
    (seconds) => [seconds, ['second', seconds] as const] as const,
  ),
  [86_400, ['day', 1]],
  [2 * 86_400, ['day', 2]],
  [7 * 86_400, ['day', 7]],
  [31 * 86_400, ['month', 1]],
  [92 * 86_400, ['month', 3]],
  [183 * 86_400, ['month', 6]],
  [366 * 86_400, ['year', 1]],
];

/** Ticks of a wall clock (Unix seconds) at round local times; the first of a day names the day. */
export function timeTicks(min: number, max: number, count: number): Tick[] {
  if (!(max > min)) return [];
  const rough = (max - min) / Math.max(1, count);
  if (rough < 0.5) return subSecondTicks(min, max, niceStep(rough));
  const found = CALENDAR.find(([seconds]) => seconds >= rough * (1 - 1e-9));
  const step: CalendarStep = found?.[1] ?? ['year', Math.max(1, niceStep(rough / (366 * 86_400)))];
  const ticks: Tick[] = [];
  let shownDay = '';
  for (
    let date = calendarStart(min, step);
    date.getTime() / 1000 <= max;
    date = advance(date, step)
  ) {
    const value = date.getTime() / 1000;
    if (value < min) continue;
    const day = date.toDateString();
    ticks.push({ value, label: calendarLabel(date, step, day !== shownDay) });
    shownDay = day;
    if (ticks.length > 200) break;
  }
  return ticks;
}

function subSecondTicks(min: number, max: number, step: number): Tick[] {
  return multiples(min, max, step).map((value) => {
    const seconds = new Date(value * 1000).getSeconds() + (value - Math.floor(value));
    return { value, label: `:${seconds.toFixed(3).padStart(6, '0')}` };
  });
}

function calendarStart(min: number, [unit, many]: CalendarStep): Date {
  const date = new Date(min * 1000);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  if (unit === 'year') return new Date(Math.floor(year / many) * many, 0, 1);
  if (unit === 'month') return new Date(year, Math.floor(month / many) * many, 1);
  if (unit === 'day') return new Date(year, month, 1 + Math.floor((day - 1) / many) * many);
  const midnight = new Date(year, month, day);
  const since = date.getTime() / 1000 - midnight.getTime() / 1000;
  return new Date(midnight.getTime() + Math.floor(since / many) * many * 1000);
}

function advance(date: Date, [unit, many]: CalendarStep): Date {
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  if (unit === 'year') return new Date(year + many, 0, 1);
  if (unit === 'month') return new Date(year, month + many, 1);
  if (unit === 'day') {
    // Days start again at the 1st so that labels do not drift from month to month.
    const next = new Date(year, month, day + many);
    const tooNear = next.getMonth() !== month || 31 - next.getDate() < many / 2;
    return tooNear && many > 1 ? new Date(year, month + 1, 1) : next;
  }
  return new Date(date.getTime() + many * 1000);
}

function calendarLabel(date: Date, [unit, many]: CalendarStep, isFirstOfDay: boolean): string {
  const day = numberWords.day(date.getMonth(), date.getDate());
  if (unit === 'year') return String(date.getFullYear());
  if (unit === 'month') {
    return date.getMonth() === 0 ? String(date.getFullYear()) : numberWords.month(date.getMonth());
  }
  if (unit === 'day' || (isFirstOfDay && date.getHours() + date.getMinutes() === 0)) return day;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return many < 60 ? `${clock}:${two(date.getSeconds())}` : clock;
}

/** Ticks for a y axis of this scale. */
export function yTicks(scale: Scale, min: number, max: number, count: number): Tick[] {
  if (scale === 'linear') return linearTicks(min, max, count);
  return scale === 'log' ? logTicks(min, max, count) : symlogTicks(scale.bend, min, max, count);
}

/** Ticks for an x axis of this kind. */
export function xTicks(kind: XKind, log: boolean, min: number, max: number, count: number): Tick[] {
  if (log) return logTicks(min, max, count);
  if (kind === 'duration') return durationTicks(min, max, count);
  if (kind === 'time') return timeTicks(min, max, count);
  return linearTicks(min, max, count, kind === 'step');
}

/**
 * The densest ticks whose labels keep `gap` px apart.
 *
 * @param make ticks for a wanted count
 * @param place px of a value along the axis
 * @param measure px width of a label
 * @param spacing px that ticks keep apart whatever their labels
 */
export function fitTicks(
  make: (count: number) => Tick[],
  place: (value: number) => number,
  measure: (label: string) => number,
  room: number,
  gap: number,
  spacing: number,
): Tick[] {
  for (
    let count = Math.max(2, Math.floor(room / spacing));
    count > 1;
    count = Math.min(count - 1, Math.floor(count * 0.8))
  ) {
    const ticks = make(count);
    if (!overlaps(ticks, place, measure, gap)) return ticks;
  }
  return make(1).slice(0, 2);
}

function overlaps(
  ticks: readonly Tick[],
  place: (value: number) => number,
  measure: (label: string) => number,
  gap: number,
): boolean {
  let edge = -Infinity;
  for (const tick of ticks) {
    const half = measure(tick.label) / 2;
    const centre = place(tick.value);
    if (centre - half < edge + gap) return true;
    edge = centre + half;
  }
  return false;
}

function multiples(min: number, max: number, step: number): number[] {
  const from = Math.ceil(min / step - 1e-9);
  const to = Math.floor(max / step + 1e-9);
  const values: number[] = [];
  for (let k = from; k <= to && values.length < 1000; k += 1) values.push(clean(k * step, step));
  return values;
}

/** Drop the noise of binary fractions: 3 × 0.1 is 0.3. */
function clean(value: number, step: number): number {
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(step)));
  return decimals > 20 ? value : Number(value.toFixed(Math.min(20, decimals)));
}
