/**
 * Charts: data in, pixels out.
 *
 * Owns drawing, axes, hover and zoom of line charts. Knows nothing of runs, requests or pages:
 * callers hand over columns and colours, and are told what the person did. Start at `types.ts`,
 * then `line-chart.ts`.
 */

export { default as LineChartView } from './LineChart.svelte';
export { default as LineSwatch } from './LineSwatch.svelte';
export { createLineChart } from './line-chart';
export { HoverBus } from './hover-bus';
export type { HoverState } from './hover-bus';
export { lostText } from './summary';
export type {
  Band,
  ChartHover,
  ChartLine,
  ChartOptions,
  ChartTable,
  HoverRow,
  LineChart,
  LineFacts,
  XRule,
  YAxis,
} from './types';
