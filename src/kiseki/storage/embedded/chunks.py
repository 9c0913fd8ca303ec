"""What a row chunk and a column chunk hold, as bytes and back. Layouts: `docs/format/embedded.md`.

A row chunk is up to some 4,096 rows of one segment in the order of their arrival: what their keys share
(steps, times, which row holds which keys). A column chunk is one key's values in them, with their statistics
and, every `LEVEL_SIZE` points, a cell.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kiseki.errors import DataError
from kiseki.record.codec import decode_value, encode_value
from kiseki.storage.embedded.cells import Level, summarise
from kiseki.storage.embedded.columns import BIG, BOOL, FLOAT, INT, Bytes, Column
from kiseki.storage.embedded.packing import (
    Line,
    compress,
    decompress,
    line_of,
    pack_floats,
    pack_ints,
    unpack_floats,
    unpack_ints,
)
from kiseki.storage.interface import Floats, Ints

LEVEL_SIZE = 16
_MIXED = 255
_SHARED_BYTES = 1024  # longer layouts are seldom the same twice
_SIZE = struct.Struct("<I")


def _frame(*parts: bytes) -> bytes:
    return b"".join(_SIZE.pack(len(part)) + part for part in parts)


def _unframe(data: bytes) -> list[bytes]:
    parts = []
    at = 0
    while at < len(data):
        (size,) = _SIZE.unpack_from(data, at)
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return parts


@dataclass(frozen=True, slots=True)
class Axis:
    """Steps of a row chunk, and which of its rows hold a key.

    Attributes:
        held: the steps; where they are evenly spaced, as mostly, no more than that.
        keys: the key ids of all layouts, one layout after the other.
        ends: where each layout ends in `keys`.
        layout: for each row the index of its layout; one element if there is one layout.
    """

    held: Line | Ints
    keys: Ints
    ends: Ints
    layout: npt.NDArray[np.int32]

    @property
    def steps(self) -> Ints:
        """The steps, int64 of shape (count,)."""
        return self.held.array() if isinstance(self.held, Line) else self.held

    @property
    def count(self) -> int:
        return self.held.count if isinstance(self.held, Line) else len(self.held)

    def layouts(self) -> list[tuple[int, ...]]:
        """Return the key ids of each layout, in the order they were logged."""
        return [
            tuple(self.keys[start:end].tolist())
            for start, end in zip(np.append(0, self.ends[:-1]), self.ends, strict=True)
        ]

    def holds(self, key: int) -> npt.NDArray[np.bool_]:
        """Return which layouts contain a key."""
        if len(self.ends) == 1:
            return np.array([(self.keys == key).any()])
        found = np.zeros(len(self.ends), np.bool_)
        found[np.searchsorted(self.ends, np.flatnonzero(self.keys == key), side="right")] = True
        return found

    @property
    def nbytes(self) -> int:
        steps = 0 if isinstance(self.held, Line) else self.held.nbytes
        return steps + self.keys.nbytes + self.layout.nbytes + 400


class Clock(NamedTuple):
    """Times of a row chunk in microseconds."""

    times: Ints
    runtimes: Ints

    @property
    def nbytes(self) -> int:
        return self.times.nbytes + self.runtimes.nbytes + 200


def pack_layouts(layouts: Sequence[tuple[int, ...]], layout: npt.NDArray[np.int32]) -> bytes:
    """Return the bytes of which row holds which keys."""
    keys = np.array([key for keys in layouts for key in keys], np.int64)
    ends = np.cumsum([len(keys) for keys in layouts], dtype=np.int64)
    return _frame(pack_ints(ends), pack_ints(keys), pack_ints(layout.astype(np.int64)))


def unpack_axis(steps: bytes, layout: bytes) -> Axis:
    """Return the axis whose bytes these are; row chunks of the same layout mostly share it."""
    ends, keys, rows = (_unpack_layout if len(layout) < _SHARED_BYTES else _layout)(layout)
    line = line_of(steps)
    return Axis(unpack_ints(steps) if line is None else line, keys, ends, rows)


def _layout(layout: bytes) -> tuple[Ints, Ints, npt.NDArray[np.int32]]:
    ends, keys, rows = map(unpack_ints, _unframe(layout))
    return ends, keys, rows.astype(np.int32)


_unpack_layout = lru_cache(maxsize=512)(_layout)


def pack_clock(clock: Clock) -> tuple[bytes, bytes]:
    """Return the bytes of times and of runtimes; these as their distance, which hardly changes."""
    return pack_ints(clock.times), pack_ints(clock.times - clock.runtimes)


def unpack_clock(times: bytes, runtimes: bytes) -> Clock:
    at = unpack_ints(times)
    return Clock(at, at - unpack_ints(runtimes))


def pack_kinds(kinds: Bytes) -> bytes:
    return kinds.tobytes() if len(kinds) == 1 else compress(kinds.tobytes())


def unpack_kinds(data: bytes) -> Bytes:
    return np.frombuffer(data if len(data) == 1 else decompress(data), np.uint8)


class Packed(NamedTuple):
    """A column chunk as it lies in the tables `chunk` and `chunk_data`."""

    stats: tuple[int | float | None, ...]
    level: bytes | None
    numbers: bytes
    objects: bytes | None

    @property
    def nbytes(self) -> int:
        return len(self.level or b"") + len(self.numbers) + len(self.objects or b"") + 100


def pack_column(column: Column, with_level: bool) -> Packed:
    """Return the bytes and statistics of one key's values.

    Args:
        column: the values, at least one.
        with_level: also cells of `LEVEL_SIZE`; they help only where steps ascend.
    """
    if len(column.codes) > 1:
        codes = compress(column.codes.tobytes())
        numbers = bytes([_MIXED]) + _SIZE.pack(len(codes)) + codes + pack_ints(column.words)
    else:
        code = int(column.codes[0])
        numbers = bytes([code])
        if code in (FLOAT, BIG):
            numbers += pack_floats(column.words.view(np.float64))
        elif code in (INT, BOOL):
            numbers += pack_ints(column.words)
    objects = compress(encode_value(list(column.objects))) if column.objects else None
    values, _ = column.numbers()
    level = None
    if with_level and len(values) > LEVEL_SIZE:
        level = pack_level(summarise(values, LEVEL_SIZE))
    return Packed(_stats(values), level, numbers, objects)


def unpack_column(numbers: bytes, objects: bytes | None) -> Column:
    """Return the column whose bytes these are."""
    code = numbers[0]
    held: Sequence[Any] = decode_value(decompress(objects)) if objects is not None else ()
    codes = np.array([code], np.uint8)
    if code == _MIXED:
        (size,) = _SIZE.unpack_from(numbers, 1)
        codes = np.frombuffer(decompress(numbers[5 : 5 + size]), np.uint8)
        return Column(codes, unpack_ints(numbers, 5 + size), held, len(codes))
    if code in (FLOAT, BIG):
        words = unpack_floats(numbers[1:]).view(np.int64)
        return Column(codes, words, held, len(words))
    if code in (INT, BOOL):
        words = unpack_ints(numbers, 1)
        return Column(codes, words, held, len(words))
    return Column(codes, np.empty(0, np.int64), held, len(held))


_NO_STATS = (0, 0, 0, 0, None, None, None, None, 0.0, -1, -1)


def _stats(values: Floats) -> tuple[int | float | None, ...]:
    """Return count, nan, pinf, ninf, min, max, first, last, total, min_at, max_at of the values."""
    n = len(values)
    if not n:
        return _NO_STATS
    finite = np.isfinite(values)
    if finite.all():
        low, high = int(values.argmin()), int(values.argmax())
        with np.errstate(over="ignore"):
            total = float(values.sum())
        ends = float(values[0]), float(values[-1])
        return (n, 0, 0, 0, float(values[low]), float(values[high]), *ends, total, low, high)
    nan, pinf, ninf = np.isnan(values), values == np.inf, values == -np.inf
    odd = (int(nan.sum()), int(pinf.sum()), int(ninf.sum()))
    at = np.flatnonzero(finite)
    if not len(at):
        return (n, *odd, *_NO_STATS[4:])
    _, _, _, _, least, most, first, last, total_, low_, high_ = _stats(values[at])
    assert isinstance(low_, int) and isinstance(high_, int)
    return (n, *odd, least, most, first, last, total_, int(at[low_]), int(at[high_]))


_SINGLE, _ODD = 1, 2  # flags of a level: its ends are float32; some values are not finite


def pack_level(level: Level) -> bytes:
    """Return the bytes of the cells of a column chunk.

    One compressed piece of byte planes: as dense for noise as lanes, and four times as fast to read, which
    counts where thousands of row chunks are drawn at once.
    """
    ends: npt.NDArray[Any] = np.concatenate([level.min, level.max, level.first, level.last])
    with np.errstate(all="ignore"):
        single = ends.astype(np.float32)
    flags = 0
    if np.array_equal(single.astype(np.float64), ends, equal_nan=True):
        ends, flags = single, _SINGLE
    planes = _planes(ends) + _planes(level.total)
    if level.nan.any() or level.pinf.any() or level.ninf.any():
        flags |= _ODD
        planes += np.concatenate([level.nan, level.pinf, level.ninf]).astype(np.uint8).tobytes()
    return bytes([flags]) + compress(planes)


class Planes(NamedTuple):
    """The cells of a column chunk as byte planes, decompressed."""

    flags: int
    data: bytes

    @property
    def nbytes(self) -> int:
        return len(self.data) + 200


def level_planes(stored: bytes) -> Planes:
    """Return the planes that `pack_level` wrote."""
    return Planes(stored[0], decompress(stored[1:]))


def unpack_levels(chunks: Sequence[tuple[Planes, int]]) -> Level:
    """Return the cells of column chunks, one behind the other; each is given with its number of points.

    Chunks of the same size are unpacked together: of thousands, one by one takes several times as long.
    """
    counts = np.array([count for _, count in chunks], np.int64)
    sizes = -(-counts // LEVEL_SIZE)
    ends = np.cumsum(sizes)
    of_cell = np.full(int(sizes.sum()), LEVEL_SIZE, np.int64)
    of_cell[ends - 1] = counts - (sizes - 1) * LEVEL_SIZE
    values = np.empty((5, len(of_cell)))
    is_odd = any(planes.flags & _ODD for planes, _ in chunks)
    odd = np.zeros((3, len(of_cell) if is_odd else 1), np.int64)
    alike: dict[tuple[int, int], list[int]] = {}
    for place, ((planes, _), size) in enumerate(zip(chunks, sizes.tolist(), strict=True)):
        alike.setdefault((planes.flags, size), []).append(place)
    starts = (ends - sizes).tolist()
    for (flags, n), places in alike.items():
        width = 4 if flags & _SINGLE else 8
        total_at, odd_at = 4 * n * width, 4 * n * width + 8 * n
        size = odd_at + (3 * n if flags & _ODD else 0)
        joined = b"".join([chunks[place][0].data for place in places])
        if any(len(chunks[place][0].data) != size for place in places):
            raise DataError(f"a stored level does not have {size} bytes for {n} cells")
        table = np.frombuffer(joined, np.uint8).reshape(len(places), size)
        extremes = _unplanes(table[:, :total_at], width).reshape(len(places), 4, n)
        totals = _unplanes(table[:, total_at:odd_at], 8)
        for at, place in enumerate(places):
            part = slice(starts[place], starts[place] + n)
            values[:4, part], values[4, part] = extremes[at], totals[at]
            if flags & _ODD:
                odd[:, part] = table[at, odd_at:].reshape(3, n)
    low, high, first, last, total = values
    nan, pinf, ninf = odd
    return Level(low, high, first, last, total, of_cell, nan, pinf, ninf)


def _planes(values: npt.NDArray[Any]) -> bytes:
    return values.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()


def _unplanes(planes: Bytes, width: int) -> npt.NDArray[Any]:
    """Return the floats of `width` bytes whose planes are in each row."""
    rows, count = len(planes), planes.shape[1] // width
    words = np.empty((rows, count, width), np.uint8)
    for byte in range(width):  # a third of the time of one transposition
        words[:, :, byte] = planes[:, byte * count : (byte + 1) * count]
    return words.view(f"<f{width}").reshape(rows, count)
