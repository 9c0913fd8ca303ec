// What went wrong, as a sentence for people.
import { ApiError } from '../api/client';
import { strings } from '../strings';

export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return strings.common.unexpected(String(error));
  const { detail } = error;
  return detail.charAt(0).toUpperCase() + detail.slice(1);
}
