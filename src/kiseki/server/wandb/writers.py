"""Lines at offsets, as the official client sends them, put into the streams of runs.

    file_stream: history lines 120 … 123 ─► lines there already are skipped ─► rows ─► one body ─► core.ingest

Where several processes write under one id, each start is an attempt of its own; a line tells by the moment at
which its process began whose it is. A line is left out only where a row with its step and time is stored.

A run has one *current* stream of this door: the one that its last start opened. Its id is made of who started
the run and when, so that a start that is sent again (a lost answer, a second `wandb sync` of the same folder)
finds the stream that it opened before, and its lines are skipped as far as they are there.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import zstandard

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.core.attempt import LiveStream
from kiseki.core.ingest import Receipt
from kiseki.core.rights import Principal, can
from kiseki.core.runs import Run
from kiseki.core.service import Core
from kiseki.errors import Busy, Gap
from kiseki.record import codec, frame
from kiseki.record.fold import ALIVE
from kiseki.record.types import (
    Finish,
    Kind,
    Note,
    Open,
    Record,
    Shape,
    State,
    Summary,
)
from kiseki.server.wandb import starts, translation
from kiseki.server.wandb.translation import Skipped, Values

PREFIX = "wandb-"  # of the streams that starts open
SAMPLES = "wsys-"  # …of the machine's samples beside them
JOINED = "wapi-"  # …and of those that only add to a run
WAIT_S = 100  # for a commit; the client waits for 180
OTHERS_MAX = 10  # attempts that are looked at for the process of a line
WRITERS_MAX = 10_000  # in memory; one that is needed again is read from the store
LINES_LOOKED_AT = 100  # for one that is a row
BEGAN_US = 1_000_000  # rows of one process tell within this when it began
OTHER_WRITER = "writers"  # code of the notice that several processes write under one id
LINE_SKIPPED = "line"  # code of the notice that counts the lines that are no rows

SUMMARY = "wandb-summary.json"
HISTORY = "wandb-history.jsonl"
EVENTS = "wandb-events.jsonl"
OUTPUT = "output.log"


def stream_of(entity: str, project: str, run: str, internal: Mapping[str, Any]) -> str | None:
    """Return the id of the stream that a start opens; None if the client does not tell who it is."""
    writer = translation.newest_writer(internal)
    if writer is None or not writer.get("startedAt"):
        return None
    who = [entity, project, run, str(writer.get("writerId") or ""), str(writer["startedAt"])]
    return PREFIX + hashlib.sha256("\0".join(who).encode()).hexdigest()[:32]


def stream_of_client(entity: str, project: str, run: str, client: str, prefix: str) -> str:
    """Return the id of the stream of one of several clients that write a run together."""
    who = "\0".join([entity, project, run, client])
    return prefix + hashlib.sha256(who.encode()).hexdigest()[:32]


@dataclass(slots=True)
class Track:
    """Where one stream stands: the sequence it expects, and what it named so far."""

    stream: str
    next: int = 0
    shapes: dict[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(slots=True)
class Writer:
    """Where a run stands that the client writes. One request at a time uses it.

    Attributes:
        rows: the stream of what the script logs.
        samples: that of the machine beside it, as an uploader's; opened with the first sample.
        history, events, output: how many lines of each file are stored, those of a parent included.
        summary: the last one that was put.
        is_stale: a request failed, so the stores are looked at before the next one.
        is_one_of_many: others write the run too, each with lines and a summary of its own.
        began_us: when the process began, as its last row tells; None: no row did.
        peer: address of who sent the last rows.
    """

    rows: Track
    samples: Track
    attempt: int
    history: int = 0
    events: int = 0
    output: int = 0
    next_step: int = 0
    runtime_us: int = 0
    summary: str = ""
    is_stale: bool = False
    is_one_of_many: bool = False
    began_us: int | None = None
    peer: str = ""
    is_told: bool = False  # that it writes beside another
    lock: threading.Lock = field(default_factory=threading.Lock)


class Body:
    """Consecutive records of a stream, as one request body of the native door."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._parts: list[bytes] = []
        self._next = track.next
        self._shapes = dict(track.shapes)

    def add(self, record: Record) -> None:
        self._put(record.kind, codec.encode(record))

    def values(self, kind: Kind, found: Values) -> None:
        """Add a row or a sample, and the names of its keys before the first of that kind."""
        number = self._shapes.get(found.paths)
        if number is None:
            number = self._shapes[found.paths] = len(self._shapes) + 1
            self.add(Shape(shape=number, paths=list(found.paths)))
        payload = codec.encode_row(
            number, found.step, found.time_us, found.runtime_us, found.values
        )
        self._put(kind, payload)

    def _put(self, kind: Kind, payload: bytes) -> None:
        self._parts.append(frame.pack(kind, self._next, payload))
        self._next += 1

    @property
    def is_empty(self) -> bool:
        return not self._parts

    @property
    def stream(self) -> str:
        return self._track.stream

    def packed(self, compress: Callable[[bytes], bytes] = codec.compress) -> bytes:
        """Return the body; an empty one is a sign of life."""
        return compress(b"".join(self._parts)) if self._parts else b""

    def committed(self) -> None:
        self._track.next, self._track.shapes = self._next, self._shapes


