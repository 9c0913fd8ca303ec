"""Reading a whole journal, damaged or not, growing or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from os import PathLike

from kiseki.journal.header import HEADER_BYTES, MAGIC, JournalHeader, parse_header
from kiseki.journal.scanning import WINDOW_BYTES, Window, scan_file
from kiseki.record.frame import Damage, Frame


class JournalRead:
    """The records of a journal file as it was when opened; iterate once.

    Each sequence number is yielded once. `damage`, `missing`, `duplicates` and `torn_bytes` are
    complete when the iteration has ended.

    Attributes:
        path: the file.
        size: bytes it had when it was opened.
        header: its file header, None when that is damaged or cut off.
        damage: byte ranges that could not be read. A torn tail is none.
        missing: ranges `(first, behind)` of sequence numbers that are not in the file.
        duplicates: intact frames skipped because their sequence number came before.
        torn_bytes: length of a frame (or file header) that is cut off at the end; 0 normally.
        next_seq: one more than the largest sequence number seen.
        position: offset behind the frame yielded last.
    """

    def __init__(self, path: str, window_bytes: int = WINDOW_BYTES) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self.size = os.fstat(self._fd).st_size
        self._window = Window(self._fd, self.size, window_bytes)
        self.damage: list[Damage] = []
        self.missing: list[tuple[int, int]] = []
        self.duplicates = 0
        self.torn_bytes = 0
        self.next_seq = 0
        self.position = 0
        try:
            head = os.pread(self._fd, HEADER_BYTES, 0)
            self.header: JournalHeader | None = parse_header(head)
        except BaseException:
            self.close()
            raise
        self._start = HEADER_BYTES if self.header is not None else self._behind_damaged(head)

    def _behind_damaged(self, head: bytes) -> int:
        """Return where frames may begin although the file header does not check out."""
        if len(head) < HEADER_BYTES and head[: len(MAGIC)] == MAGIC[: len(head)]:
            self.torn_bytes = len(head)
            return len(head)
        if self._window.frame_at(HEADER_BYTES) is not None or len(head) == self.size:
            self.damage.append(Damage(0, min(HEADER_BYTES, self.size), "file header is damaged"))
            return HEADER_BYTES
        return 0

    def __iter__(self) -> Iterator[Frame]:
        last = self._start
        for end, found in scan_file(self._window, self._start):
            last = end
            if isinstance(found, Damage):
                self.damage.append(found)
            elif self._is_new(found.seq):
                self.position = end
                yield found
        self.torn_bytes += max(0, min(self.size, self._window.size) - last)
        self.close()

    def _is_new(self, seq: int) -> bool:
        if seq >= self.next_seq:
            if seq > self.next_seq:
                self.missing.append((self.next_seq, seq))
            self.next_seq = seq + 1
            return True
        # Behind damage, whole blocks may stand twice or in another order.
        for i, (first, behind) in enumerate(self.missing):
            if first <= seq < behind:
                parts = [(first, seq), (seq + 1, behind)]
                self.missing[i : i + 1] = [part for part in parts if part[0] < part[1]]
                return True
        self.duplicates += 1
        return False

    def frames(self) -> list[Frame]:
        """Return all frames at once. For small files and tests: the whole file is in memory then."""
        return list(self)

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> JournalRead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_journal(path: str | PathLike[str], window_bytes: int = WINDOW_BYTES) -> JournalRead:
    """Open a journal for reading; iterate over the result for its frames.

    Args:
        path: the file. It may be growing: what stands behind its present end is not read.
        window_bytes: memory to use; one frame larger than that is held whole.

    Raises:
        OSError: the file cannot be opened.
        UnsupportedVersion: a newer Kiseki wrote it.
    """
    return JournalRead(os.fspath(path), window_bytes)
