"""PNG files from arrays, with `zlib` alone: the commonest image of a training needs no extra library."""

from __future__ import annotations

import struct
import zlib
from typing import Any

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels: grey, grey and alpha, RGB, RGBA
LEVEL = 6


def encode_png(pixels: Any) -> bytes:
    """Return the PNG file of a `uint8` or `uint16` array (height, width, channels), 1 to 4 channels."""
    height, width, channels = pixels.shape
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, 0)
    rows = zlib.compress(_filtered(pixels), LEVEL)
    return b"".join(
        [SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", rows), _chunk(b"IEND", b"")]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered(pixels: Any) -> bytes:
    """Return the rows, each behind the number of the filter that leaves the least to compress."""
    import numpy

    height = pixels.shape[0]
    step = pixels.shape[2] * pixels.dtype.itemsize
    raw = numpy.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    raw = raw.view(numpy.uint8).reshape(height, -1)
    left = numpy.zeros_like(raw)
    left[:, step:] = raw[:, :-step]
    above = numpy.zeros_like(raw)
    above[1:] = raw[:-1]
    # None, Sub and Up: arithmetic on bytes wraps as PNG wants it. A row's cost is the sum of its
    # differences taken as signed numbers, the usual guess.
    candidates = numpy.stack([raw, raw - left, raw - above])
    costs = numpy.abs(candidates.view(numpy.int8).astype(numpy.int16)).sum(axis=2)
    chosen = costs.argmin(axis=0)
    lines = numpy.empty((height, raw.shape[1] + 1), numpy.uint8)
    lines[:, 0] = chosen
    lines[:, 1:] = candidates[chosen, numpy.arange(height)]
    return lines.tobytes()