@dataclass(slots=True)
class _Lines:
    """How many lines there are behind a request."""

    history: int
    events: int
    output: int
    next_step: int
    runtime_us: int
    began_us: int | None


class Writers:
    """The current streams of the runs that the official client writes. Thread-safe."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Writer] = OrderedDict()  # by number of the run
        self._clients: OrderedDict[tuple[int, str], Writer] = OrderedDict()
        # Of runs that several processes write under one id: those beside the current one, by run.
        self._beside: OrderedDict[int, dict[int, Writer]] = OrderedDict()
        self._flowing: OrderedDict[tuple[str, str, str], int] = OrderedDict()  # number of the run
        # Of the event loop alone: to make one takes five times as long as a small body does.
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self.starts = starts.Starts()

    def of(self, run: Run) -> Writer | None:
        """Return where a run's current stream stands; None if no start of this door opened one."""
        with self._lock:
            kept = self._kept.get(run.number)
            if kept is not None:
                self._kept.move_to_end(run.number)
                return kept
        made = self._read(run)
        return None if made is None else self._keep(run, made)

    def make_current(self, run: Run, stream: str | None = None) -> None:
        """Have the lines of a run go into this stream from now on; None: the last one of its attempt."""
        made = self._read(run, stream)
        if made is None:
            return
        with self._lock:
            before = self._kept.pop(run.number, None)
            beside = self._beside.get(run.number, {})
            beside.pop(made.attempt, None)
            if before is not None and before.attempt != made.attempt:
                beside[before.attempt] = before
            self._set_beside(run, beside)
        self._keep(run, made)

    def _set_beside(self, run: Run, beside: dict[int, Writer]) -> None:
        self._beside.pop(run.number, None)
        if beside:
            self._beside[run.number] = beside
        while len(self._beside) > WRITERS_MAX:
            self._beside.popitem(last=False)

    def _keep(self, run: Run, made: Writer) -> Writer:
        with self._lock:
            kept = self._kept.setdefault(run.number, made)
            while len(self._kept) > WRITERS_MAX:
                self._kept.popitem(last=False)
            return kept

    def _read(self, run: Run, id: str | None = None) -> Writer | None:
        """Return where a stream stands; None: the one that was opened last."""
        folds = self._core.folds
        if id is None:
            opened = [one for one in folds.state(run.attempt).opened if one.startswith(PREFIX)]
            if not opened:
                return None
            id = opened[-1]
        stream = folds.stream(id)
        if stream is None:
            return None
        run = starts.view_of(self._core, run, stream.attempt.number)
        state = folds.state(run.attempt)
        history, events, output = self.counts(run)
        return Writer(
            _track(stream.id, stream),
            _track(beside := SAMPLES + stream.id.removeprefix(PREFIX), folds.stream(beside)),
            run.attempt,
            history,
            events,
            output,
            state.next_step,
            state.runtime_us,
            began_us=self._began(run, state.next_step - 1),
        )

    def _began(self, run: Run, step: int) -> int | None:
        """Return when the process began that logged the row of this step."""
        if step < 0:
            return None
        rows = self._core.queries.history(run, min_step=step, max_step=step, limit=10).rows
        times = (
            [translation.micros(rows[-1].get(key)) for key in ("_timestamp", "_runtime")]
            if rows
            else []
        )
        return times[0] - times[1] if times and times[0] and times[1] else None

    def counts(self, run: Run) -> tuple[int, int, int]:
        """Return how many lines of history, events and console a run has: where a client goes on."""
        state, series = self._core.folds.state(run.attempt), self._core.series
        skipped = sum(note.count for note in state.notices if note.code == LINE_SKIPPED)
        events = series.rows(run.project, [run.system]).get(run.system, 0)
        _, output = series.lines(run.project, run.history, limit=1)
        return state.rows + skipped, events, output

    def put(
        self,
        run: Run,
        who: Principal,
        files: Mapping[str, Any],
        ending: Sequence[Record],
        client: str = "",
        peer: str = "",
    ) -> Receipt:
        """Put the lines of one request into the run's stream; returns once they are committed.

        Args:
            files: `files` of the request.
            ending: what is said of the run's state, behind the lines.
            client: which of several that write the run together; each has lines of its own.
            peer: address of who sent it.

        Raises:
            Busy: try again.
            PublicError: the run does not take records: purged, not yours.
        """
        if not client:
            run = self._settled(run, who, files, ending)
        writer = self._client(run, who, client, files) if client else self.of(run)
        if writer is None:
            raise Busy("this run was not started here", code="start", retry_after=30)
        if not writer.is_one_of_many:
            writer = self._whose(run, who, writer, files, peer)
        with self._using(run, writer, files):
            known = self._known(run, writer, files)
            body, samples, lines = _bodies_of(writer, files, ending, known)
            if not samples.is_empty:
                self.send(samples, who)
            receipt = self.send(body, who)
            _reach(writer, lines)
            receipt = self._put_summary(writer, who, files, receipt)
        if not writer.is_one_of_many:
            self._flows((run.entity, run.project_name, run.id), run.number)
        return receipt

    async def put_in_flow(
        self,
        place: tuple[str, str, str],
        who: Principal,
        files: Mapping[str, Any],
        ending: Sequence[Record],
    ) -> Receipt | None:
        """Put the lines of a request that goes on just where the one before it ended, as nearly all do.

        In the event loop, without a look into a store: a quarter of what `put` costs, and while its records
        are committed no thread waits. Rights are looked at with the commit, as of every stream.

        Args:
            place: entity, project and id of the run.

        Returns:
            None, having done nothing, if there is anything to look up: then `put` is the way.

        Raises:
            Busy: try again.
            PublicError: as `put`.
        """
        writer = self._in_flow(place, who, files)
        if writer is None or not writer.lock.acquire(blocking=False):
            return None
        try:
            if writer.is_stale or not _goes_on(writer, files):
                return None
            writer.is_stale = True
            body, samples, lines = _bodies_of(writer, files, ending)
            receipt = await self._sent([body] if samples.is_empty else [samples, body], who)
            _reach(writer, lines)
            receipt = await self._put_summary_in_flow(writer, who, files) or receipt
            writer.is_stale = False
            return receipt
        except Gap as error:
            raise Busy("the run is being written", code="busy", retry_after=1) from error
        finally:
            writer.lock.release()

    async def _sent(self, bodies: Sequence[Body], who: Principal) -> Receipt:
        """Commit bodies together, and return the receipt of the last one. Raises as `send` does."""
        submit = self._core.ingest.submit
        waiting = [
            submit(one.stream, one.packed(self._compress), who, in_trash=True) for one in bodies
        ]
        receipts = [
            await asyncio.wait_for(asyncio.wrap_future(one), WAIT_S) for one in reversed(waiting)
        ]
        for one in bodies:
            one.committed()
        return receipts[0]

    def _in_flow(
        self, place: tuple[str, str, str], who: Principal, files: Mapping[str, Any]
    ) -> Writer | None:
        """Return the writer of a run that is in full flow, if these lines can go on with it."""
        offset, content = _content(files, HISTORY)
        if content and not offset:  # the first ones may be those of another attempt
            return None
        number = self._flowing.get(place, -1)
        writer = self._kept.get(number)
        if writer is None or writer.is_one_of_many or self.starts.is_open(number):
            return None
        if number in self._beside:
            return None
        live = self._core.folds.peek(writer.rows.stream)
        if live is None or not live.attempt.is_latest or live.attempt.number != writer.attempt:
            return None
        run = live.attempt.run
        if (run.entity, run.project_name, run.id) != place:
            return None
        return writer if can(who, "write", run.entity, run.project_name) else None

    def _flows(self, place: tuple[str, str, str], number: int) -> None:
        with self._lock:
            self._flowing[place] = number
            self._flowing.move_to_end(place)
            while len(self._flowing) > WRITERS_MAX:
                self._flowing.popitem(last=False)

    def settle(self, run: Run, who: Principal, same: Run | None, *, goes_on: bool = False) -> Run:
        """End an open start of a run: its lines are those that are there, go on behind them, or are those
        of another attempt.

        Args:
            same: the run at the attempt whose lines they are.
        """
        start = self.starts.take(run)
        if start is None:
            return run
        if same is None:
            return self._open(run, who, *start.build(start.input, goes_on))
        self.make_current(same)
        return same

    def _open(self, run: Run, who: Principal, stream: str, records: Sequence[Record]) -> Run:
        body = Body(Track(stream))
        for record in records:
            body.add(record)
        self.send(body, who, takes_over=True)
        _, fresh = self._core.runs.find(who, run.entity, run.project_name, run.id, "write")
        self.make_current(fresh, stream)
        return fresh

    def _settled(
        self, run: Run, who: Principal, files: Mapping[str, Any], ending: Sequence[Record]
    ) -> Run:
        """Return the run as it is once these lines have told what an open start means.

        Raises:
            Busy: they do not; what tells is on its way.
        """
        start = self.starts.get(run)
        if start is None:
            return self._forgotten(run, who, files)
        found = _first(files)
        if found is None and not ending and not start.is_overdue:
            raise Busy("it is not told yet who writes", code="start", retry_after=1)
        first = max(_content(files, name)[0] for name in (HISTORY, OUTPUT))
        current = self.of(run)
        if current is not None and first and _is_of(current, _first_row(files)):
            return run  # of the process that was there before, and goes on beside
        same = None if found is None else starts.attempt_of_line(self._core, run, *found)
        return self.settle(run, who, same, goes_on=first > start.first_line)

    def _forgotten(self, run: Run, who: Principal, files: Mapping[str, Any]) -> Run:
        """Return the run as it is for lines from 0 on: others than are there belong to another attempt,
        whose start was open when the server ended.
        """
        offset, content = _content(files, HISTORY)
        if offset or not content or not run.rows or self._is_stored(run, files) is not False:
            return run
        found = _first(files)
        same = None if found is None else starts.attempt_of_line(self._core, run, *found)
        if same is not None:
            current = self.of(run)
            if current is None or current.attempt != same.attempt:
                self.make_current(same)
            return same
        opening = Open(
            stream=PREFIX + ids.stream_id(),
            run=run.id,
            project=run.project_name,
            entity=run.entity,
            started_us=wall_us(),
            name=run.name,
            is_default_name=True,
            sdk="wandb",
        )
        return self._open(run, who, opening.stream, [opening])

    def _is_stored(self, run: Run, files: Mapping[str, Any]) -> bool | None:
        """Return whether the first line of a request is stored already; None if nothing is in its place."""
        first = _first(files)
        return None if first is None else starts.knows_line(self._core, run, *first)

    def _whose(
        self, run: Run, who: Principal, writer: Writer, files: Mapping[str, Any], peer: str
    ) -> Writer:
        """Return where the lines of a request belong, if several processes write the run under one id."""
        first = _first_row(files)
        with self._lock:
            beside = dict(self._beside.get(run.number, {}))
        if first is None:
            others = [one for one in beside.values() if peer and one.peer == peer != writer.peer]
            return others[0] if others else writer
        began = _began_of(first)
        offset = _content(files, HISTORY)[0]
        is_new = writer.began_us is None and offset <= writer.history
        if began is None or is_new or (not beside and _is_of(writer, first)):
            writer.peer = peer
            return writer
        for view in starts.views(self._core, run)[:OTHERS_MAX]:
            if (
                view.attempt != writer.attempt
                and view.attempt not in beside
                and view.state in ALIVE
            ):
                other = self._read(view)
                if other is not None:
                    beside[view.attempt] = other
        near = [one for one in (writer, *beside.values()) if _is_of(one, first)]
        found = min(near, key=lambda one: abs(began - (one.began_us or 0)), default=writer)
        found.peer = peer
        if found is not writer:
            with self._lock:
                known = self._beside.get(run.number, {})
                is_first = found.attempt not in known or not known[found.attempt].is_told
                found.is_told = True
                self._set_beside(run, {**known, found.attempt: found})
            if is_first:
                text = (
                    "several processes write under this id at once: rows of each start are kept "
                    "as an attempt of its own"
                )
                self.say(run, who, [Note(code=OTHER_WRITER, text=text, time_us=wall_us())])
        return found

    def _known(
        self, run: Run, writer: Writer, files: Mapping[str, Any]
    ) -> set[tuple[int, int]] | None:
        """Return step and time of stored rows that lines may be, come again; None if they all are new."""
        offset, content = _content(files, HISTORY)
        if not content or writer.is_one_of_many or _goes_on(writer, files):
            return None
        rows = [translation.row(line, writer.next_step) for line in content]
        steps = [row.step for row in rows if isinstance(row, Values)]
        if not steps or (offset >= writer.history and min(steps) >= writer.next_step):
            return None
        view = starts.view_of(self._core, run, writer.attempt)
        return starts.known_lines(self._core, view, min(steps), max(steps))

    def say(self, run: Run, who: Principal, records: Sequence[Record]) -> None:
        """Add records to what is said of a run: in its current stream, else in one that joins it.

        Raises:
            PublicError: the run does not take records.
        """
        writer = self.of(run) or self._join(run, who)
        with self._using(run, writer):
            body = Body(writer.rows)
            for record in records:
                body.add(record)
            self.send(body, who)

    def _client(self, run: Run, who: Principal, client: str, files: Mapping[str, Any]) -> Writer:
        """Return where one of several clients stands: in the stream that started the run, or beside it."""
        key = (run.number, client)
        with self._lock:
            kept = self._clients.get(key)
            if kept is not None and kept.attempt == run.attempt:
                self._clients.move_to_end(key)
                return kept
        place = (run.entity, run.project_name, run.id)
        started = self._core.folds.stream(stream_of_client(*place, client, PREFIX))
        if started is None or started.attempt.number != run.attempt:
            track = Track(stream_of_client(*place, f"{run.attempt}\0{client}", JOINED))
            if self._core.folds.stream(track.stream) is None:
                self._join(run, who, track)
        else:
            own = self.of(run)
            if own is not None and own.rows.stream == started.id:
                if not own.is_one_of_many:
                    own.is_one_of_many = own.is_stale = True
                return own
            track = Track(started.id)
        made = Writer(track, Track(SAMPLES + track.stream[-32:]), run.attempt, is_one_of_many=True)
        made.is_stale = True  # read with its first use
        with self._lock:
            kept = self._clients[key] = self._clients.setdefault(key, made)
            if kept.attempt != run.attempt:
                kept = self._clients[key] = made
            while len(self._clients) > WRITERS_MAX:
                self._clients.popitem(last=False)
        return kept

    @contextmanager
    def _using(
        self, run: Run, writer: Writer, files: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """Have a writer for oneself. If something fails, the next one looks how much is stored."""
        with writer.lock:
            is_told = files is not None or not (writer.is_stale and writer.is_one_of_many)
            if writer.is_stale and writer.is_one_of_many:
                self._renew_client(run, writer, files or {})
            elif writer.is_stale:
                self._renew(run, writer)
            writer.is_stale = True
            try:
                yield
            except Gap as error:  # somebody else wrote to the stream: the client sends again
                raise Busy("the run is being written", code="busy", retry_after=1) from error
            writer.is_stale = not is_told

    def _join(self, run: Run, who: Principal, track: Track | None = None) -> Writer:
        """Open a stream beside the run's own: whoever joins a run does not start it again."""
        track = track or Track(JOINED + ids.stream_id())
        body = Body(track)
        body.add(
            Open(
                stream=track.stream,
                run=run.id,
                project=run.project_name,
                entity=run.entity,
                started_us=wall_us(),
                is_default_name=True,
                primary=False,
            )
        )
        self.send(body, who)
        return Writer(track, Track(""), run.attempt)

    def send(self, body: Body, who: Principal, *, takes_over: bool = False) -> Receipt:
        """Commit a body. Raises PublicError, TimeoutError."""
        waiting = self._core.ingest.submit(
            body.stream, body.packed(), who, takes_over=takes_over, in_trash=True
        )
        receipt = waiting.result(WAIT_S)
        body.committed()
        return receipt

    def _renew(self, run: Run, writer: Writer) -> None:
        """Bring a writer to where its streams stand now."""
        fresh = self._read(run, writer.rows.stream)
        assert fresh is not None
        for name in ("rows", "samples", *_Lines.__slots__):
            setattr(writer, name, getattr(fresh, name))

    def _renew_client(self, run: Run, writer: Writer, files: Mapping[str, Any]) -> None:
        """Bring one of several clients to where it stands. Its lines alone are not counted anywhere: it
        goes on where it says, behind what it sends again.
        """
        folds = self._core.folds
        for name in ("rows", "samples"):
            id = getattr(writer, name).stream
            setattr(writer, name, _track(id, folds.stream(id)))
        is_again = self._is_stored(run, files) is True
        for name, file in (("history", HISTORY), ("events", EVENTS), ("output", OUTPUT)):
            offset, content = _content(files, file)
            setattr(writer, name, offset + len(content) * is_again)

    def _put_summary(
        self, writer: Writer, who: Principal, files: Mapping[str, Any], receipt: Receipt
    ) -> Receipt:
        """Make the summary the one that was sent. Behind the rows, since they change it too."""
        text = _summary_in(files)
        if text and text != writer.summary:
            record = self._summary(writer, text)
            if record is not None:
                body = Body(writer.rows)
                body.add(record)
                receipt = self.send(body, who)
            writer.summary = text
        return receipt

    async def _put_summary_in_flow(
        self, writer: Writer, who: Principal, files: Mapping[str, Any]
    ) -> Receipt | None:
        """The same in the event loop; None if there was nothing to do."""
        text, receipt = _summary_in(files), None
        if text and text != writer.summary:
            try:
                record = self._summary(writer, text, wait=False)
            except BlockingIOError:
                # Not one of the threads that requests run in: those may all be waiting for this writer.
                record = await asyncio.to_thread(self._summary, writer, text)
            if record is not None:
                body = Body(writer.rows)
                body.add(record)
                receipt = await self._sent([body], who)
            writer.summary = text
        return receipt

    def _summary(self, writer: Writer, text: str, *, wait: bool = True) -> Record | None:
        """Return what makes the summary the one that was sent, None if it is. Raises as `Folds.look`."""
        try:
            wanted = translation.summary(text)
        except (ValueError, RecursionError) as error:
            said = f"a summary was set aside: {error}"
            return Note(code=LINE_SKIPPED, text=said, count=0)
        changed, gone = self._core.folds.look(
            writer.attempt,
            lambda state: translation.summary_change(wanted, state.values),
            wait=wait,
        )
        if writer.is_one_of_many:  # the rest is the others'
            gone = []
        return Summary(set=changed, delete=gone) if changed or gone else None


def _summary_in(files: Mapping[str, Any]) -> str:
    content = _content(files, SUMMARY)[1]
    return content[-1] if content else ""


def _reach(writer: Writer, lines: _Lines) -> None:
    for name in _Lines.__slots__:
        setattr(writer, name, getattr(lines, name))


def _first_row(files: Mapping[str, Any]) -> Values | None:
    for index, line in enumerate(_content(files, HISTORY)[1][:LINES_LOOKED_AT]):
        if isinstance(found := translation.row(line, index), Values):
            return found
    return None


def _began_of(row: Values) -> int | None:
    """Return when the process began that logged a row."""
    return row.time_us - row.runtime_us if row.time_us and row.runtime_us else None


def _is_of(writer: Writer, row: Values | None) -> bool:
    """Return whether a row tells the same beginning of its process as the rows of a writer."""
    began = None if row is None else _began_of(row)
    if began is None or writer.began_us is None:
        return False
    return abs(began - writer.began_us) <= BEGAN_US


def _goes_on(writer: Writer, files: Mapping[str, Any]) -> bool:
    """Return whether the rows of a request are those behind the last one, of the same process."""
    offset, content = _content(files, HISTORY)
    if not content:
        return True
    first = translation.row(content[0], writer.next_step)
    if offset != writer.history or not isinstance(first, Values) or first.step < writer.next_step:
        return False
    return _began_of(first) is None or _is_of(writer, first)


def _first(files: Mapping[str, Any]) -> tuple[Values, str] | None:
    """Return the first row of a request, else its first sample, and where such are kept."""
    if (row := _first_row(files)) is not None:
        return row, "history"
    for line in _content(files, EVENTS)[1][:LINES_LOOKED_AT]:
        if isinstance(found := translation.sample(line), Values):
            return found, "system"
    return None


def _content(files: Mapping[str, Any], name: str) -> tuple[int, list[str]]:
    """Return the offset and the lines of a file of a request; nothing of what is not one."""
    file = files.get(name)
    if not isinstance(file, dict):
        return 0, []
    offset, content = file.get("offset"), file.get("content")
    lines = [line for line in content if isinstance(line, str)] if isinstance(content, list) else []
    return (offset if type(offset) is int and offset >= 0 else 0), lines


def _track(id: str, stream: LiveStream | None) -> Track:
    if stream is None:
        return Track(id)
    return Track(id, stream.next, {paths: number for number, paths in stream.shapes.items()})


def _bodies_of(
    writer: Writer,
    files: Mapping[str, Any],
    ending: Sequence[Record],
    known: set[tuple[int, int]] | None = None,
) -> tuple[Body, Body, _Lines]:
    """Return the new records of a request for both streams, and where the writer stands behind them.

    Args:
        known: step and time of the stored rows that lines may be, come again.
    """
    lines = _Lines(
        writer.history, writer.events, writer.output, writer.next_step, writer.runtime_us,
        writer.began_us,
    )  # fmt: skip
    body, samples = Body(writer.rows), Body(writer.samples)
    _add_history(body, lines, files, known)
    _add_output(body, lines, files)
    _add_events(samples, writer, lines, files)
    for record in ending:
        if isinstance(record, Finish):
            ran_us = translation.ran_us(_summary_in(files) or writer.summary)
            lines.runtime_us = max(lines.runtime_us, ran_us)
            record = msgspec.structs.replace(record, runtime_us=lines.runtime_us)
        body.add(record)
    return body, samples, lines


def _add_history(
    body: Body, lines: _Lines, files: Mapping[str, Any], known: set[tuple[int, int]] | None
) -> None:
    offset, content = _content(files, HISTORY)
    if content and offset > lines.history:  # lines that never came; they keep their places
        text = f"lines {lines.history:,} to {offset - 1:,} of the history never came"
        body.add(_skipped(text, offset - lines.history))
        lines.history = offset
    for number, line in enumerate(content, offset):
        is_behind = number >= lines.history
        if not is_behind and not known:
            continue
        found = translation.row(line, lines.next_step)
        is_known = isinstance(found, Skipped) or (found.step, found.time_us) in (known or ())
        if not is_behind and (is_known or isinstance(found, Skipped) or not found.time_us):
            continue
        if isinstance(found, Values) and is_known:  # sent from its folder once more
            lines.history += 1
            continue
        if isinstance(found, Skipped):
            text = f"a line of the history was set aside: {found.reason}: {found.text}"
            body.add(_skipped(text, 1))
        else:
            body.values(Kind.ROW, found)
            lines.next_step = max(lines.next_step, found.step + 1)
            lines.runtime_us = max(lines.runtime_us, found.runtime_us)
            lines.began_us = _began_of(found) or lines.began_us
        lines.history += is_behind


def _skipped(text: str, count: int) -> Note:
    return Note(code=LINE_SKIPPED, text=text, count=count, time_us=wall_us())


def _add_events(body: Body, writer: Writer, lines: _Lines, files: Mapping[str, Any]) -> None:
    offset, content = _content(files, EVENTS)
    if not content:
        return
    lines.events = max(lines.events, offset)
    found = [translation.sample(line) for line in content[max(0, lines.events - offset) :]]
    samples = [one for one in found if isinstance(one, Values)]
    if samples and writer.samples.next == 0:
        body.add(
            Open(
                stream=writer.samples.stream,
                role="uploader",
                writer=writer.rows.stream,
                run="",
                project="",
                started_us=wall_us(),
            )
        )
    for sample in samples:
        body.values(Kind.SYSTEM, sample)
    lines.events += len(samples)


def _add_output(body: Body, lines: _Lines, files: Mapping[str, Any]) -> None:
    offset, content = _content(files, OUTPUT)
    now = wall_us()
    for number, line in enumerate(content, offset):
        body.add(translation.console(line, number, now))
    if content:
        lines.output = max(lines.output, offset + len(content))


def ending_of(request: Mapping[str, Any], now_us: int) -> list[Record]:
    """Return what a request says of the run's state."""
    found: list[Record] = []
    if request.get("preempting") is True:
        found.append(State(state="preempting", time_us=now_us))
    if request.get("complete") is True:
        code = request.get("exitcode")
        code = code if type(code) is int and abs(code) < 2**31 else 0
        found.append(Finish(exit_code=code, time_us=now_us, runtime_us=0))
    return found
