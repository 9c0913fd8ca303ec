"""Frames: how one record lies in a journal file and in a request body.

     0      2     3      4         8            16        18        22
     ┌──────┬─────┬──────┬─────────┬────────────┬─────────┬─────────┬──────────────┐
     │magic │kind │flags │ length  │  sequence  │ header  │  crc32  │   payload    │
     │ 2 B  │ 1 B │ 1 B  │ u32 LE  │   u64 LE   │ u16 LE  │ u32 LE  │ length bytes │
     └──────┴─────┴──────┴─────────┴────────────┴─────────┴─────────┴──────────────┘

`header` is the low half of the crc32 of bytes 2…16; `crc32` (zlib's) covers bytes 2…16 and the payload.
The magic lets a reader find the next frame behind damage; the checksum makes a false find harmless;
the sequence shows what is missing; the header check tells a frame that was cut off (a torn tail,
normal after a kill) from one whose length was damaged.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

MAGIC = b"\xd7K"
PREFIX = struct.Struct("<BBIQ")  # kind, flags, length, sequence: the part both checks cover
CHECKS = struct.Struct("<HI")
HEADER_SIZE = 22
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024

_HEADER = struct.Struct("<2sBBIQHI")


class Frame(NamedTuple):
    """One record as bytes: its kind, sequence in its stream, and payload."""

    kind: int
    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """A byte range that could not be read."""

    start: int
    end: int
    reason: str


def pack(kind: int, seq: int, payload: bytes) -> bytes:
    """Return the frame of one record.

    Raises:
        ValueError: the payload is longer than `PAYLOAD_BYTES_MAX`; no reader would take it.
    """
    length = len(payload)
    if length > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a record of {length:,} bytes; the limit is {PAYLOAD_BYTES_MAX:,}")
    prefix = PREFIX.pack(kind, 0, length, seq)
    header = crc32(prefix)
    return MAGIC + prefix + CHECKS.pack(header & 0xFFFF, crc32(payload, header)) + payload


def read_at(buffer: bytes, offset: int) -> tuple[Frame, int] | None:
    """Return the frame at `offset` and the offset behind it, or None if none checks out there."""
    start = offset + HEADER_SIZE
    if start > len(buffer):
        return None
    magic, kind, _flags, length, seq, header, checksum = _HEADER.unpack_from(buffer, offset)
    end = start + length
    if magic != MAGIC or length > PAYLOAD_BYTES_MAX or end > len(buffer):
        return None
    # The header goes first: a magic that came about by chance rarely costs a pass over the payload.
    seed = crc32(buffer[offset + 2 : offset + 16])
    if seed & 0xFFFF != header:
        return None
    payload = buffer[start:end]
    if crc32(payload, seed) != checksum:
        return None
    return Frame(kind, seq, payload), end


def span_at(buffer: bytes, offset: int) -> int | None:
    """Return the length of the frame (header and payload) that begins at `offset`, if its header checks out.

    The frame may reach beyond the buffer; its payload is not looked at. For readers of files, who
    must know how much to load.
    """
    if offset + HEADER_SIZE > len(buffer):
        return None
    magic, _kind, _flags, length, _seq, header, _checksum = _HEADER.unpack_from(buffer, offset)
    if magic != MAGIC or length > PAYLOAD_BYTES_MAX:
        return None
    if crc32(buffer[offset + 2 : offset + 16]) & 0xFFFF != header:
        return None
    return HEADER_SIZE + int(length)


def intact(buffer: bytes, start: int = 0) -> Generator[tuple[int, Frame], None, int]:
    """Yield (offset, frame) of the frames that follow one another from `start` on without damage.

    Returns the offset behind the last of them.
    """
    offset = start
    size = len(buffer)
    # `read_at` written out, as it saves a third of the time of every reader.
    unpack, make, limit = _HEADER.unpack_from, tuple.__new__, size - HEADER_SIZE
    while offset <= limit:
        magic, kind, _flags, length, seq, header, checksum = unpack(buffer, offset)
        begin = offset + HEADER_SIZE
        behind = begin + length
        if magic != MAGIC or behind > size or length > PAYLOAD_BYTES_MAX:
            break
        seed = crc32(buffer[offset + 2 : offset + 16])
        if seed & 0xFFFF != header:
            break
        payload = buffer[begin:behind]
        if crc32(payload, seed) != checksum:
            break
        yield offset, make(Frame, (kind, seq, payload))
        offset = behind
    return offset


def verified(buffer: bytes) -> Iterator[Frame]:
    """Yield the frames of a buffer that `intact` went through before, such as a stored batch.

    Lengths are believed and checksums not computed again, which is three times as fast.
    """
    offset = 0
    size = len(buffer)
    unpack, make = _HEADER.unpack_from, tuple.__new__
    while offset < size:
        _magic, kind, _flags, length, seq, _header, _checksum = unpack(buffer, offset)
        begin = offset + HEADER_SIZE
        offset = begin + length
        yield make(Frame, (kind, seq, buffer[begin:offset]))


def scan(buffer: bytes, start: int = 0) -> Iterator[tuple[int, Frame | Damage]]:
    """Yield (offset, frame) for every intact frame, and the damage between them, in order.

    A frame that is merely cut off at the end of the buffer is not damage: it is a torn tail, and
    nothing is yielded for it, also if damage stands before it. The caller knows where it begins: behind
    the last frame or damage that was yielded.
    """
    offset = start
    while True:
        offset = yield from intact(buffer, offset)
        if offset >= len(buffer):
            return
        behind, torn = _next_intact(buffer, offset + 1)
        if behind < 0:
            if not is_torn(buffer, offset):
                yield offset, Damage(offset, torn, "no intact record")
            return
        yield offset, Damage(offset, behind, "checksum or length does not match")
        offset = behind


def is_torn(buffer: bytes, offset: int) -> bool:
    """Return whether the bytes from `offset` on are the beginning of a frame that was cut off."""
    rest = len(buffer) - offset
    if rest < HEADER_SIZE:
        return rest > 0 and MAGIC.startswith(buffer[offset : offset + 2])
    magic, _kind, _flags, length, _seq, header, _checksum = _HEADER.unpack_from(buffer, offset)
    return bool(
        magic == MAGIC
        and length <= PAYLOAD_BYTES_MAX
        and crc32(buffer[offset + 2 : offset + 16]) & 0xFFFF == header
        and rest < HEADER_SIZE + length
    )


def _next_intact(buffer: bytes, start: int) -> tuple[int, int]:
    """Return where the next intact frame begins, or -1 and where a torn tail begins (else the end)."""
    torn = -1
    at = buffer.find(MAGIC, start)
    while at >= 0:
        if read_at(buffer, at) is not None:
            return at, at
        if torn < 0 and is_torn(buffer, at):
            torn = at
        at = buffer.find(MAGIC, at + 1)
    if torn < 0:
        torn = len(buffer)
        if torn > start and buffer[-1:] == MAGIC[:1]:
            torn -= 1
    return -1, torn
