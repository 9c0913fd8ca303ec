"""Following a journal that is still being written, as raw slices ready to be sent.

Frames are checked but not decoded. At a torn end the tail waits; behind damage it goes on and says which
sequence numbers are missing.
"""

from __future__ import annotations

import os
from os import PathLike
from typing import NamedTuple

from kiseki.journal.header import HEADER_BYTES
from kiseki.journal.scanning import Window
from kiseki.record.frame import HEADER_SIZE, Damage, Frame, scan, span_at


class Chunk(NamedTuple):
    """Consecutive frames: `data` holds the records `first … behind - 1`; `end` is the offset behind them."""

    data: bytes
    first: int
    behind: int
    end: int
    kinds: frozenset[int]


class Hole(NamedTuple):
    """The records `first … behind - 1` are not in the file."""

    first: int
    behind: int


class JournalTail:
    """Yields what stands behind a position of a journal file, again and again.

    Attributes:
        offset: position of the next frame to look at.
        next_seq: sequence number of the next record to return; earlier ones are skipped.
        is_live: whether somebody may still write: then damage that reaches to the end of the file is
            not reported before an intact record stands behind it.
        damage: byte ranges that could not be read, so far.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        offset: int = 0,
        next_seq: int = 0,
        is_live: bool = True,
        fd: int | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.offset = offset
        self.next_seq = next_seq
        self.is_live = is_live
        self.damage: list[Damage] = []
        # A descriptor that is given becomes the tail's: a deleted file cannot be opened a second time.
        self._fd = (
            os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)) if fd is None else fd
        )
        self._hopeless_size = -1  # size of the file at which nothing intact stood behind `offset`

    def size(self) -> int:
        """Return the present size of the file in bytes."""
        return os.fstat(self._fd).st_size

    def again(self, offset: int, next_seq: int) -> JournalTail:
        """Return a second tail of the same file, as it stands now; works on a deleted file, too."""
        return JournalTail(self.path, offset, next_seq, is_live=False, fd=os.dup(self._fd))

    def rewind(self, next_seq: int) -> None:
        """Go back to the start of the file; return records from `next_seq` on."""
        self.offset, self.next_seq, self._hopeless_size = 0, next_seq, -1

    def read(self, bytes_max: int) -> Chunk | Hole | None:
        """Return the next frames, at most `bytes_max` bytes unless one frame alone is larger.

        None: nothing complete stands there now.
        """
        while True:
            size = self.size()
            if size <= self.offset or size == self._hopeless_size:
                return None
            self._hopeless_size = -1
            if self.offset < HEADER_BYTES and not self._skip_header(size):
                return None
            start = self.offset
            buffer = self._load(start, min(bytes_max, size - start))
            found = self._collect(buffer)
            if found is not None:
                return found
            if self.offset == start and not self._pass_damage(size):
                return None

    def _skip_header(self, size: int) -> bool:
        if size < HEADER_BYTES:
            return False
        window = Window(self._fd, size)
        # A damaged file header says nothing about the frames; they begin where one is found.
        self.offset = HEADER_BYTES if window.frame_at(0) is None else 0
        return size > self.offset

    def _collect(self, buffer: bytes) -> Chunk | Hole | None:
        """Return the run of wanted frames at the start of `buffer`; step over unwanted ones."""
        begin = behind = 0
        first = expected = self.next_seq
        kinds = set()
        for at, found in scan(buffer):
            if not isinstance(found, Frame):
                break
            kind, seq, payload = found
            if seq == expected:
                if expected == first:
                    begin = at
                expected += 1
                kinds.add(kind)
            elif expected > first:
                break
            elif seq > expected:
                self.offset += at
                return Hole(expected, seq)
            behind = at + HEADER_SIZE + len(payload)
        start = self.offset
        self.offset += behind
        if expected == first:
            return None
        self.next_seq = expected
        return Chunk(buffer[begin:behind], first, expected, start + behind, frozenset(kinds))

    def end(self) -> None:
        """Know that nobody writes any more: what is torn stays torn, and damage is reported."""
        self.is_live, self._hopeless_size = False, -1

    def skip_hole(self, hole: Hole) -> None:
        """Go on behind a hole."""
        self.next_seq = hole.behind

    def _load(self, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`, or the whole first frame if that is longer."""
        buffer = os.pread(self._fd, max(length, HEADER_SIZE), start)
        span = span_at(buffer, 0)
        if span is not None and span > len(buffer):
            buffer += os.pread(self._fd, span - len(buffer), start + len(buffer))
        return buffer

    def _pass_damage(self, size: int) -> bool:
        """Step behind what is no frame at `offset`; return whether there is something behind it."""
        window = Window(self._fd, size)
        start = self.offset
        is_torn = window.is_torn(start)
        if is_torn and self.is_live:  # it is being written
            return self._wait(size)
        intact, torn = window.next_intact(start + 1)
        if intact >= 0:
            self.damage.append(Damage(start, intact, "checksum or length does not match"))
            self.offset = intact
            return True
        if not self.is_live and not is_torn:
            self.damage.append(Damage(start, torn, "no intact record"))
            self.offset = torn
        return self._wait(size)

    def _wait(self, size: int) -> bool:
        self._hopeless_size = size
        return False

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> JournalTail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
