/** Numbers as people read them: tick labels, values, steps, durations, times. */

import { numberWords } from '../strings-numbers';

const MINUS = '\u2212';
const SUFFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** What an x axis counts. `number` is a metric used as x. */
export type XKind = 'step' | 'number' | 'duration' | 'time';

/** A value with about `digits` significant digits: `0.03217`, `12 408`, `1.3e-7`, `NaN`. */
export function formatValue(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : `${MINUS}Inf`;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e15) return exponent(value, digits - 1);
  if (Number.isInteger(value) && size < 1e15) return groupThousands(value);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  if (decimals === 0) return groupThousands(Math.round(value));
  return signed(trimZeros(value.toFixed(Math.min(12, decimals))));
}

/** An integer with its thousands apart: `1 240`. */
export function groupThousands(value: number): string {
  const text = Math.abs(value).toFixed(0);
  const grouped = text.length < numberWords.groupFrom() ? text : text.replace(/\B(?=(\d{3})+(?!\d))/g, numberWords.thousands);
  return value < 0 && text !== '0' ? MINUS + grouped : grouped;
}

/** Label of a tick on a linear axis whose neighbours are `step` away; SI suffix from 10 000 on. */
export function formatTick(value: number, step: number, largest = Math.abs(value)): string {
  if (Math.abs(value) < step * 1e-9) return '0';
  if (largest >= 1e21) return exponent(value, 2);
  if (largest < 1e-3) return exponent(value, exponentDigits(value, step));
  const tier =
    largest >= 10_000 ? Math.min(SUFFIXES.length - 1, Math.floor(Math.log10(largest) / 3)) : 0;
  const unit = 1000 ** tier;
  const decimals = decimalsOf(step / unit);
  // A wide offset (1 000 000.25) reads better in full than as 1.00000025M.
  if (tier > 0 && decimals > 3) return signed(value.toFixed(decimalsOf(step)));
  return signed((value / unit).toFixed(decimals)) + SUFFIXES[tier];
}

/** Label of a tick on a logarithmic axis: `0.001`, `1`, `100`, `10k`, `1e-5`. */
export function formatLogTick(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-3 || size >= 1e21) return exponent(value, 0);
  if (size >= 10_000) {
    const tier = Math.min(SUFFIXES.length - 1, Math.floor(Math.log10(size * 1.0000001) / 3));
    return signed(trimZeros((value / 1000 ** tier).toFixed(2))) + SUFFIXES[tier];
  }
  return signed(trimZeros(value.toFixed(4)));
}

/** A length of time in its two largest units: `1h 05m`, `2d 4h`, `12.3s`, `850ms`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatValue(seconds);
  const sign = seconds < 0 ? MINUS : '';
  const size = Math.abs(seconds);
  if (size === 0) return '0s';
  if (size < 1) return `${sign}${trimZeros((size * 1000).toPrecision(3))}ms`;
  if (size < 59.95) return `${sign}${trimZeros(size.toFixed(1))}s`;
  const whole = Math.round(size);
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  if (days > 0) return `${sign}${groupThousands(days)}d${hours > 0 ? ` ${hours}h` : ''}`;
  if (hours > 0) return `${sign}${hours}h${minutes > 0 ? ` ${two(minutes)}m` : ''}`;
  return `${sign}${minutes}m${rest > 0 ? ` ${two(rest)}s` : ''}`;
}

/** A moment (Unix seconds) in the browser's zone: `22 Nov 2026 14:03:07`. */
export function formatMoment(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatValue(seconds);
  const date = new Date(seconds * 1000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${numberWords.date(date.getFullYear(), date.getMonth(), date.getDate())} ${clock}`;
}

/** A position on an x axis, as the tooltip's headline. */
export function formatX(kind: XKind, value: number): string {
  if (kind === 'duration') return formatDuration(value);
  if (kind === 'time') return formatMoment(value);
  if (kind === 'step')
    return Number.isInteger(value) ? groupThousands(value) : formatValue(value, 6);
  return formatValue(value, 6);
}

/** A span of an x axis: `1 240 steps`, `3m 20s`. */
export function formatSpan(kind: XKind, span: number): string {
  if (kind === 'step') {
    const steps = Math.round(span);
    return numberWords.steps(steps, groupThousands(steps));
  }
  return kind === 'number' ? formatValue(span) : formatDuration(span);
}

export function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function decimalsOf(step: number): number {
  // 1e-9 forgives a step such as 0.30000000000000004.
  let decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6) decimals += 1;
  return Math.min(20, decimals);
}

function exponentDigits(value: number, step: number): number {
  return Math.min(
    6,
    Math.max(
      0,
      Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9),
    ),
  );
}

function exponent(value: number, digits: number): string {
  const [mantissa, power] = value.toExponential(Math.max(0, digits)).split('e') as [string, string];
  return `${signed(trimZeros(mantissa))}e${signed(power.replace('+', ''))}`;
}

function trimZeros(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}

function signed(text: string): string {
  return text.startsWith('-') ? MINUS + text.slice(1) : text;
}
