"""Walking the frames of a file in bounded memory.

A window of the file slides forward; only a frame larger than the window makes it grow. Plain reads
and not a memory map: a file that shrinks under a map kills its reader.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from kiseki.record.frame import HEADER_SIZE, MAGIC, Damage, Frame, is_torn, read_at, span_at

WINDOW_BYTES = 1024 * 1024


class Window:
    """The bytes `base … base + len(buffer)` of an open file that is `size` bytes long for us."""

    def __init__(self, fd: int, size: int, window_bytes: int = WINDOW_BYTES) -> None:
        self.fd = fd
        self.size = size
        self.base = 0
        self.buffer = b""
        self._window_bytes = window_bytes

    def locate(self, offset: int, length: int) -> int:
        """Return where in `buffer` the bytes `offset … offset + length` lie, -1 beyond `size`."""
        if offset + length > self.size:
            return -1
        at = offset - self.base
        if at < 0 or at + length > len(self.buffer):
            want = min(max(length, self._window_bytes), self.size - offset)
            self.buffer = _read(self.fd, offset, want)
            self.base, at = offset, 0
            if len(self.buffer) < want:  # the file shrank
                self.size = offset + len(self.buffer)
                if len(self.buffer) < length:
                    return -1
        return at

    def frame_at(self, offset: int) -> tuple[Frame, int] | None:
        """Return the intact frame at `offset` and the offset behind it, or None."""
        at = self.locate(offset, HEADER_SIZE)
        if at < 0:
            return None
        span = span_at(self.buffer, at)
        if span is None:
            return None
        at = self.locate(offset, span)
        found = read_at(self.buffer, at) if at >= 0 else None
        return (found[0], self.base + found[1]) if found is not None else None

    def next_intact(self, start: int) -> tuple[int, int]:
        """Return where the next intact frame begins, or -1 and where a torn tail begins (else `size`)."""
        offset, torn = start, -1
        while True:
            at = self.locate(offset, len(MAGIC))
            if at < 0:
                break
            at = self.buffer.find(MAGIC, at)
            if at < 0:
                offset = self.base + len(self.buffer) - 1  # the magic may lie across the edge
                continue
            offset = self.base + at
            if self.frame_at(offset) is not None:
                return offset, offset
            if torn < 0 and self.is_torn(offset):
                torn = offset
            offset += 1
        if torn < 0 and start < self.size and self.is_torn(self.size - 1):
            torn = self.size - 1
        return -1, torn if torn >= 0 else self.size

    def is_torn(self, offset: int) -> bool:
        """Return whether a frame begins at `offset` and the file ends within it."""
        rest = self.size - offset
        at = self.locate(offset, min(rest, HEADER_SIZE))
        if at < 0:
            return False
        if rest < HEADER_SIZE:
            return is_torn(self.buffer[at : at + rest], 0)
        span = span_at(self.buffer, at)
        return span is not None and span > rest


def _read(fd: int, offset: int, length: int) -> bytes:
    data = os.pread(fd, length, offset)
    while len(data) < length:
        more = os.pread(fd, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def scan_file(window: Window, start: int) -> Iterator[tuple[int, Frame | Damage]]:
    """Yield (offset behind, frame) for every intact frame, and the damage between them, in order.

    As `record.frame.scan`, for a file: a frame that is cut off at the end is not damage, and nothing
    is yielded for it.
    """
    offset = start
    while offset < window.size:
        found = window.frame_at(offset)
        if found is not None:
            frame, offset = found
            yield offset, frame
            continue
        intact, torn = window.next_intact(offset + 1)
        if intact >= 0:
            yield intact, Damage(offset, intact, "checksum or length does not match")
            offset = intact
            continue
        if not window.is_torn(offset):
            yield torn, Damage(offset, torn, "no intact record")
        return
