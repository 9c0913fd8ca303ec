"""Writing a journal: one record, one `write(2)`, nothing held back in this process."""

from __future__ import annotations

import contextlib
import errno
import os
from os import PathLike
from typing import Literal
from zlib import crc32

from kiseki.base.clock import wall_us
from kiseki.errors import CorruptRecord, UsageValueError
from kiseki.journal.header import HEADER_BYTES, pack_header
from kiseki.journal.reader import read_journal
from kiseki.record.frame import CHECKS, MAGIC, PAYLOAD_BYTES_MAX, PREFIX

Fsync = Literal["never", "always"]

_write = os.write
_pack_prefix = PREFIX.pack
_pack_checks = CHECKS.pack


class JournalWriter:
    """Appends records to the journal of one stream. Not thread-safe: its owner holds the lock.

    Opening a journal that exists continues its sequence and cuts off a torn tail.

    Args:
        path: file to create or to continue.
        stream: 32 hex digits; must be the stream of an existing file.
        fsync: "never" leaves it to the operating system (a power cut may then cost what it had not
            written; the uploader asks for it once a second), "always" waits for the disk in `append`.

    Raises:
        CorruptRecord: the file exists and is the journal of another stream, or no journal at all.
        OSError: the file cannot be made.
    """

    __slots__ = ("_fd", "_is_torn", "_size", "_synced", "next_seq", "path", "stream")

    def __init__(self, path: str | PathLike[str], stream: str, fsync: Fsync = "never") -> None:
        self.path = os.fspath(path)
        self.stream = stream
        self.next_seq = 0
        self._synced = fsync == "always"
        self._is_torn = False
        self._size = 0  # end of the last whole frame; trusted only while `_is_torn`
        end = self._find_end()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(self.path, flags, 0o644)
        try:
            if end is not None and end < os.fstat(self._fd).st_size:
                os.ftruncate(self._fd, end)
            if not end:
                self._write_header()
        except BaseException:
            self.close()
            raise

    def _write_header(self) -> None:
        head = pack_header(self.stream, wall_us())
        if os.write(self._fd, head) != HEADER_BYTES:
            os.ftruncate(self._fd, 0)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        if self._synced:
            os.fsync(self._fd)

    def _find_end(self) -> int | None:
        """Continue the sequence of an existing file; return where its last whole frame ends."""
        try:
            journal = read_journal(self.path)
        except FileNotFoundError:
            return None
        with journal:
            for frame in journal:
                self.next_seq = max(self.next_seq, frame.seq + 1)
            header = journal.header
            if header is not None and header.stream != self.stream:
                raise CorruptRecord(
                    f"{self.path} is the journal of stream {header.stream}, not of {self.stream}",
                    path=self.path,
                )
            if header is None and self.next_seq == 0 and journal.damage:
                raise CorruptRecord(f"{self.path} is not a Kiseki journal", path=self.path)
            return journal.size - journal.torn_bytes

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._fd < 0

    def fileno(self) -> int:
        """Return the file descriptor, -1 after `close`."""
        return self._fd

    def append(self, kind: int, payload: bytes) -> int:
        """Give one record to the operating system and return its sequence number.

        Raises:
            OSError: disk full, I/O error, closed. Nothing of the record is in the file then, and the
                next record gets this one's sequence number.
            UsageValueError: a payload of more than 64 MiB.
        """
        seq = self.next_seq
        # This is `record.frame.pack` written out: the call alone would cost a tenth of the budget.
        prefix = _pack_prefix(kind, 0, len(payload), seq)
        header = crc32(prefix)
        frame = MAGIC + prefix + _pack_checks(header & 0xFFFF, crc32(payload, header)) + payload
        if self._is_torn or len(frame) > PAYLOAD_BYTES_MAX:
            self._prepare(payload)
        written = _write(self._fd, frame)
        if written != len(frame):
            self._complete(frame, written)
        if self._synced:
            self._sync(len(frame))
        self.next_seq = seq + 1
        return seq

    def _prepare(self, payload: bytes) -> None:
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise UsageValueError(
                f"a record of {len(payload):,} bytes; the limit is {PAYLOAD_BYTES_MAX:,}"
            )
        if self._is_torn:
            os.ftruncate(self._fd, self._size)
            self._is_torn = False

    def _complete(self, frame: bytes, written: int) -> None:
        """Write the rest of a frame after a short write, or take back its beginning."""
        before = os.fstat(self._fd).st_size - written
        try:
            while written < len(frame):
                more = _write(self._fd, frame[written:])
                if more == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
                written += more
        except OSError:
            self._take_back(before)
            raise

    def _sync(self, length: int) -> None:
        try:
            os.fsync(self._fd)
        except OSError:
            self._take_back(os.fstat(self._fd).st_size - length)
            raise

    def _take_back(self, size: int) -> None:
        self._size, self._is_torn = size, True
        with contextlib.suppress(OSError):  # tried again before the next record
            os.ftruncate(self._fd, size)
            self._is_torn = False

    def sync(self) -> None:
        """Wait until everything appended is on the disk."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
