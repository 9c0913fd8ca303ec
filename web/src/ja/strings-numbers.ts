import type { numberWords as English } from '../strings-numbers';

export default {
  thousands: ',',
  groupFrom: () => 4,
  month: (month) => `${month + 1}月`,
  day: (month, day) => `${month + 1}/${day}`,
  date: (year, month, day) => `${year}/${month + 1}/${day}`,
  steps: (_steps, written) => `${written} ステップ`,
} satisfies typeof English;
