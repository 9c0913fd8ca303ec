// Differences of numbers in words. Pure.
import type { Json } from '../../api/types';
import { deltaOf, type Leaf } from '../../lib/compare';
import { formatValue } from '../../lib/numbers';
import { later } from '../../strings-later';
import { asNumber } from '../../ui/format';

/** `+0.02 (+25 %)`; empty where either is no number, or they are equal. */
export function deltaText(base: Leaf | undefined, value: Leaf | undefined): string {
  const found = deltaOf(asNumber(base as Json) ?? undefined, asNumber(value as Json) ?? undefined);
  if (!found || !Number.isFinite(found.delta)) return '';
  const sign = found.delta > 0 ? '+' : '−';
  const percent =
    found.percent === null ? '' : `${sign}${formatValue(Number(Math.abs(found.percent).toPrecision(3)))} %`;
  return later.compare.delta(`${sign}${formatValue(Math.abs(found.delta))}`, percent);
}
