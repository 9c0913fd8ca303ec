// A mean and its standard deviation in the room of a cell. Pure.
import { formatValue, groupThousands } from '../../lib/numbers';

const PLACES_MAX = 6;
const DIGITS_MAX = 7;

/**
 * The deviation with two digits, the mean to the same place: `0.00522`, `0.00041`. More digits of a deviation say nothing,
 * nor do those of a mean that its deviation covers.
 */
export function spreadText(mean: number, std: number | null): [mean: string, std: string] {
  if (std === null || !(std > 0) || !Number.isFinite(std) || !Number.isFinite(mean)) return [formatValue(mean), ''];
  const by = Number(std.toPrecision(2));
  const place = Math.floor(Math.log10(by) + 1e-9) - 1;
  const size = Math.max(Math.abs(mean), by);
  if (size < 1e-4 || size >= 1e15) {
    const digits = mean === 0 ? 1 : Math.floor(Math.log10(Math.abs(mean))) - place + 1;
    return [formatValue(mean, Math.min(DIGITS_MAX, Math.max(1, digits))), formatValue(by, 2)];
  }
  if (place < -PLACES_MAX) return [formatValue(mean), formatValue(by, 2)];
  if (place < 0) return [mean.toFixed(-place).replace('-', '\u2212'), by.toFixed(-place)];
  const unit = 10 ** place;
  return [groupThousands(Math.round(mean / unit) * unit), groupThousands(by)];
}
