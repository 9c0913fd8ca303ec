"""Arrays of numbers to bytes and back, exactly: the bytes of a column chunk.

Integers are turned into small ones (as they are, or their first or second differences, whichever are
smallest) and cut into lanes: the bytes of equal weight of all words together. A lane of noise is kept raw,
any other is compressed by itself, so that the noise of a mantissa does not spoil the exponents' statistics.
Floats are taken as integers first: as decimals where all have few digits, as 32-bit words where
nothing is lost, else as 64-bit words. Layout: `docs/format/embedded.md`.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from kiseki.errors import DataError
from kiseki.storage.interface import Floats, Ints

Words = npt.NDArray[Any]

_HEADER = struct.Struct("<BIqq")  # order << 4 | width, count, first two values
_LANE = struct.Struct("<BBI")  # byte offset << 4 | bytes, coding, stored size
_RAW, _ZSTD = 0, 1  # coding of a lane
_SAMPLE = 512

_FLOAT64, _FLOAT32, _DECIMAL = 1, 2, 3
_DECIMALS_MAX = 9
_POWERS = 10.0 ** np.arange(_DECIMALS_MAX + 1)[:, None]
_DECIMAL_LIMIT = 2.0**50
_EXCEPTIONS_SHARE = 8  # decimals: at most one value in so many may be stored apart


class _Zstd(threading.local):
    """Contexts are not thread-safe and dear to make."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()


def compress(data: bytes) -> bytes:
    """Return `data` compressed; `decompress` undoes it."""
    return _zstd.compress(data)


def decompress(data: bytes) -> bytes:
    """Return what `compress` was given."""
    try:
        return _zstd.decompress(data)
    except zstandard.ZstdError as error:
        raise DataError(f"a stored column is damaged: {error}") from error


def pack_ints(values: Ints) -> bytes:
    """Return the bytes of an int64 array."""
    n = len(values)
    order = _best_order(values)
    first = int(values[0]) if n else 0
    second = int(values[1]) - first if order == 2 and n > 1 else 0
    if order == 0:
        first = int(values.min()) if n else 0
        small = (values - first).view(np.uint64)
    elif order == 1:
        small = _zigzag(np.diff(values))
    else:
        small = _zigzag(np.diff(values, 2))
    top = int(small.max()) if len(small) else 0
    width = (top.bit_length() + 7) // 8
    second = (second + 2**63) % 2**64 - 2**63
    return _HEADER.pack(order << 4 | width, n, first, second) + _pack_lanes(small, width)


@dataclass(frozen=True, slots=True)
class Line:
    """Evenly spaced numbers."""

    first: int
    stride: int
    count: int

    def array(self) -> Ints:
        """Return them all."""
        numbers: Ints = np.arange(self.count, dtype=np.int64) * self.stride + self.first
        return numbers


def line_of(data: bytes, offset: int = 0) -> Line | None:
    """Return the array whose bytes begin at `offset` as a line, None if it is none (or leaves 64 bits)."""
    tag, n, first, second = _HEADER.unpack_from(data, offset)
    order, width = tag >> 4, tag & 15
    if width or (order == 2 and first + second * (n - 1) >= 2**63):
        return None
    return Line(first, second if order == 2 else 0, n)


def unpack_ints(data: bytes, offset: int = 0) -> Ints:
    """Return the int64 array whose bytes begin at `offset`."""
    line = line_of(data, offset)
    if line is not None:
        return line.array()
    tag, n, first, second = _HEADER.unpack_from(data, offset)
    order, width = tag >> 4, tag & 15
    if order == 0:
        small = _unpack_lanes(data, offset + _HEADER.size, width, n)
        if width == 8:
            wrapped: Ints = (small + np.uint64(first % 2**64)).view(np.int64)
            return wrapped
        values = small.astype(np.int64)
        values += first
        return values
    values = np.empty(n, np.int64)
    if not n:
        return values
    values[0] = first
    if order == 1:
        values[1:] = _unzigzag(_unpack_lanes(data, offset + _HEADER.size, width, n - 1))
    elif n > 1:
        values[1] = second
        values[2:] = _unzigzag(_unpack_lanes(data, offset + _HEADER.size, width, n - 2))
        np.cumsum(values[1:], out=values[1:])
    return np.cumsum(values, out=values)


def _best_order(values: Ints) -> int:
    """Return how often to take differences: judged by the bits that a stretch of the values needs."""
    if len(values) < 3:
        return 0
    sample = (values[:_SAMPLE] - values[0]).astype(np.float64)
    bits = [np.log2(sample - sample.min() + 1).mean()]
    for order in (1, 2):
        differences = np.diff(sample, order)
        # One bit for the sign, and half a bit of doubt: differences cost time to undo.
        bits.append(np.log2(np.abs(differences) + 1).mean() + 1.5)
    if bits[0] < 0.01:
        bits[0] = 0.0
    best = int(np.argmin(bits))
    if best == 0 and bits[0] > 0 and bits[2] == 1.5:
        best = 2
    return best


def _zigzag(values: Ints) -> Words:
    return ((values << 1) ^ (values >> 63)).view(np.uint64)


def _unzigzag(words: Words) -> Ints:
    wide = words.astype(np.uint64, copy=False)
    return (wide >> np.uint64(1)).view(np.int64) ^ -(wide & np.uint64(1)).view(np.int64)


def _container(width: int) -> int:
    return 1 if width <= 1 else 2 if width == 2 else 4 if width <= 4 else 8


