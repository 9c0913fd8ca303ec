"""Records in: one thread commits what all streams sent, in groups, and acknowledges after the commit.

    request ─► queue ─► take everything waiting ─► decode, check ─► series.append ─► fold ─► answer
               (bounded)                            (per body)      (per project,
                                                                     one fsync)

A group is whatever came in while the one before it was being committed, so an idle server answers at
once and a busy one commits more at a time.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from kiseki.base.clock import wall_us
from kiseki.core import limits
from kiseki.core.attempt import LiveAttempt, LiveStream
from kiseki.core.changes import Listener, Part
from kiseki.core.decode import BODY_BYTES_MAX, Decoded, Rejection, decode, read_frames
from kiseki.core.folds import Folds
from kiseki.core.lineage import Descent, Seeds
from kiseki.core.opening import Opening, Unseeded, check_writable
from kiseki.core.projects import Projects
from kiseki.core.rights import Principal, can
from kiseki.errors import Busy, CorruptRecord, Gap, Invalid, PublicError, StorageFull, TooLarge
from kiseki.record import codec
from kiseki.record.fold import RunState
from kiseki.record.frame import Frame
from kiseki.record.types import Kind, Open
from kiseki.storage.interface import Batch, Fold, MetaStore, SeriesStore

log = logging.getLogger(__name__)

QUEUE_BYTES_MAX = 64 * 1024 * 1024
QUEUE_LENGTH_MAX = 10_000
GROUP_BYTES_MAX = 8 * 1024 * 1024
SEEDING_MAX = 2  # histories folded anew at once
RETRY_AFTER_S = 1
REJECTED_MAX = 100  # listed in one answer; all are counted in the run's notices


@dataclass(frozen=True, slots=True)
class Opened:
    """The run that an `Open` led to; `before` is its fold without the records of this body."""

    entity: str
    project: str
    id: str
    name: str
    attempt: int
    is_resumed: bool  # the run goes on: resumed, rewound or joined
    has_before: bool  # …or begins with what was taken over, as a fork does
    before: RunState


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything before `next` is committed."""

    next: int
    stop: bool = False
    rejected: tuple[Rejection, ...] = ()
    opened: Opened | None = None
    rows: int = 0


@dataclass(slots=True)
class _Job:
    stream: str
    body: bytes
    who: Principal
    future: Future[Receipt]
    seed: tuple[Descent, Fold] | None = None  # of the attempt that it opens
    takes_over: bool = False
    in_trash: bool = False
    is_running: bool = False  # it had its turn once, so its future cannot be cancelled any more


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a stream's next body in a group goes on from: those before it are not applied yet."""

    next: int
    shapes: Mapping[int, tuple[str, ...]]


@dataclass(slots=True)
class _Ready:
    """A decoded job on its way into the series store."""

    job: _Job
    stream: LiveStream
    found: Decoded
    opened: Opened | None
    receipt: Receipt | None = None
    parts: set[Part] = field(default_factory=set)


