// How far away a time to come is, in words: `in 6 days`.
import { accounts } from '../../strings-accounts';

const HOUR_MS = 3_600_000;

export function ahead(timeUs: number, nowMs = Date.now()): string {
  const hours = (timeUs / 1000 - nowMs) / HOUR_MS;
  if (hours < 1) return accounts.time.soon;
  if (hours < 48) return accounts.time.inHours(Math.round(hours));
  return accounts.time.inDays(Math.round(hours / 24));
}
