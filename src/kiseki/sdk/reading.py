"""Reading run folders: `kiseki.open(path)`, without a server, whatever state the folder is in.

A run folder holds one journal per stream: of the writer, of processes it forked, and of the uploader.
All are read front to back in bounded memory; what is damaged is left out and named in `damage`.
"""

from __future__ import annotations

import heapq
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kiseki.errors import CorruptRecord, UsageValueError
from kiseki.journal.reader import JournalRead, read_journal
from kiseki.record import codec, fold, history, keypath
from kiseki.record.frame import HEADER_SIZE, Damage, Frame
from kiseki.record.types import (
    STEP_MAX,
    AnyRecord,
    Console,
    End,
    Finish,
    Kind,
    Open,
    Row,
    State,
    Summary,
    System,
)

__all__ = ["Missing", "StoredRun", "open_run"]

ROWS_BATCH = 256  # rows folded at once
SILENT_SECONDS = 300.0  # F-25: without a sign of life for so long, a run elsewhere has crashed
CLOCK_SECONDS = 5.0  # two readings of when a process started may differ by this

_ROWS = frozenset({int(Kind.ROW), int(Kind.ROW_PART)})
_step = attrgetter("step")


class Missing(NamedTuple):
    """A part of a journal that could not be read: bytes `start … end` of `file`, and why."""

    file: str
    start: int
    end: int
    reason: str


@dataclass
class _Journal:
    """One stream's file, and what reading it once has shown."""

    path: Path
    shapes: dict[int, tuple[str, ...]]
    opening: Open | None = None
    is_sorted: bool = True  # no row has a smaller step than the one before it

    @property
    def is_writer(self) -> bool:
        return self.opening is None or self.opening.role == "writer"

    def records(
        self,
        kinds: frozenset[int] | None = None,
        report: Callable[[Damage], None] | None = None,
    ) -> Iterator[AnyRecord]:
        """Yield the records of these kinds (None = all) that can be read; `report` the rest."""
        decoder = codec.Decoder(self.shapes)
        has_learned = False
        with read_journal(self.path) as frames:
            for frame in frames:
                if kinds is not None and frame.kind not in kinds:
                    continue
                try:
                    record = decoder.decode(frame)
                except CorruptRecord as error:
                    if not has_learned:  # the shape of this row may stand further behind
                        has_learned = True
                        self._learn(decoder)
                    record = _decoded(decoder, frame)
                    if record is None and report is not None:
                        start = frames.position - HEADER_SIZE - len(frame.payload)
                        report(Damage(start, frames.position, str(error)))
                if record is not None:
                    yield record
        self.shapes = decoder.shapes
        if report is not None:
            _report_damage(frames, report)

    def _learn(self, decoder: codec.Decoder) -> None:
        with read_journal(self.path) as frames:
            for frame in frames:
                if frame.kind == Kind.SHAPE:
                    _decoded(decoder, frame)  # a corrupt one is reported when its turn comes


def _decoded(decoder: codec.Decoder, frame: Frame) -> AnyRecord | None:
    try:
        return decoder.decode(frame)
    except CorruptRecord:
        return None


def _report_damage(frames: JournalRead, report: Callable[[Damage], None]) -> None:
    for damage in frames.damage:
        report(damage)
    if not frames.damage:
        for first, behind in frames.missing:
            report(Damage(0, 0, f"records {first} to {behind - 1} are missing"))


