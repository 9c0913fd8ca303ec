// Another key in the text of a filter. Pure.
import { quoteKey } from './sorting';

/** The filter with `like` where it compares `key`, quoted or not; everything else stays as it was typed. */
export function withKey(filter: string, key: string, like: string): string {
  const spelled = key.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&').replaceAll('\\.', '\\\\?\\.');
  const place = new RegExp(`(^|[\\s(])("?)${spelled}\\2(?=\\s*(?:!:|!=|[:=<>~]))`, 'g');
  return filter.replace(place, (_, before: string) => `${before}${quoteKey(like)}`);
}