def _pack_lanes(words: Words, width: int) -> bytes:
    """Return the lanes of unsigned words of `width` bytes: noise raw and joined, the rest compressed."""
    size = _container(width)
    table = words.astype(f"<u{size}").view(np.uint8).reshape(-1, size)
    lanes: list[tuple[int, int, int, bytes]] = []  # offset, bytes, coding, data
    for byte in range(width):
        plane = table[:, byte].tobytes()
        packed = _zstd.compress(plane)
        if len(packed) < len(plane) * 31 // 32:
            lanes.append((byte, 1, _ZSTD, packed))
            continue
        lanes.append((byte, 1, _RAW, plane))
    lanes = _join_raw(lanes, words, size)
    heads = b"".join(_LANE.pack(at << 4 | n, coding, len(data)) for at, n, coding, data in lanes)
    return bytes([len(lanes)]) + heads + b"".join(data for *_, data in lanes)


def _join_raw(
    lanes: list[tuple[int, int, int, bytes]], words: Words, size: int
) -> list[tuple[int, int, int, bytes]]:
    """Return the lanes with raw neighbours joined to 2 or 4 bytes: cheaper to read than byte by byte."""
    raw = {at for at, _, coding, _ in lanes if coding == _RAW}
    joined = []
    for at, _, coding, data in lanes:
        if coding != _RAW:
            joined.append((at, 1, coding, data))
        if at not in raw:
            continue
        bytes_ = next(
            n for n in (4, 2, 1) if at % n == 0 and n <= size and raw.issuperset(range(at, at + n))
        )
        raw -= set(range(at, at + bytes_))
        lane = words.astype(f"<u{size}").view(f"<u{bytes_}")[at // bytes_ :: size // bytes_]
        joined.append((at, bytes_, _RAW, lane.tobytes()))
    return joined


def _unpack_lanes(data: bytes, offset: int, width: int, n: int) -> Words:
    size = _container(width)
    count = data[offset]
    head = offset + 1
    at = head + count * _LANE.size
    covered = 0
    words: Words | None = None
    for place in range(head, at, _LANE.size):
        tag, coding, stored = _LANE.unpack_from(data, place)
        byte, bytes_ = tag >> 4, tag & 15
        covered += bytes_
        if coding == _RAW:
            lane = np.frombuffer(data, f"<u{bytes_}", n, at)
        else:
            lane = np.frombuffer(decompress(data[at : at + stored]), f"<u{bytes_}", n)
        at += stored
        if bytes_ == size:
            return lane
        if words is None:
            make = np.empty if width == size else np.zeros
            words = make(n, f"<u{size}")
        words.view(f"<u{bytes_}")[byte // bytes_ :: size // bytes_] = lane
    return np.zeros(n, f"<u{size}") if words is None else words


def pack_floats(values: Floats) -> bytes:
    """Return the bytes of a float64 array; every bit comes back, NaN and -0.0 included."""
    decimal = _pack_decimals(values)
    if decimal is not None:
        return decimal
    with np.errstate(all="ignore"):
        single = values.astype(np.float32)
        same = np.array_equal(single.astype(np.float64).view(np.int64), values.view(np.int64))
    if same:
        return bytes([_FLOAT32]) + pack_ints(single.view(np.int32).astype(np.int64))
    return bytes([_FLOAT64]) + pack_ints(values.view(np.int64))


def unpack_floats(data: bytes) -> Floats:
    """Return the array that `pack_floats` was given."""
    form = data[0]
    if form == _FLOAT64:
        return unpack_ints(data, 1).view(np.float64)
    if form == _FLOAT32:
        return unpack_ints(data, 1).astype(np.int32).view(np.float32).astype(np.float64)
    if form != _DECIMAL:
        raise DataError(f"unknown form {form} of a stored column")
    digits, exceptions = struct.unpack_from("<BI", data, 1)
    values: Floats = unpack_ints(data, 6 + exceptions) / 10.0**digits
    if exceptions:
        at, words = np.frombuffer(decompress(data[6 : 6 + exceptions]), "<i8").reshape(2, -1)
        values.view(np.int64)[at] = words
    return values


def _pack_decimals(values: Floats) -> bytes | None:
    """Return the values as integers over a power of ten, or None if they are not, or not shorter so."""
    odd = ~np.isfinite(values) | ((values == 0) & np.signbit(values))
    apart = np.flatnonzero(odd)
    if len(apart) > len(values) // _EXCEPTIONS_SHARE:
        return None
    plain = np.where(odd, 0.0, values) if len(apart) else values
    digits = _digits(plain[~odd][:32] if len(apart) else plain[:32])
    if digits is None:
        return None
    with np.errstate(all="ignore"):
        scaled = np.rint(plain * 10.0**digits)
    if not (np.abs(scaled) < _DECIMAL_LIMIT).all():
        return None
    if not np.array_equal(scaled / 10.0**digits, plain):
        return None
    whole = scaled.astype(np.int64)
    exceptions = b""
    if len(apart):
        # What stands in for an exception costs least if it is like its neighbour.
        whole[apart] = whole[np.maximum(apart - 1, 0)]
        exceptions = compress(np.concatenate([apart, values.view(np.int64)[apart]]).tobytes())
    return (
        bytes([_DECIMAL]) + struct.pack("<BI", digits, len(exceptions)) + exceptions
        + pack_ints(whole)
    )  # fmt: skip


def _digits(sample: Floats) -> int | None:
    """Return how many decimal digits say these values exactly, None if too many."""
    with np.errstate(all="ignore"):
        scaled = np.rint(sample * _POWERS)
        fits = ((scaled / _POWERS == sample) & (np.abs(scaled) < _DECIMAL_LIMIT)).all(axis=1)
    return int(fits.argmax()) if fits.any() else None
