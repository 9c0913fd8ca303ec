/** Script time of what a person does to charts; run by `benchmarks/charts.py`. */

import { createLineChart } from '../line-chart';
import type { ChartOptions, LineChart } from '../types';
import { HoverBus } from '../hover-bus';
import { lossLines } from './scenes';

export interface ChartBench {
  /** ms of a fixed piece of work: how fast this machine is just now. */
  calibrate(): number;
  /** ms from data to drawn, for `panels` charts. */
  firstDraw(panels: number, lines: number, buckets: number): Promise<number>;
  /** Median script ms of a zoom frame. */
  zoom(lines: number, buckets: number): Promise<number>;
  /** Median script ms of a frame of a pan. */
  pan(lines: number, buckets: number): Promise<number>;
  /** Median script ms of a hover with crosshair and highlight, `peers` charts following. */
  hover(lines: number, buckets: number, peers: number): Promise<number>;
}

declare global {
  interface Window {
    chartBench?: ChartBench;
  }
}

const CALIBRATION_STEPS = 10_000_000;

const nextFrame = (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

export function installBench(place: (title: string) => HTMLElement): void {
  const made: LineChart[] = [];
  const options = (more: Partial<ChartOptions> = {}): ChartOptions => ({
    title: 'loss',
    xKind: 'step',
    ...more,
  });
  const clear = (): void => {
    for (const chart of made.splice(0)) chart.destroy();
    document.getElementById('grid')!.replaceChildren();
  };

  window.chartBench = {
    calibrate() {
      const start = performance.now();
      const values = new Float64Array(4096);
      for (let i = 0; i < CALIBRATION_STEPS; i += 1) {
        values[i & 4095] = Math.sqrt(values[(i * 7) & 4095]! + i) * 0.5;
      }
      // Read, so that the loop is not left out.
      return values[17]! < 0 ? NaN : performance.now() - start;
    },

    async firstDraw(panels, lines, buckets) {
      clear();
      const elements = Array.from({ length: panels }, (_, i) => place(`panel ${i}`));
      const data = lossLines(lines, buckets * 20, buckets);
      await nextFrame();
      const start = performance.now();
      for (const element of elements) {
        const chart = createLineChart(element, options());
        // A fresh copy: shapes are kept per series, and panels show different series.
        chart.setLines(data.map((line) => ({ ...line, data: { ...line.data } })));
        chart.flush();
        made.push(chart);
      }
      const script = performance.now() - start;
      await nextFrame();
      return script;
    },

    async zoom(lines, buckets) {
      clear();
      const element = place('zoom');
      const chart = createLineChart(element, options());
      made.push(chart);
      chart.setLines(lossLines(lines, buckets * 20, buckets));
      chart.flush();
      const full = chart.xRange;
      const times: number[] = [];
      for (let i = 0; i < 40; i += 1) {
        await nextFrame();
        const start = performance.now();
        const span = full.max * (0.95 - 0.015 * i);
        const min = (full.max - span) / 2;
        chart.setZoom({ min, max: min + span });
        chart.flush();
        times.push(performance.now() - start);
      }
      return median(times);
    },

    async pan(lines, buckets) {
      clear();
      const chart = createLineChart(place('pan'), options());
      made.push(chart);
      chart.setLines(lossLines(lines, buckets * 20, buckets));
      const full = chart.xRange.max;
      const times: number[] = [];
      for (let i = 0; i < 40; i += 1) {
        await nextFrame();
        const start = performance.now();
        const min = full * (0.1 + 0.005 * i);
        chart.setZoom({ min, max: min + full * 0.5 });
        chart.flush();
        times.push(performance.now() - start);
      }
      return median(times);
    },

    async hover(lines, buckets, peers) {
      clear();
      const bus = new HoverBus();
      const data = lossLines(lines, buckets * 20, buckets);
      for (let i = 0; i <= peers; i += 1) {
        const chart = createLineChart(place(`hover ${i}`), options({ bus }));
        chart.setLines(data);
        chart.flush();
        made.push(chart);
      }
      await nextFrame();
      const target = made[0] as LineChart & { hoverAt(point: { x: number; y: number }): void };
      const times: number[] = [];
      for (let i = 0; i < 60; i += 1) {
        await nextFrame();
        const start = performance.now();
        target.hoverAt({ x: 20 + i * 4, y: 60 + ((i * 37) % 90) });
        times.push(performance.now() - start);
      }
      return median(times);
    },
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