class StoredRun:
    """A run as its folder describes it.

    The attributes are as of opening, or of the last `refresh`; the methods read the folder anew, so that
    of a running run they show what is there now.

    Attributes:
        id, entity, project, name, notes, tags, group, job_type, sweep_id: as given to `init`, or changed
            later; "" (tags: []) where nothing was given. The entity of a run for the default entity is
            known when a server has said it.
        state: running, finished, failed, crashed, killed, preempting or preempted.
        exit_code: of the script; None while it is running or if unknown.
        config, summary: nested dicts.
        parent_run, parent_step: the moment that the run was rewound to or forked from (`resume_from`,
            `fork_from`); None otherwise. The folder holds what was logged behind it.
        metadata: what was captured of the machine: host, python, git, …
        metrics: name → {step_metric, step_sync, hidden, summary, goal}, for each `define_metric`.
        packages: name → version of the installed packages.
        damage: parts of the journals that could not be read, as (file, start, end, reason).
        path: the folder (or file).
    """

    id: str
    entity: str
    project: str
    name: str
    notes: str
    tags: list[str]
    group: str
    job_type: str
    sweep_id: str
    state: str
    exit_code: int | None
    config: dict[str, Any]
    summary: dict[str, Any]
    metadata: dict[str, Any]
    metrics: dict[str, dict[str, Any]]
    packages: dict[str, str]
    damage: list[Missing]
    parent_run: str | None
    parent_step: int | None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.refresh()

    def __repr__(self) -> str:
        return f"<kiseki run {self.entity}/{self.project}/{self.id} ({self.state}) in {self.path}>"

    def refresh(self) -> None:
        """Read the folder again and bring the attributes up to date."""
        self._journals = [_Journal(file, {}) for file in _journal_files(self.path)]
        self.damage = []
        self._fold()
        state = self._state
        for field in ("id", "entity", "project", "name", "notes", "group", "job_type", "sweep_id"):
            setattr(self, field, getattr(state, field))
        self.tags = list(state.tags)
        self.state, self.exit_code = state.state, state.exit_code
        self.config = dict(state.config)
        self.summary = state.summary
        self.metadata = dict(state.environment)
        self.packages = dict(state.packages)
        first = next((j.opening for j in self._journals if j.is_writer and j.opening), None)
        self.parent_run = first.parent_run if first is not None else None
        self.parent_step = first.parent_step if first is not None else None
        self.metrics = {
            name: {
                field: value
                for field, value in msgspec.structs.asdict(definition).items()
                if field != "name"
            }
            for name, definition in state.definitions.items()
        }

    # -- what the run logged -------------------------------------------------------------------------

    def history(self, keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Return one dict per step, in the order of steps; within a step the later value wins.

        Args:
            keys: key paths (`val.loss`); only rows that hold one of them, cut down to them. None = all.

        Each dict is nested as it was logged and has `_step`, `_timestamp` (Unix s), `_runtime` (s).
        """
        return history.merged(self._rows(keys))

    def scan_history(self, keys: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield one dict per `log()`, ordered by (step, arrival); nothing is merged."""
        return history.exact(self._rows(keys))

    def system_metrics(self) -> list[dict[str, Any]]:
        """Return the samples of machine metrics, one flat dict each, with `_step`, `_timestamp`, …"""
        samples = []
        for record in self._records(frozenset({int(Kind.SYSTEM)})):
            if isinstance(record, System):
                names = (".".join(keypath.split(path)) for path in record.paths)
                sample = dict(zip(names, record.values, strict=True))
                sample["_step"] = record.step
                sample["_timestamp"] = record.time_us / 1e6
                sample["_runtime"] = record.runtime_us / 1e6
                samples.append(sample)
        samples.sort(key=lambda sample: sample["_timestamp"])
        return samples

    def console(self) -> list[tuple[str, str]]:
        """Return the console as (stream, text) per line, in the order the lines began; final texts."""
        lines: dict[tuple[int, str, str, int], tuple[int, str, str]] = {}
        for number, journal in enumerate(self._journals):
            for record in journal.records(frozenset({int(Kind.CONSOLE)})):
                if isinstance(record, Console):
                    key = (number, record.label, record.stream, record.line)
                    began = lines[key][0] if key in lines else record.time_us
                    lines[key] = (began, record.stream, record.text)
        ordered = list(lines.values())
        if len({key[0] for key in lines}) > 1:
            ordered.sort(key=lambda line: line[0])
        return [(stream, text) for _, stream, text in ordered]

    def files(self) -> list[tuple[str, str]]:
        """Return (path below `files/`, policy) of the run's files, in the order they were added."""
        return [(path, file.policy) for path, file in self._state.files.items()]

    def artifacts(self) -> list[dict[str, Any]]:
        """Return the artifacts the run logged. No record of this version can name one: always []."""
        return []

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts as dicts with `title`, `text`, `level`, `time_us`, `step`."""
        return [msgspec.structs.asdict(alert) for alert in self._state.alerts]

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What the reader should know: rows dropped, values replaced; `code text count time_us`."""
        return [msgspec.structs.asdict(note) for note in self._state.notices]

    @property
    def cause(self) -> str:
        """Why the run ended, if it did not end by itself."""
        return self._state.cause

    @property
    def started_us(self) -> int:
        """Start of the run, Unix microseconds; 0 if unknown."""
        return self._state.started_us

    @property
    def runtime_us(self) -> int:
        """How long the run has logged, microseconds."""
        return self._state.runtime_us

    @property
    def rows(self) -> int:
        """Number of `log()` commits."""
        return self._state.rows

    # -- reading -------------------------------------------------------------------------------------

    def _fold(self) -> None:
        for journal in self._journals:
            journal.opening = _opening(journal)
        # The main writer first, then those that joined it; uploaders report on what is known then.
        self._journals.sort(key=_order)
        self._state = state = fold.RunState()
        last_writer = ""
        for journal in self._journals:
            if journal.is_writer:
                _fold_writer(state, journal, partial(self._report, journal))
                if journal.opening is not None and journal.opening.primary:
                    last_writer = journal.opening.stream
            else:
                _fold_uploader(state, journal, last_writer, partial(self._report, journal))
        state.entity = state.entity or _entity_of(self.path)
        if not state.id:  # no `Open` could be read; the file's name says it too
            state.id = self._journals[0].path.stem.removeprefix("run-")
        if state.state in ("running", "preempting") and not self._is_alive():
            state.state = "preempted" if state.state == "preempting" else "crashed"

    def _report(self, journal: _Journal, damage: Damage) -> None:
        self.damage.append(Missing(str(journal.path), damage.start, damage.end, damage.reason))

    def _records(self, kinds: frozenset[int]) -> Iterator[AnyRecord]:
        for journal in self._journals:
            yield from journal.records(kinds)

    def _rows(self, keys: Iterable[str] | None) -> Iterator[Row]:
        wanted = None if keys is None else frozenset([keys] if isinstance(keys, str) else keys)
        sources = [_rows_of(journal, wanted) for journal in self._journals if journal.is_writer]
        return heapq.merge(*sources, key=_step)

    def _is_alive(self) -> bool:
        state = self._state
        if state.host and state.host != socket.gethostname():
            touched = max(journal.path.stat().st_mtime for journal in self._journals)
            return time.time() - touched < SILENT_SECONDS
        return is_process(state.pid, state.process_started_us)


def open_run(path: str | os.PathLike[str]) -> StoredRun:
    """Read a run from its folder, or from one journal file (`.kslog`), without a server.

    The run may be running, and the files may be torn or damaged: what could not be read is in `damage`.

    Args:
        path: the run folder, a folder with `latest-run`, or a journal.

    Raises:
        FileNotFoundError: nothing is there.
        UsageValueError: no run is there.
        UnsupportedVersion: a newer Kiseki wrote it.
    """
    return StoredRun(path)


class Piece(NamedTuple):
    """A part of a history that is spread over several run folders.

    Attributes:
        folder: the run folder.
        limit: the last step of it that counts.
        before: what `limit` was before the last cut.
        is_whole: nothing is cut off.
    """

    folder: Path
    limit: int = STEP_MAX
    before: int = STEP_MAX
    is_whole: bool = True


def fold_pieces(pieces: Iterable[Piece]) -> tuple[fold.RunState, int]:
    """Return a run as the writers of several folders tell it, and the last step it had before the last cut.

    Args:
        pieces: oldest first. Where rows are cut off, so is what was said of the summary by hand, and how
            the run ended.
    """
    state, last_step = fold.RunState(), -1
    for piece in pieces:
        journals = [_Journal(file, {}) for file in _journal_files(piece.folder)]
        for journal in journals:
            journal.opening = _opening(journal)
        for journal in sorted(filter(attrgetter("is_writer"), journals), key=_order):
            cut = _Cut(piece)
            _fold_writer(state, journal, lambda damage: None, cut.is_kept)
            last_step = max(last_step, cut.last_step)
    return state, last_step


class _Cut:
    """Says which records of a piece lie before the cut; remembers the last step."""

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self.last_step = -1

    def is_kept(self, record: AnyRecord) -> bool:
        if not isinstance(record, Row):
            return self._piece.is_whole or not isinstance(record, (Summary, State, Finish))
        if record.step <= self._piece.before:
            self.last_step = max(self.last_step, record.step)
        return record.step <= self._piece.limit


def is_process(pid: int, started_us: int) -> bool:
    """Return whether the process `pid` of this machine that started at `started_us` (0 = unknown) lives."""
    if pid <= 0:
        return False
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not started_us or abs(process.create_time() - started_us / 1e6) < CLOCK_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _journal_files(path: Path) -> list[Path]:
    if path.is_file():
        with read_journal(path) as frames:
            if frames.header is None and next(iter(frames), None) is None:
                raise UsageValueError(f"{path} is no Kiseki journal")
        return [path]
    found = sorted(path.glob("*.kslog"))
    if not found and (path / "latest-run").is_dir():
        found = sorted((path / "latest-run").glob("*.kslog"))
    if found:
        return found
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    raise UsageValueError(
        f"{path} is no run folder: no journal (*.kslog) is in it. "
        "A run folder looks like kiseki/run-20260102_101500-3f9a0c1x"
    )


def _entity_of(folder: Path) -> str:
    """Return the entity a server put the run under, if its answer is known; "" if not."""
    try:
        return str(json.loads((folder / "uploader.json").read_text("utf-8"))["run"]["entity"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _opening(journal: _Journal) -> Open | None:
    """Return the first intact `Open` of a journal."""
    for record in journal.records(frozenset({int(Kind.OPEN)})):
        if isinstance(record, Open):
            return record
    return None


def _order(journal: _Journal) -> tuple[bool, bool, int, str]:
    opening = journal.opening
    is_primary = opening is not None and opening.primary
    started = opening.started_us if opening is not None else 0
    return (not journal.is_writer, not is_primary, started, journal.path.name)


def _fold_writer(
    state: fold.RunState,
    journal: _Journal,
    report: Callable[[Damage], None],
    is_kept: Callable[[AnyRecord], bool] | None = None,
) -> None:
    batch: list[Row] = []
    step = -1
    for record in journal.records(report=report):
        if is_kept is not None and not is_kept(record):
            continue
        if isinstance(record, Row):
            if batch and (record.paths != batch[0].paths or len(batch) == ROWS_BATCH):
                fold.apply_rows(state, batch[0].paths, batch)
                batch = []
            batch.append(record)
            if record.step < step:
                journal.is_sorted = False
            step = record.step
            continue
        if batch:
            fold.apply_rows(state, batch[0].paths, batch)
            batch = []
        fold.apply(state, record)
    if batch:
        fold.apply_rows(state, batch[0].paths, batch)


def _fold_uploader(
    state: fold.RunState, journal: _Journal, last_writer: str, report: Callable[[Damage], None]
) -> None:
    """Fold an uploader's stream. How a writer ended counts only for the last one that opened the run."""
    opening = journal.opening
    serves_last = opening is None or opening.writer in ("", last_writer)
    for record in journal.records(report=report):
        if not isinstance(record, End) or serves_last:
            fold.apply(state, record)


def _rows_of(journal: _Journal, wanted: frozenset[str] | None) -> Iterable[Row]:
    rows = _pick(journal.records(_ROWS), wanted)
    return rows if journal.is_sorted else sorted(rows, key=_step)


def _pick(records: Iterable[AnyRecord], wanted: frozenset[str] | None) -> Iterator[Row]:
    """Yield the rows that hold a wanted key, cut down to the wanted keys."""
    picks: dict[tuple[str, ...], list[int]] = {}
    for record in records:
        if not isinstance(record, Row):
            continue
        if wanted is None:
            yield record
            continue
        pick = picks.get(record.paths)
        if pick is None:
            pick = [i for i, path in enumerate(record.paths) if path in wanted]
            picks[record.paths] = pick
        if pick:
            paths = tuple(record.paths[i] for i in pick)
            yield record._replace(paths=paths, values=[record.values[i] for i in pick])
