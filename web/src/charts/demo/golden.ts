/**
 * Reference pictures: one page that draws chosen scenes in one size and hands over their pixels.
 *
 * Text is not part of a picture, for fonts differ between machines: it is written down instead of
 * drawn, and every letter is seven px wide, so that the axes leave the same room everywhere.
 */

import { createLineChart } from '../line-chart';
import type { LineChart } from '../types';
import { scenes } from './scenes';
import { spikes, spikyLine } from './synthetic-spikes';

export interface GoldenPicture {
  /** PNG of the lines, as a data address. */
  readonly picture: string;
  /** What is written on the lines, and at the axes, in the order in which it is drawn. */
  readonly texts: readonly string[];
  readonly summary: string;
}

/** Heights (0 at the top, 1 at the foot) that paint reaches in the columns of each spike in view. */
export type SpikeReach = readonly { readonly step: number; readonly reach: number }[];

declare global {
  interface Window {
    chartGolden?: {
      names(): string[];
      draw(name: string): Promise<GoldenPicture>;
      compare(a: string, b: string): Promise<{ pixels: number; different: number }>;
      spikes(points: number, buckets: number, from: number, to: number): SpikeReach;
    };
  }
}

const LETTER_PX = 7;
const WIDTH_PX = 400;
const HEIGHT_PX = 240;
/** A channel that differs by less is the same: rounding at the edge of a stroke. */
const SAME = 24;

export function installGolden(place: (title: string) => HTMLElement): void {
  let texts: string[] = [];
  const prototype = CanvasRenderingContext2D.prototype;
  prototype.fillText = (text: string): void => void texts.push(text);
  prototype.strokeText = (): void => {};
  prototype.measureText = (text: string): TextMetrics =>
    ({ width: LETTER_PX * text.length }) as TextMetrics;

  const all = new Map(
    scenes().flatMap((scene) => (scene.golden === undefined ? [] : [[scene.golden, scene] as const])),
  );

  const make = (name: string): { element: HTMLElement; chart: LineChart } => {
    const element = place(name);
    element.style.cssText = `flex:none;width:${WIDTH_PX}px;height:${HEIGHT_PX}px`;
    const scene = all.get(name);
    const options = { title: name, xKind: 'step' as const, ...scene?.options };
    return { element, chart: createLineChart(element, options) };
  };
  const linesOf = (element: HTMLElement): HTMLCanvasElement =>
    element.querySelector('.kiseki-plot canvas')!;

  window.chartGolden = {
    names: () => [...all.keys()],

    async draw(name) {
      const { element, chart } = make(name);
      chart.setLines(all.get(name)!.lines);
      chart.flush();
      // What a chart loads when it first needs it is there a frame later.
      await new Promise((resolve) => setTimeout(resolve, 50));
      chart.setLines(all.get(name)!.lines);
      texts = [];
      chart.flush();
      return { picture: linesOf(element).toDataURL(), texts, summary: chart.summary() };
    },

    async compare(a, b) {
      const [one, other] = await Promise.all([pixelsOf(a), pixelsOf(b)]);
      if (one.width !== other.width || one.height !== other.height) {
        return { pixels: one.width * one.height, different: one.width * one.height };
      }
      let different = 0;
      for (let i = 0; i < one.data.length; i += 4) {
        const isSame = [0, 1, 2, 3].every((k) => {
          // Of a pixel that is hardly there the colour says nothing.
          const weight = k === 3 ? 1 : Math.max(one.data[i + 3]!, other.data[i + 3]!) / 255;
          return Math.abs(one.data[i + k]! - other.data[i + k]!) * weight <= SAME;
        });
        if (!isSame) different += 1;
      }
      return { pixels: one.width * one.height, different };
    },

    spikes(points, buckets, from, to) {
      const { element, chart } = make('spikes');
      // The ends of y stand, so that a lost spike cannot be hidden by a range that shrinks.
      chart.setOptions({ yMin: 0, yMax: 10 });
      chart.setLines([spikyLine(points, buckets, from, to)]);
      chart.setZoom({ min: from, max: to });
      chart.flush();
      const canvas = linesOf(element);
      const { width, height } = canvas;
      const pixels = canvas.getContext('2d')!.getImageData(0, 0, width, height).data;
      const reached = spikes(points)
        .filter((step) => step >= from && step <= to)
        .map((step) => {
          const at = Math.round(((step - from) / (to - from)) * width);
          let reach = 1;
          for (let x = Math.max(0, at - 4); x <= Math.min(width - 1, at + 4); x += 1) {
            for (let y = 0; y < height; y += 1) {
              if (pixels[4 * (y * width + x) + 3]! < 60) continue;
              reach = Math.min(reach, y / height);
              break;
            }
          }
          return { step, reach };
        });
      chart.destroy();
      element.parentElement!.remove();
      return reached;
    },
  };
}

async function pixelsOf(picture: string): Promise<ImageData> {
  const image = new Image();
  image.src = picture;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d')!;
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.width, image.height);
}
