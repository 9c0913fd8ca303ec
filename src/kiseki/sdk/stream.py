"""One writer's stream of records: the lock, the journal, and what happens when the disk refuses.

    threads, signal handlers, __del__ ──► write() / append() ──► JournalWriter.append ──► write(2)
                                             │ already inside in this thread
                                             └─► deferred until the outer call has finished

Everything behind a stream's `Open` and `Shape` records depends on them, so they are written twice at first
and again about every mebibyte: no single damage can make the rest unreadable.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.journal.header import HEADER_BYTES
from kiseki.journal.writer import Fsync, JournalWriter
from kiseki.record import codec
from kiseki.record.frame import HEADER_SIZE
from kiseki.record.types import Kind, Note, Open, Record, Shape
from kiseki.sdk.terminal import REPEAT_SECONDS, Terminal

REPEAT_BYTES = 1024 * 1024
REPEAT_SHARE = 16  # a repeated record costs at most 1/16 of the journal
WAITING_BYTES_MAX = 8 * 1024 * 1024
RETRY_SECONDS = 1.0


class Stream:
    """Writes the records of one process to one journal.

    Args:
        path: the journal; with `is_inherited` that of another process, beside which ours is made.
        opening: the stream's `Open`.
        terminal: hears of a disk that refuses.
        fsync: as `JournalWriter`.

    `lock` guards the stream and whatever must agree with it (steps, shapes). Re-entry by the same thread
    (a signal handler or `__del__` that logs while a row is being written) finds `busy` and puts its call
    into `deferred`.

    Attributes:
        size: bytes appended so far; decides when `Open` and shapes are repeated.
        dropped: records lost because the disk refused for too long.
        dropped_rows: rows among them.
    """

    def __init__(
        self,
        path: str,
        opening: Open,
        terminal: Terminal,
        fsync: Fsync = "never",
        is_inherited: bool = False,
    ) -> None:
        self.path = path
        self.opening = opening
        self.lock = threading.RLock()
        self.busy = False
        self.size = 0
        self.dropped = 0
        self.dropped_rows = 0
        self._terminal = terminal
        self._fsync = fsync
        self.deferred: deque[Callable[[], None]] = deque()
        self._is_draining = False
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._waiting_bytes = 0
        self._retry_at = 0.0
        self._dropped_untold = 0
        self._doubtful: tuple[int, bytes] | None = (
            None  # (sequence, payload) of an interrupted record
        )
        self._open_due = 0
        # Another process's: a child gets a stream of its own with its first record.
        self._is_inherited = is_inherited
        # …or records wait for the disk, or one was interrupted.
        self._is_special = is_inherited
        self._writer: JournalWriter
        if not is_inherited:
            self._start(JournalWriter(path, opening.stream, fsync))

    @property
    def written(self) -> int:
        """Number of records of this stream so far."""
        return 0 if self._is_inherited else self._writer.next_seq

    # -- records ---------------------------------------------------------------------------------

    def write(self, record: Record) -> None:
        """Append one map-shaped record. Takes the lock; from within the stream it is deferred."""
        payload = codec.encode(record)
        with self.lock:
            if self.busy:
                self.deferred.append(lambda: self.write(record))
                return
            try:
                self.busy = True
                self.append(record.kind, payload)
                if self.size >= self._open_due:
                    self.repeat_open()
            finally:
                self.busy = False
            if self.deferred:
                self.drain()

    def append(self, kind: int, payload: bytes) -> None:
        """Append one record; the caller holds the lock and has set `busy`. Never raises for the disk."""
        if self._is_special:
            self._append_specially(kind, payload)
            return
        before = self._writer.next_seq
        try:
            self._append(kind, payload)
            self.size += HEADER_SIZE + len(payload)
        except OSError as error:
            self._keep(kind, payload, error)
        except BaseException:
            # An interrupt. No call stands before it is noted: another one could arrive there.
            self._doubtful = before, payload
            self._is_special = True
            self._settle()
            raise

    def announce(self, shape: Shape, is_new: bool) -> int:
        """Append a shape, twice if it is new; return the `size` at which it is due again."""
        payload = codec.encode(shape)
        self.append(Kind.SHAPE, payload)
        if is_new:
            self.append(Kind.SHAPE, payload)
        if self.size >= self._open_due:
            self.repeat_open()
        return self.size + max(REPEAT_BYTES, REPEAT_SHARE * len(payload))

    def repeat_open(self) -> None:
        """Append the `Open` record again."""
        payload = codec.encode(self.opening)
        self.append(Kind.OPEN, payload)
        self._open_due = self.size + max(REPEAT_BYTES, REPEAT_SHARE * len(payload))

    def drain(self) -> None:
        """Run what was deferred, in order."""
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while self.deferred:
                self.deferred.popleft()()
        finally:
            self._is_draining = False

    def frames(self) -> bytes:
        """Return the bytes of all records so far; for the few that stand there when the run starts."""
        with open(self.path, "rb") as file:
            file.seek(HEADER_BYTES)
            return file.read()

    def close(self) -> None:
        """Write what waits, then close the file."""
        with self.lock:
            if not self._is_inherited and (self._waiting or self._dropped_untold):
                self._flush_waiting()
            for kind, _ in self._waiting:
                self._drop(kind)
            self._waiting.clear()
            if not self._is_inherited:
                self._writer.close()

    def _settle(self) -> None:
        """Agree with the file after an interrupt (Ctrl-C) somewhere inside `append`.

        The interrupt may arrive when the bytes are written and the sequence is not yet advanced: the
        next record would then carry the same number and be taken for a repetition. Interrupted itself
        (a launcher that passes Ctrl-C on sends two), it is repeated before the next record.
        """
        if self._doubtful is None:
            return
        seq, payload = self._doubtful
        if not self._writer.is_closed:
            more = os.fstat(self._writer.fileno()).st_size - HEADER_BYTES - self.size
            if 0 < more < HEADER_SIZE + len(payload):
                os.ftruncate(self._writer.fileno(), HEADER_BYTES + self.size)
            elif more > 0:
                self._writer.next_seq = seq + 1
                self.size += more
        self._doubtful = None

    # -- a disk that refuses (reliability 2.8) ------------------------------------------------------

    def _append_specially(self, kind: int, payload: bytes) -> None:
        self._settle()
        if self._is_inherited:
            self._append_as_child(kind, payload)
        elif time.monotonic() >= self._retry_at and self._flush_waiting():
            self.append(kind, payload)
        else:
            self._keep(kind, payload, None)

    def _append_as_child(self, kind: int, payload: bytes) -> None:
        if time.monotonic() < self._retry_at:
            self._keep(kind, payload, None)
            return
        try:
            self._leave_parent()
        except OSError as error:  # full, or the run folder is gone
            self._keep(kind, payload, error)
            return
        if not self._waiting or self._flush_waiting():
            self.append(kind, payload)
        else:
            self._keep(kind, payload, None)

    def _keep(self, kind: int, payload: bytes, error: OSError | None) -> None:
        """Keep a record in memory while the disk refuses; beyond the bound, count it as dropped."""
        if self._waiting_bytes + len(payload) > WAITING_BYTES_MAX:
            self._drop(kind)
            self._dropped_untold += 1
        else:
            self._waiting.append((kind, payload))
            self._waiting_bytes += len(payload)
        self._is_special = True
        if error is None:
            return
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._terminal.warn(
            f"cannot write {self.path}: {error.strerror or error}.\n"
            f"{len(self._waiting):,} records wait in memory, {self.dropped:,} are lost.\n"
            "training continues; recording resumes by itself when there is space. [KSK-DISK-201]",
            key="disk",
            every=REPEAT_SECONDS,
        )

    def _drop(self, kind: int) -> None:
        self.dropped += 1
        self.dropped_rows += kind == Kind.ROW

    def _flush_waiting(self) -> bool:
        """Write what waits, in order; return whether the disk took all of it."""
        waiting = self._waiting
        try:
            while waiting:
                kind, payload = waiting[0]
                self._append(kind, payload)
                waiting.popleft()
                self._waiting_bytes -= len(payload)
                self.size += HEADER_SIZE + len(payload)
            if self._dropped_untold:
                self._append(Kind.NOTE, codec.encode(self._drop_note()))
                self.size = os.fstat(self._writer.fileno()).st_size - HEADER_BYTES
                self._dropped_untold = 0
        except OSError:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return False
        self._is_special = False
        return True

    def _drop_note(self) -> Note:
        count = self._dropped_untold
        text = f"{count:,} records dropped: the disk was full"
        return Note(code="disk-full", text=text, count=count, time_us=wall_us())

    # -- fork (T-02, T-04) ---------------------------------------------------------------------------

    def after_fork(self) -> None:
        """In a forked child: forget the parent's lock, file and unwritten records.

        The child gets a journal of its own with its first record: two processes that count one
        sequence would overwrite each other's records at the server.
        """
        self.lock = threading.RLock()
        self.busy = False
        self.deferred.clear()
        self._is_draining = False
        self._waiting.clear()
        self._waiting_bytes = self._dropped_untold = 0
        self._doubtful = None
        self._is_inherited = self._is_special = True

    def _leave_parent(self) -> None:
        pid = os.getpid()
        stem, extension = os.path.splitext(self.path)
        path = f"{stem}-{pid}{extension}"
        opening = msgspec.structs.replace(
            self.opening,
            stream=ids.stream_id(),
            resume="allow",
            pid=pid,
            label=f"{self.opening.label} pid {pid}".strip(),
            primary=False,
            parent_run=None,
            parent_step=None,
        )
        writer = JournalWriter(path, opening.stream, self._fsync)
        if hasattr(self, "_writer"):
            self._writer.close()
        self.opening = opening
        self._is_inherited = self._is_special = False
        self._start(writer)

    def _start(self, writer: JournalWriter) -> None:
        self.path = writer.path
        self._writer = writer
        self._append = self._writer.append
        self.size = 0
        self.repeat_open()
        self.repeat_open()
