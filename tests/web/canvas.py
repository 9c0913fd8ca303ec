"""What stands on a canvas: which pixels are painted, read out of the browser."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator

# A copy is read, as reading would make the browser keep the page's own canvas elsewhere.
PIXELS = """const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const pixels = copy.getImageData(0, 0, width, height).data;"""

# Faint edges of anti-aliased strokes say where something nearly is: they are no paint.
READ = """canvas => { PIXELS
  const rows = [];
  for (let y = 0; y < height; y += 1) {
    const row = [];
    for (let x = 0; x < width; x += 1) {
      if (pixels[4 * (y * width + x) + 3] > 96) row.push(x);
    }
    rows.push(row);
  }
  return { width, height, rows };
}""".replace("PIXELS", PIXELS)

COLOURS = """canvas => { PIXELS
  const seen = new Map();
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i + 3] < 255) continue;
    const colour = `${pixels[i]},${pixels[i + 1]},${pixels[i + 2]}`;
    seen.set(colour, (seen.get(colour) ?? 0) + 1);
  }
  return [...seen].sort((a, b) => b[1] - a[1]).map(([colour]) => colour).slice(0, 12);
}""".replace("PIXELS", PIXELS)


@dataclass(frozen=True)
class Picture:
    """`rows[y]` holds the painted x of a row of pixels."""

    width: int
    height: int
    rows: list[list[int]]

    def painted(self, top: float, bottom: float) -> set[int]:
        """Return the columns with paint between two heights, as shares from the top."""
        first, last = round(top * self.height), round(bottom * self.height)
        return {x for row in self.rows[first:last] for x in row}

    def top_of(self, columns: range) -> int:
        """Return the highest painted row within some columns."""
        wanted = set(columns)
        return next(y for y, row in enumerate(self.rows) if wanted.intersection(row))

    def busiest_row(self) -> int:
        return max(range(self.height), key=lambda y: len(self.rows[y]))


def picture(canvas: Locator) -> Picture:
    return Picture(**canvas.evaluate(READ))


def colours(canvas: Locator) -> list[str]:
    """Return the most frequent full colours as `r,g,b`, most frequent first."""
    return list(canvas.evaluate(COLOURS))


def groups(columns: set[int], apart: int = 3) -> list[tuple[int, int]]:
    """Return the stretches of neighbouring columns as (first, last)."""
    found: list[tuple[int, int]] = []
    for x in sorted(columns):
        if found and x - found[-1][1] <= apart:
            found[-1] = (found[-1][0], x)
        else:
            found.append((x, x))
    return found