class Ingest:
    """Takes bodies of records and commits them. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        series: SeriesStore,
        projects: Projects,
        folds: Folds,
        listener: Listener,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._series = series
        self._folds = folds
        self._opening = Opening(meta, projects, folds)
        self._seeds = Seeds(meta, series, folds)
        # Folding a long history anew holds up nobody but who asked for it.
        self._seeding = ThreadPoolExecutor(SEEDING_MAX, "kiseki-seed")
        self._away = 0  # jobs that are being seeded
        self._listener = listener
        self._now_us = now_us
        self._waiting: deque[_Job] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="kiseki-commit", daemon=True)
        self._thread.start()

    def submit(
        self,
        stream: str,
        body: bytes,
        who: Principal,
        *,
        takes_over: bool = False,
        in_trash: bool = False,
    ) -> Future[Receipt]:
        """Queue a body (empty: a sign of life); the future holds its receipt once it is committed.

        Args:
            takes_over: a stream that it opens may be of a run that another process seems to write: the
                official client tells nobody that it died, and starts again at once.
            in_trash: a deleted run goes on taking these records until it is purged: the official client
                gives up for good when it is refused, and what it holds never comes again.

        Raises:
            TooLarge: the body is larger than any may be.
            Busy: too much is waiting already.
        The future raises `PublicError`s: `Gap` with the sequence expected, `Invalid` for damage …
        """
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"the body has {len(body):,} bytes; the limit is {BODY_BYTES_MAX:,}")
        job = _Job(stream, body, who, Future(), takes_over=takes_over, in_trash=in_trash)
        with self._changed:
            is_full = self._bytes + len(body) > QUEUE_BYTES_MAX and self._waiting
            if is_full or len(self._waiting) >= QUEUE_LENGTH_MAX or self._is_closing:
                raise _busy()
            self._waiting.append(job)
            self._bytes += len(body)
            self._changed.notify()
        return job.future

    @contextmanager
    def reading(self, size: int) -> Iterator[None]:
        """Count `size` bytes as waiting while a body is being received.

        Raises:
            Busy: too much is waiting already.
        """
        with self._changed:
            if self._bytes and self._bytes + size > QUEUE_BYTES_MAX:
                raise _busy()
            self._bytes += size
        try:
            yield
        finally:
            with self._changed:
                self._bytes -= size

    def next(self, stream: str, who: Principal) -> int:
        """Return the sequence expected next of a stream, 0 for one that `who` may not see."""
        run, expected = self._folds.next(stream)
        if run is None or not can(who, "read", run.entity, run.project_name):
            return 0
        return expected

    @property
    def is_running(self) -> bool:
        """Whether records are being taken."""
        return self._thread.is_alive() and not self._is_closing

    def close(self) -> None:
        """Commit what is waiting and stop."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()
        self._seeding.shutdown()

    def _run(self) -> None:
        while True:
            group = self._take()
            if not group:
                return
            try:
                self._commit(group)
            except Exception:  # this thread has to outlive whatever one group brings
                log.exception("a group of records was not committed")
                for job in group:
                    if not job.future.done():
                        job.future.set_exception(PublicError("internal error"))

    def _take(self) -> list[_Job]:
        """Return what waits, at most one group; empty when closing and nothing waits."""
        group: list[_Job] = []
        size = 0
        with self._changed:
            while True:
                while self._waiting and size < GROUP_BYTES_MAX:
                    job = self._waiting.popleft()
                    self._bytes -= len(job.body)
                    # Whoever went away before its turn sends again; from here on it cannot cancel.
                    if job.is_running or job.future.set_running_or_notify_cancel():
                        job.is_running = True
                        size += len(job.body)
                        group.append(job)
                if group or (self._is_closing and not self._away):
                    return group
                self._changed.wait()

    def _commit(self, group: list[_Job]) -> None:
        ready: list[_Ready] = []
        expected: dict[str, _Expected] = {}  # of streams with records in this group
        for job in group:
            try:
                item = self._prepare(job, expected)
            except PublicError as error:
                job.future.set_exception(error)
            except Unseeded as error:
                self._send_away(job, error.descent)
            except Exception as error:
                log.exception("stream %s: a body could not be prepared", job.stream)
                job.future.set_exception(_as_public(error))
            else:
                ready.append(item)
        by_project: dict[int, list[_Ready]] = {}
        for item in ready:
            by_project.setdefault(item.stream.attempt.run.project, []).append(item)
        for project, items in by_project.items():
            self._append(project, items)

    def _send_away(self, job: _Job, descent: Descent) -> None:
        """Have the fold made that an attempt begins with; then the job has another turn."""
        with self._changed:
            self._away += 1
        self._seeding.submit(self._seed, job, descent)

    def _seed(self, job: _Job, descent: Descent) -> None:
        try:
            job.seed = descent, self._seeds.make(descent)
        except Exception as error:
            log.exception(
                "stream %s: attempt %d could not be folded anew", job.stream, descent.attempt
            )
            job.future.set_exception(_as_public(error))
        with self._changed:
            self._away -= 1
            if not job.future.done():
                self._waiting.appendleft(job)
                self._bytes += len(job.body)
            self._changed.notify()

    def _prepare(self, job: _Job, expected: dict[str, _Expected]) -> _Ready:
        stream = self._folds.stream(job.stream)
        if not job.body:
            return self._sign_of_life(job, stream, expected)
        buffer, frames = read_frames(job.body)
        if stream is None:
            if frames[0].seq > 0:
                raise Gap(
                    "this stream is not known here: send it from its start", code="gap", next=0
                )
            first = _first_open(job.stream, frames[0])
            stream = self._opening.open(
                job.who,
                first,
                self._now_us(),
                job.seed,
                takes_over=job.takes_over,
                in_trash=job.in_trash,
            )
        check_writable(job.who, stream, in_trash=job.in_trash)
        ahead = expected.get(stream.id) or _Expected(stream.next, stream.shapes)
        found = decode(job.body, buffer, frames, ahead.next, ahead.shapes)
        shapes = {**ahead.shapes, **found.shapes} if found.shapes else ahead.shapes
        expected[stream.id] = _Expected(found.first + found.count, shapes)
        record = found.open
        if record is None and frames[0].kind == Kind.OPEN:  # sent again: the answer is, too
            record = _first_open(stream.id, frames[0])
        opened = None
        if record is not None:
            before = self._folds.state(stream.attempt.number)
            opened = _opened(stream.attempt, before, record)
        return _Ready(job, stream, found, opened)

    def _sign_of_life(
        self, job: _Job, stream: LiveStream | None, expected: dict[str, _Expected]
    ) -> _Ready:
        if stream is None:
            raise Gap("this stream is not known here: send it from its start", code="gap", next=0)
        check_writable(job.who, stream, in_trash=job.in_trash)
        ahead = expected.get(stream.id)
        return _Ready(job, stream, Decoded(ahead.next if ahead else stream.next), None)

    def _append(self, project: int, items: list[_Ready]) -> None:
        batches = [_batch(item, self._now_us()) for item in items if item.found.count]
        try:
            if batches:
                self._series.append(project, batches)
        except Exception as error:
            log.exception("project %d: %d batches were not stored", project, len(batches))
            self._refuse(items, _as_public(error))
            return
        changed: dict[int, tuple[LiveAttempt, set[Part]]] = {}
        for item in items:
            attempt = item.stream.attempt
            parts = self._folds.apply(item.stream, item.found) if item.found.count else set()
            self._folds.heard(item.stream)
            changed.setdefault(attempt.number, (attempt, set()))[1].update(parts)
        for item in items:
            item.job.future.set_result(_receipt(item))
        self._listener.publish(
            [
                attempt.change(parts)
                for attempt, parts in changed.values()
                if parts and not attempt.is_deleted
            ]
        )

    def _refuse(self, items: list[_Ready], error: PublicError) -> None:
        """Refuse a group whose commit failed, having looked how much of it is stored after all."""
        if isinstance(
            error, Gap
        ):  # says what one stream is to send, but not which: not for clients
            error = Busy("the records could not be stored; send them again", retry_after=1)
        for item in items:
            try:
                self._folds.catch_up(item.stream)
            except Exception:
                log.exception("stream %s: cannot be read", item.stream.id)
            item.job.future.set_exception(error)


