"""An attempt in memory: its fold, its streams, and what of it the meta store does not hold yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kiseki.base.clock import iso, wall_us
from kiseki.core import aggregates, saved
from kiseki.core.aggregates import Sums
from kiseki.core.changes import Change, Part
from kiseki.core.decode import SHORTENED, RowGroup, RowTable
from kiseki.record import fold
from kiseki.record.fold import ALIVE, RunState
from kiseki.record.table import Ints, latest, plain
from kiseki.record.types import (
    Alert,
    AnyRecord,
    Config,
    Describe,
    End,
    Environment,
    File,
    Finish,
    Kind,
    Note,
    Open,
    State,
    Summary,
    System,
)
from kiseki.storage.interface import Attempt, Fold, Metric, Run, Scalar, Space, Stream

NOTICES_MAX = 1_000  # kept of one attempt
ALERTS_MAX = 10_000
FILES_MAX = 100_000
FILES_FULL = Note(code="files", text=f"more than {FILES_MAX:,} files: the others are not listed")


class LiveStream:
    """A stream of an attempt in memory. `next` is committed, `applied` is saved."""

    __slots__ = ("applied", "attempt", "id", "is_open", "next", "role", "segment", "shapes")

    def __init__(self, stream: Stream, attempt: LiveAttempt) -> None:
        self.id = stream.id
        self.role = stream.role
        self.segment = stream.segment
        self.applied = stream.applied
        self.next = stream.applied
        self.is_open = stream.is_open
        self.shapes: dict[int, tuple[str, ...]] = {}
        self.attempt = attempt


class LiveAttempt:
    """An attempt in memory: its fold, its streams, and what of it is not saved yet."""

    __slots__ = (
        "alerts",
        "cells",
        "has_edits",
        "hashes",
        "heartbeat_us",
        "is_deleted",
        "is_latest",
        "is_new",
        "is_silent",
        "last_used_us",
        "made",
        "metrics",
        "number",
        "opening",
        "ordinal",
        "run",
        "state",
        "stop_us",
        "streams",
        "sums",
        "system",
        "touched",
        "unannounced",
    )  # fmt: skip

    def __init__(self, made: Attempt, run: Run, state: RunState) -> None:
        number, ordinal = made.number, made.ordinal
        self.number = number
        self.ordinal = ordinal
        self.made = made  # how it came about; state and rows are those of when it was loaded
        self.opening: Open | None = None  # the last one of a primary writer, folded or not yet
        self.run = run
        self.state = state
        self.streams: dict[str, LiveStream] = {}
        self.system: dict[str, int] = {}  # machine metric → first seen
        self.heartbeat_us = run.heartbeat_us or 0
        self.is_latest = run.attempt == number
        self.is_silent = False
        self.is_deleted = run.deleted_us is not None
        self.is_new = ordinal == 1 and not state.opened  # never saved, nor announced
        self.stop_us = run.stop_us
        self.last_used_us = wall_us()
        self.touched: set[str] = set()  # parts of the fold that changed since the last save
        self.unannounced: set[Part] = set()
        self.hashes: dict[str, int] = {}  # of the parts, as saved
        self.has_edits = False  # the meta store has some that it should forget with the next fold
        self.alerts = len(state.alerts)  # as saved
        self.cells: dict[str, Scalar] = {}  # as saved
        self.metrics: dict[tuple[Space, str], Metric] = {}  # as saved
        self.sums: Sums | None = Sums()  # None: an older Kiseki folded rows without (`backfill.py`)

    @property
    def status(self) -> str:
        """The state as people see it: `crashed` for a run that fell silent."""
        state = self.state.state
        return "crashed" if self.is_silent and state in ALIVE else state

    @property
    def cause(self) -> str:
        if self.is_silent and self.state.state in ALIVE:
            return f"no sign of life since {iso(self.heartbeat_us)}"
        return self.state.cause

    def all_cells(self) -> dict[str, Scalar]:
        """Return the cells of config, summary and metrics."""
        cells = saved.cells(self.state)
        return cells if self.sums is None else cells | self.sums.cells()

    def columns(self) -> dict[str, Any]:
        """Return the fold as columns of `Run`."""
        state = self.state
        return {
            **saved.columns(state),
            "state": self.status,
            "cause": self.cause,
            "exit_code": state.exit_code,
            "host": state.host,
            "pid": state.pid,
            "program": state.program,
            "started_us": state.started_us,
            "finished_us": state.finished_us or None,
            "heartbeat_us": self.heartbeat_us or None,
        }

    def change(self, parts: Iterable[Part], **flags: bool) -> Change:
        run, state = self.run, self.state
        return Change(
            run.project, run.entity, run.project_name, run.id, state.next_step, state.rows, self.status,
            frozenset(parts), **flags,
        )  # fmt: skip


def apply_table(state: RunState, item: RowTable) -> None:
    """Change `state` as `fold.apply_rows` would by the rows of a table."""
    table = item.table
    steps, at, first_us = table.steps, latest(table), int(table.times[0])
    rows = 0 if table.kind == Kind.ROW_PART else len(steps)
    top = int(steps[at])
    fold.apply_heads(state, rows, top, int(table.times.max()), int(table.runtimes.max()))
    for path, (of, words) in zip(item.paths, table.columns, strict=True):
        last = None if words is None else words[at : at + 1]

        def points(of: type = of, words: Ints | None = words) -> list[tuple[int, Any]]:
            return list(zip(steps.tolist(), plain(of, words, len(steps)), strict=True))

        kinds = ["other" if words is None else "number"]
        fold.apply_column(
            state,
            path,
            fold.ColumnRows(len(steps), first_us, kinds, top, plain(of, last, 1)[0], points),
        )


def fold_item(
    attempt: LiveAttempt, item: RowGroup | RowTable | AnyRecord, stream: str = ""
) -> set[Part]:
    """Fold one item of a stream and remember what has to be saved and announced for it."""
    state = attempt.state
    if isinstance(item, (RowGroup, RowTable)):
        if isinstance(item, RowGroup):
            fold.apply_rows(state, item.paths, item.rows)
            if attempt.sums is not None:
                attempt.sums.add_rows(item.paths, item.rows)
        else:
            apply_table(state, item)
            if attempt.sums is not None:
                attempt.sums.add_table(item.paths, item.table)
        attempt.touched.update(("rows",))
        attempt.unannounced.add("summary")
        return {"history"}
    if isinstance(item, System):
        known = len(attempt.system)
        for path in item.paths:
            attempt.system.setdefault(path, item.time_us)
        if len(attempt.system) > known:  # lists of metrics show the new ones once they are saved
            attempt.touched.add("fold")
            attempt.unannounced.add("summary")
        return {"system"}
    if isinstance(item, Note) and (
        len(state.notices) >= NOTICES_MAX or (item.code == SHORTENED and item in state.notices)
    ):  # an `Open` that was cut comes again and again
        return set()
    if isinstance(item, Alert) and len(state.alerts) >= ALERTS_MAX:
        return set()
    if isinstance(item, File):
        return _fold_file(attempt, item)
    fold.apply(state, item, stream)
    attempt.touched.add("fold")
    if isinstance(item, Config):
        attempt.touched.add("config")
        attempt.unannounced.add("config")
    elif isinstance(item, Summary):
        attempt.unannounced.add("summary")
    elif isinstance(item, Environment):
        attempt.touched.add("environment")
        attempt.unannounced.add("config")
    elif isinstance(item, (Open, State, Finish, End, Describe)):
        attempt.unannounced.add("state")
        # A record may leave the entity to the server, which resolved it when the stream was opened.
        state.entity, state.project = attempt.run.entity, attempt.run.project_name
    return set()


def _fold_file(attempt: LiveAttempt, item: File) -> set[Part]:
    state = attempt.state
    is_new = item.path not in state.files and not item.deleted
    if is_new and len(state.files) >= FILES_MAX:
        if not any(note.code == FILES_FULL.code for note in state.notices):
            fold.apply(state, FILES_FULL)
            attempt.touched.add("fold")
        return set()
    fold.apply(state, item)
    attempt.touched.add("files")
    return {"files"}


class Pending:
    """A snapshot of one attempt on its way to the meta store."""

    def __init__(self, live: LiveAttempt, close: bool) -> None:
        self.live = live
        self.touched, live.touched = live.touched, set()
        self.unannounced, live.unannounced = live.unannounced, set()
        self.change = live.change(self.unannounced, is_new=live.is_new)
        self.closed = [s for s in live.streams.values() if s.is_open] if close else []
        for stream in self.closed:
            stream.is_open = False
        is_folded = bool(self.touched - {"heartbeat", "cursors"})
        cursors = {s.id: s.next for s in live.streams.values() if s.next != s.applied}
        self.cells = live.all_cells() if is_folded else live.cells
        # What an older Kiseki saved in another part is written anew with the first change.
        is_first = not live.hashes and bool(live.state.files)
        changed = self.touched | {"files"} if is_first else self.touched
        parts = saved.parts(live.state, changed) if is_folded else {}
        if parts and live.has_edits:
            parts["edits"] = saved.NO_EDITS
        if live.sums is not None and "rows" in self.touched:
            parts[aggregates.PART] = live.sums.encoded()
        self.hashes = {name: hash(data) for name, data in parts.items()}
        metrics = saved.metrics(live.state, live.system) if is_folded else {}
        self.metrics = {
            key: metric for key, metric in metrics.items() if live.metrics.get(key) != metric
        }
        self.fold = Fold(
            live.number,
            cursors=cursors,
            closed=[stream.id for stream in self.closed],
            columns=live.columns(),
            parts={
                name: data for name, data in parts.items() if live.hashes.get(name) != hash(data)
            },
            cells=saved.difference(live.cells, self.cells) if live.is_latest else {},
            metrics=list(self.metrics.values()),
            alerts=live.state.alerts[live.alerts :],
            is_visible=bool(is_folded or self.unannounced),
        )

    def done(self) -> None:
        """Remember what the meta store holds now."""
        live = self.live
        if self.change.parts:  # a heartbeat may be saved before there is anything to tell of
            live.is_new = False
        live.cells = self.cells
        live.hashes.update(self.hashes)
        live.has_edits &= "edits" not in self.hashes
        live.alerts += len(self.fold.alerts)
        live.metrics.update(self.metrics)
        for id, applied in self.fold.cursors.items():
            live.streams[id].applied = applied

    def undo(self) -> None:
        """Count everything as not saved again."""
        self.live.touched |= self.touched
        self.live.unannounced |= self.unannounced
        for stream in self.closed:
            stream.is_open = True
