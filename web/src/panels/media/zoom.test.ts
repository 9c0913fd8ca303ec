import { expect, it } from 'vitest';
import { seeded } from '../../lib/random';
import { FIT, panned, pixelAt, zoomed, type Zoom } from './zoom';

it('zoom keeps the pixel under the pointer, and nothing leaves the picture', () => {
  const random = seeded(5);
  for (let turn = 0; turn < 300; turn += 1) {
    let zoom: Zoom = FIT;
    for (let i = 0; i < 6; i += 1) {
      zoom =
        random() < 0.5
          ? zoomed(zoom, 0.3 + 4 * random(), random() - 0.5, random() - 0.5)
          : panned(zoom, random() - 0.5, random() - 0.5);
      const half = 0.5 / zoom.scale;
      expect(zoom.scale).toBeGreaterThanOrEqual(1);
      for (const at of [zoom.x, zoom.y]) expect(at >= half - 1e-9 && at <= 1 - half + 1e-9).toBe(true);
    }
    // Zooming in never meets an edge, so the point stays exactly.
    const point: [number, number] = [random(), random()];
    const before = [zoom.x + (point[0] - 0.5) / zoom.scale, zoom.y + (point[1] - 0.5) / zoom.scale];
    const closer = zoomed(zoom, 1.5, point[0] - 0.5, point[1] - 0.5);
    expect(closer.x + (point[0] - 0.5) / closer.scale).toBeCloseTo(before[0]!, 9);
    expect(closer.y + (point[1] - 0.5) / closer.scale).toBeCloseTo(before[1]!, 9);
  }
  expect(pixelAt([0, 0], FIT, 40, 30)).toEqual([0, 0]);
  expect(pixelAt([0.999, 0.999], FIT, 40, 30)).toEqual([39, 29]);
  expect(pixelAt([1.2, 0.5], FIT, 40, 30)).toBeNull();
  expect(pixelAt([0.5, 0.5], zoomed(FIT, 4), 40, 30)).toEqual([20, 15]);
});
