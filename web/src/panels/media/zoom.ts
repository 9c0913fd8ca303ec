// Zoom and place of pictures that are looked at together. Pure.

export interface Zoom {
  /** Screen px for each px of the picture as it fits. */
  scale: number;
  /** The middle of the view, as parts of the picture. */
  x: number;
  y: number;
}

export const FIT: Zoom = { scale: 1, x: 0.5, y: 0.5 };
const SCALE_MAX = 64;

/** Zooms by `factor` so that the point under (px, py), parts of the view from its middle, stays where it is. */
export function zoomed(zoom: Zoom, factor: number, px = 0, py = 0): Zoom {
  const scale = Math.min(SCALE_MAX, Math.max(1, zoom.scale * factor));
  return inside({
    scale,
    x: zoom.x + px * (1 / zoom.scale - 1 / scale),
    y: zoom.y + py * (1 / zoom.scale - 1 / scale),
  });
}

/** Moves the view by parts of itself. */
export function panned(zoom: Zoom, dx: number, dy: number): Zoom {
  return inside({ ...zoom, x: zoom.x + dx / zoom.scale, y: zoom.y + dy / zoom.scale });
}

/** Never beyond the picture's edge. */
function inside(zoom: Zoom): Zoom {
  const half = 0.5 / zoom.scale;
  const clamp = (at: number): number => Math.min(1 - half, Math.max(half, at));
  return { scale: zoom.scale, x: clamp(zoom.x), y: clamp(zoom.y) };
}

/** The pixel of a picture that stands at a point of the frame it fits (parts of the frame); null beside it. */
export function pixelAt(
  at: readonly [number, number],
  zoom: Zoom,
  width: number,
  height: number,
): [number, number] | null {
  const x = Math.floor((zoom.x + (at[0] - 0.5) / zoom.scale) * width);
  const y = Math.floor((zoom.y + (at[1] - 0.5) / zoom.scale) * height);
  return x >= 0 && y >= 0 && x < width && y < height ? [x, y] : null;
}
