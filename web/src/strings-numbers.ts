// How numbers and dates are written, for lib/numbers and lib/ticks: this file may not load them. Exports do not use it.
import { catalogue } from './lib/language';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Months count from 0. */
export const numberWords = catalogue('strings-numbers', {
  thousands: '\u2009',
  /** Numbers of as many digits have their thousands apart. */
  groupFrom: (): number => 5,
  month: (month: number) => MONTHS[month] as string,
  day: (month: number, day: number) => `${day} ${MONTHS[month]}`,
  date: (year: number, month: number, day: number) => `${day} ${MONTHS[month]} ${year}`,
  steps: (steps: number, written: string) => `${written} ${steps === 1 ? 'step' : 'steps'}`,
});