def _busy() -> Busy:
    return Busy(
        "the server has more records waiting than it may keep in memory",
        code="busy",
        retry_after=RETRY_AFTER_S,
    )


def _first_open(stream: str, frame: Frame) -> Open:
    try:
        record = codec.Decoder().decode(frame)
        record = record and limits.admit(record)[0]
    except CorruptRecord as error:
        raise Invalid(str(error), code="open") from error
    if len(frame.payload) > limits.RECORD_BYTES_MAX:
        raise TooLarge("the Open of the stream is too large", code="open")
    if not isinstance(record, Open) or record.stream != stream:
        raise Invalid(f"the first record of stream {stream} must be its Open", code="open")
    return record


def _opened(attempt: LiveAttempt, before: RunState, record: Open) -> Opened:
    run, made = attempt.run, attempt.made
    is_writer = record.role == "writer"
    is_further = is_writer and record.stream != made.stream
    keeps_name = not record.name or not is_writer or record.is_default_name
    return Opened(
        run.entity,
        run.project_name,
        run.id,
        before.name if before.name and keeps_name else record.name,
        attempt.ordinal,
        is_resumed=is_further or (is_writer and made.kind == "rewind"),
        has_before=is_further or (is_writer and made.kind in ("rewind", "fork")),
        before=before,
    )


def _batch(item: _Ready, now_us: int) -> Batch:
    found = item.found
    return Batch(
        item.stream.id,
        item.stream.segment,
        found.first,
        found.count,
        found.body,
        found.rows,
        found.step_min,
        found.step_max,
        now_us,
        found.shapes,
        found.lines,
    )


def _receipt(item: _Ready) -> Receipt:
    attempt, found = item.stream.attempt, item.found
    return Receipt(
        found.first + found.count,
        attempt.stop_us is not None,
        tuple(found.rejected[:REJECTED_MAX]),
        item.opened,
        found.rows,
    )


def _as_public(error: Exception) -> PublicError:
    """Return the error to answer with when the storage failed."""
    if isinstance(error, PublicError):
        return error
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or "disk is full" in str(error):
        return StorageFull("the server's disk is full; nothing of this was stored", code="full")
    return PublicError("internal error")
