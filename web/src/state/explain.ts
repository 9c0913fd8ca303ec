// What went wrong, as a sentence for people.
import { ApiError } from '../api/client';
import { strings } from '../strings';

export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return strings.common.unexpected(String(error));
  if (error.status === 0) return strings.common.noAnswer;
  // The server's own words.
  const { detail } = error;
  return detail.charAt(0).toUpperCase() + detail.slice(1);
}
