// How a run's number stands against that of the baseline. Pure.
import type { Json, Run } from '../../api/types';
import { formatValue } from '../../lib/numbers';
import { asNumber, duration } from '../../ui/format';
import { valueIn, type Column } from './columns';

export interface Difference {
  /** With its sign: `+0.012`, `−1 h 05 m`. */
  text: string;
  arrow: '▲' | '▼';
  /** By the metric's goal; null where nobody said which way is better. */
  better: boolean | null;
  /** In per cent of the baseline's size; null where that is zero. */
  percent: string | null;
}

/** Null where there is nothing to compare: no number on either side, or no difference. */
export function difference(
  value: Json | undefined,
  base: Json | undefined,
  goal: string | null = null,
  show: (size: number) => string = formatValue,
): Difference | null {
  const [own, other] = [asNumber(value), asNumber(base)];
  if (own === null || other === null || !Number.isFinite(own) || !Number.isFinite(other)) return null;
  const by = own - other;
  if (by === 0 || !Number.isFinite(by)) return null;
  const isUp = by > 0;
  const percent = other === 0 ? null : `${isUp ? '+' : '−'}${formatValue(Math.abs((by / other) * 100), 3)} %`;
  return {
    text: (isUp ? '+' : '−') + show(Number(Math.abs(by).toPrecision(3))),
    arrow: isUp ? '▲' : '▼',
    better: goal === 'minimize' ? !isUp : goal === 'maximize' ? isUp : null,
    percent,
  };
}

/** Of a cell; only numbers that were measured are compared, and how long it took. */
export function cellDifference(run: Run, base: Run | null, column: Column): Difference | null {
  if (base === null || base.id === run.id) return null;
  if (column.path === 'runtime') return difference(run.runtime_us, base.runtime_us, null, (us) => duration(us));
  if (column.group === 'run' || column.group === 'spark' || column.label.startsWith('_')) return null;
  return difference(valueIn(run, column), valueIn(base, column), column.goal ?? null);
}
