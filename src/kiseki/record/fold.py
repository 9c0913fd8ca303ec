"""The fold: what a list of records means.

Pure and incremental: `apply` changes a `RunState` by one record, `apply_rows` by many rows of one shape.
Folding is independent of how records were batched, and applying `Open`, `Shape` or an environment
twice changes nothing. SDK, server and readers use this one; stores may materialise it and must agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import msgspec

from kiseki.record import keypath
from kiseki.record.types import (
    Alert,
    AnyRecord,
    Config,
    Describe,
    End,
    Environment,
    File,
    Finish,
    Metric,
    Note,
    Open,
    Row,
    State,
    Summary,
)

ALIVE = ("running", "preempting")
EDITED_TEXTS = ("name", "notes", "group", "job_type")
AGGREGATES = ("min", "max", "mean", "last", "first", "best")


class Definition(msgspec.Struct):
    """What `define_metric` calls for one name amount to (D-06)."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool = False
    summary: list[str] | None = None
    goal: str | None = None


class Tracked(msgspec.Struct):
    """What the rows seen so far say about one key path."""

    kind: str = "other"  # number if any value was one, else text if any was, else other
    count: int = 0
    first_us: int = 0
    last_step: int = -1
    rules: list[str] | None = None  # None = plain last value; [] = no summary entry
    goal: str | None = None
    total: float = 0.0
    finite: int = 0  # numbers that are not NaN
    low: Any = None
    high: Any = None


class Edit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person changed of a run by hand. None and empty: not that."""

    name: str | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] | None = None  # all of them, before the others
    tags_add: list[str] = []
    tags_remove: list[str] = []

    def apply_to(self, tags: list[str]) -> list[str]:
        """Return tags after the change, each once."""
        found = dict.fromkeys(tags if self.tags is None else self.tags)
        found |= dict.fromkeys(self.tags_add)
        return [tag for tag in found if tag not in self.tags_remove]

    @property
    def is_of_tags(self) -> bool:
        return self.tags is not None or bool(self.tags_add or self.tags_remove)


class StoredFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a run's file; `sha256` is empty while it is only named."""

    policy: str = "end"
    size: int = 0
    sha256: str = ""
    time_us: int = 0


class Writer(msgspec.Struct):
    """One process that writes the run (T-10), and how it ended."""

    label: str = ""
    host: str = ""
    pid: int = 0
    primary: bool = True
    shared: bool = False
    opened_us: int = 0
    state: str = "running"
    cause: str = ""
    exit_code: int | None = None
    finished_us: int = 0
    is_past: bool = False  # of a session of a shared run that was over when the next began


class RunState(msgspec.Struct):
    """A run as its records so far describe it. Plain values; can be stored with msgspec."""

    entity: str = ""
    project: str = ""
    id: str = ""
    name: str = ""
    notes: str = ""
    tags: list[str] = []
    group: str = ""
    job_type: str = ""
    sweep_id: str = ""
    host: str = ""
    pid: int = 0
    process_started_us: int = 0
    program: str = ""
    started_us: int = 0
    state: str = "running"
    cause: str = ""
    exit_code: int | None = None
    finished_us: int = 0
    rows: int = 0
    next_step: int = 0
    last_us: int = 0
    runtime_us: int = 0
    config: dict[str, Any] = {}
    values: dict[str, Any] = {}  # summary, by key path
    tracked: dict[str, Tracked] = {}
    definitions: dict[str, Definition] = {}
    environment: dict[str, Any] = {}
    packages: dict[str, str] = {}
    alerts: list[Alert] = []
    files: dict[str, StoredFile] = {}  # by path
    notices: list[Note] = []
    opened: list[str] = []  # streams of writers whose Open was applied
    writers: dict[str, Writer] = {}  # by stream; may lack those an older Kiseki saw
    uploaders: dict[str, str] = {}  # stream of an uploader -> of the writer it serves
    edited: dict[str, Any] = {}  # what people changed by hand → what the script had said of it
    levels: set[str] = set()  # proper prefixes of the paths in `values`

    @property
    def summary(self) -> dict[str, Any]:
        """The summary as a nested dict, with `_step`, `_runtime` and `_timestamp` (S-08)."""
        tree = keypath.unflatten(self.values.items())
        if self.rows:
            tree["_step"] = self.next_step - 1
            tree["_runtime"] = self.runtime_us / 1e6
            tree["_timestamp"] = self.last_us / 1e6
        return tree

    @property
    def leader(self) -> Writer | None:
        """The writer whose end is the run's: the primary one that opened it last."""
        known = [self.writers[stream] for stream in self.opened if stream in self.writers]
        primary = [writer for writer in known if writer.primary]
        return primary[-1] if primary else known[0] if known else None

    @property
    def is_shared(self) -> bool:
        """Whether several writers make the run together (T-10)."""
        return self.leader is not None and self.leader.shared


def apply(state: RunState, record: AnyRecord, stream: str = "") -> None:
    """Change `state` by one record. Kinds that say nothing about the state are skipped.

    Args:
        state: what the records before it amount to.
        record: the next one of its stream.
        stream: whose record it is; decides whether `Finish`, `End` and `State` count. "" = they do.
    """
    if isinstance(record, Row):
        apply_rows(state, record.paths, [record])
    elif isinstance(record, Config):
        state.config.update(record.set)
        for key in record.delete:
            state.config.pop(key, None)
    elif isinstance(record, Summary):
        _apply_summary(state, record)
    elif isinstance(record, Metric):
        define(state.definitions, record)
    elif isinstance(record, Open):
        _apply_open(state, record)
    elif isinstance(record, Describe):
        _apply_describe(state, record)
    elif isinstance(record, Environment):
        state.environment.update(record.values)
        state.packages.update(record.packages)
    elif isinstance(record, Alert):
        state.alerts.append(record)
    elif isinstance(record, File):
        _apply_file(state.files, record)
    elif isinstance(record, Note):
        state.notices.append(record)
    elif isinstance(record, (State, Finish, End)):
        _apply_ending(state, record, stream)


def _apply_file(files: dict[str, StoredFile], record: File) -> None:
    """Name a file, or tell its content. Naming it again forgets no content: streams come in any order."""
    if record.deleted:
        files.pop(record.path, None)
        return
    known = files.get(record.path)
    if known is not None and not record.sha256:
        files[record.path] = msgspec.structs.replace(known, policy=record.policy)
        return
    files[record.path] = StoredFile(record.policy, record.size, record.sha256, record.time_us)


def _apply_open(state: RunState, record: Open) -> None:
    if record.role == "uploader":
        state.uploaders[record.stream] = record.writer
        return
    if record.stream in state.opened:
        return
    first, leader = not state.opened, state.leader
    begins_again = record.primary or (leader is not None and not leader.primary)
    if record.shared and state.state not in ALIVE and begins_again:
        for writer in state.writers.values():
            writer.is_past = writer.state not in ALIVE
    state.opened.append(record.stream)
    state.writers[record.stream] = Writer(
        record.label, record.host, record.pid, record.primary, record.shared, record.started_us
    )
    if not first and not record.primary:
        # A further writer (a forked child, another node) joins the run; it does not restart it.
        _settle(state)
        return
    state.state, state.cause, state.exit_code, state.finished_us = "running", "", None, 0
    state.project, state.id = record.project, record.run
    state.entity = record.entity or state.entity
    state.host, state.pid, state.program = record.host, record.pid, record.program
    state.process_started_us = record.process_started_us
    if first:
        state.started_us = record.started_us
    if record.sweep_id:
        state.sweep_id = record.sweep_id
    _apply_describe(
        state,
        Describe(
            name=None if record.is_default_name and state.name else record.name or None,
            notes=record.notes,
            tags=record.tags,
            group=record.group,
            job_type=record.job_type,
        ),
    )


def edit(state: RunState, change: Edit) -> None:
    """Apply what a person changed: it holds until the script says something that it had not said before."""
    for field in EDITED_TEXTS:
        value = getattr(change, field)
        if value is not None:
            state.edited.setdefault(field, getattr(state, field))
            setattr(state, field, value)
    if change.is_of_tags:
        state.edited.setdefault("tags", state.tags)
        state.tags = change.apply_to(state.tags)


def _apply_describe(state: RunState, record: Describe) -> None:
    for field in (*EDITED_TEXTS, "tags"):
        value = getattr(record, field)
        if value is None:
            continue
        if field not in state.edited:
            setattr(state, field, value)
        elif field == "tags":
            # What the script adds and takes away, by what it knew; the rest stays as people have it.
            before, state.edited["tags"] = state.edited["tags"], value
            added = [tag for tag in value if tag not in before]
            gone = [tag for tag in before if tag not in value]
            state.tags = Edit(tags_add=added, tags_remove=gone).apply_to(state.tags)
        elif value != state.edited[field]:  # a resumed script repeats what `init` was given
            del state.edited[field]
            setattr(state, field, value)


def _apply_ending(state: RunState, record: State | Finish | End, stream: str) -> None:
    """Apply what a writer, or its uploader, says of the end, as far as it is the run's.

    What an earlier session says late never ends a run that was resumed meanwhile (I-69).
    """
    writer, leader = state.writers.get(state.uploaders.get(stream, stream)), state.leader
    if isinstance(record, Finish):
        state.runtime_us = max(state.runtime_us, record.runtime_us)
    if writer is not None:
        _end(writer, record)
    if writer is None or (writer is leader and not leader.shared):
        _end(state, record)
    elif writer.shared:
        _settle(state)


def _end(who: RunState | Writer, record: State | Finish | End) -> None:
    if isinstance(record, Finish):
        who.state = "finished" if record.exit_code == 0 else "failed"
        who.cause, who.exit_code, who.finished_us = "", record.exit_code, record.time_us
    elif isinstance(record, End):
        if who.state not in ("finished", "failed"):
            who.state = "preempted" if who.state == "preempting" else record.state
            who.cause, who.exit_code = record.cause, record.exit_code
            who.finished_us = record.time_us
    elif who.state in ALIVE:
        who.state = record.state


def _settle(state: RunState) -> None:
    """Let a shared run end when all its primary writers have: as the first that did not do well (T-10)."""
    if not state.is_shared:
        return
    shared = [writer for writer in state.writers.values() if writer.shared and not writer.is_past]
    counted = [writer for writer in shared if writer.primary] or shared
    if not counted:
        return
    alive = [writer.state for writer in counted if writer.state in ALIVE]
    if alive:
        state.state = "preempting" if "preempting" in alive else "running"
        state.cause, state.exit_code, state.finished_us = "", None, 0
        return
    told = next((writer for writer in counted if writer.state != "finished"), counted[-1])
    state.state, state.cause, state.exit_code = told.state, told.cause, told.exit_code
    state.finished_us = max(writer.finished_us for writer in counted)


def lose_writers(state: RunState, cause: str) -> None:
    """Count the writers of a shared run that fell silent as crashed, so that none waits for them."""
    for writer in state.writers.values():
        if writer.state in ALIVE:
            writer.state, writer.cause = "crashed", cause
    _settle(state)


def _apply_summary(state: RunState, record: Summary) -> None:
    _forget(state, {*record.delete, *record.set})
    for path, value in record.set.items():
        _put(state, path, value)


def _put(state: RunState, path: str, value: Any) -> None:
    """Set a summary path; what lies below it, or a plain value above it, is replaced by it."""
    values = state.values
    if path not in values:
        if path in state.levels:
            _forget(state, {path})
        for prefix in keypath.prefixes(path):
            values.pop(prefix, None)
            state.levels.add(prefix)
    values[path] = value


def _forget(state: RunState, paths: set[str]) -> None:
    """Remove summary paths and all below them, in one pass however many they are."""
    values = state.values
    levels = state.levels & paths
    for path in paths:
        values.pop(path, None)
    if levels:
        below = [key for key in values if any(prefix in levels for prefix in keypath.prefixes(key))]
        for key in below:
            del values[key]
        state.levels -= levels


def define(definitions: dict[str, Definition], record: Metric) -> None:
    """Merge one `define_metric` call into `definitions` (D-06)."""
    known = definitions.get(record.name)
    if known is None or record.overwrite:
        known = definitions[record.name] = Definition(record.name)
    for field in ("step_metric", "step_sync", "hidden", "summary", "goal"):
        value = getattr(record, field)
        if value is not None:
            setattr(known, field, value)


def definition_of(definitions: dict[str, Definition], path: str) -> Definition | None:
    """Return the definition for a key path: the exact name, else the longest matching prefix (D-03)."""
    exact = definitions.get(path)
    if exact is not None:
        return exact
    best: Definition | None = None
    for name, definition in definitions.items():
        if (
            name.endswith("*")
            and path.startswith(name[:-1])
            and len(name) > len(best.name if best else "")
        ):
            best = definition
    return best


def _track(state: RunState, path: str, time_us: int, count: int) -> Tracked:
    """Return what is known of a path, which `count` more rows hold, the first of them at a time."""
    tracked = state.tracked.get(path)
    if tracked is None:
        definition = definition_of(state.definitions, path)
        tracked = state.tracked[path] = Tracked()
        if definition is not None and definition.summary and definition.summary != ["copy"]:
            tracked.rules = [rule for rule in definition.summary if rule in AGGREGATES]
            tracked.goal = definition.goal
    if not tracked.count:
        tracked.first_us = time_us
    tracked.count += count
    return tracked


def apply_rows(state: RunState, paths: Sequence[str], rows: Sequence[Row]) -> None:
    """Change `state` by consecutive rows of one shape, in the order of their arrival (at least one).

    A row whose step is smaller than one already seen for a key does not move its last value back (L-04).
    """
    latest, top = rows[0], rows[0].step
    last_us, runtime_us, parts = state.last_us, state.runtime_us, 0
    for row in rows:
        if row.step >= top:
            latest, top = row, row.step
        last_us = max(last_us, row.time_us)
        runtime_us = max(runtime_us, row.runtime_us)
        parts += row.is_part
    apply_heads(state, len(rows) - parts, top, last_us, runtime_us)
    for index, path in enumerate(paths):
        tracked = _track(state, path, rows[0].time_us, len(rows))
        if tracked.kind != "number":
            tracked.kind = _widest({tracked.kind, *(kind_of(row.values[index]) for row in rows)})
        if tracked.rules:
            points = [(row.step, row.values[index]) for row in rows]
            _aggregate(state, path, tracked.rules, tracked, points)
        elif tracked.rules is None and top >= tracked.last_step:
            _put(state, path, latest.values[index])
        tracked.last_step = max(tracked.last_step, top)


class ColumnRows(NamedTuple):
    """Rows of one key in the order of their arrival, as `apply_column` takes them: those that matter.

    Attributes:
        rows: how many there are.
        first_us: time of the first one.
        kinds: the kinds of their values.
        top: the largest step.
        latest: the last value at that step.
        points: returns (step, value) of all; called only where a summary rule needs them.
    """

    rows: int
    first_us: int
    kinds: Collection[str]
    top: int
    latest: Any
    points: Callable[[], list[tuple[int, Any]]]


def apply_column(state: RunState, path: str, column: ColumnRows) -> None:
    """Change what `state` knows of one key as `apply_rows` would: for who replays a history by columns.

    The rows themselves are counted by `apply_heads`.
    """
    tracked = _track(state, path, column.first_us, column.rows)
    tracked.kind = _widest({tracked.kind, *column.kinds})
    if tracked.rules:
        _aggregate(state, path, tracked.rules, tracked, column.points())
    elif tracked.rules is None and column.top >= tracked.last_step:
        _put(state, path, column.latest)
    tracked.last_step = max(tracked.last_step, column.top)


def apply_heads(state: RunState, rows: int, top: int, last_us: int, runtime_us: int) -> None:
    """Count `log()` commits, the largest step, time and runtime among them."""
    state.rows += rows
    state.next_step = max(state.next_step, top + 1)
    state.last_us = max(state.last_us, last_us)
    state.runtime_us = max(state.runtime_us, runtime_us)


def _aggregate(
    state: RunState, path: str, rules: list[str], tracked: Tracked, points: list[tuple[int, Any]]
) -> None:
    if "first" in rules and tracked.last_step < 0:
        _put(state, path + ".first", points[0][1])
    last_step, last, moved = tracked.last_step, None, False
    numbers = False
    for step, value in points:
        if step >= last_step:
            last_step, last, moved = step, value, True
        if not is_number(value) or value != value:
            continue
        numbers = True
        tracked.total += _as_float(value)
        tracked.finite += 1
        if tracked.low is None or value < tracked.low:
            tracked.low = value
        if tracked.high is None or value > tracked.high:
            tracked.high = value
    if moved and "last" in rules:
        _put(state, path + ".last", last)
    if not numbers:
        return
    found = {"min": tracked.low, "max": tracked.high, "mean": tracked.total / tracked.finite}
    found["best"] = tracked.high if tracked.goal == "maximize" else tracked.low
    for rule in rules:
        if rule in found:
            _put(state, f"{path}.{rule}", found[rule])


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond the range of floats
        return math.inf if value > 0 else -math.inf


def _widest(kinds: Collection[str]) -> str:
    return next(name for name in ("number", "text", "other") if name in kinds)


def is_number(value: object) -> bool:
    """Return whether a logged value is drawn as a number (bools are drawn as 0 and 1)."""
    return isinstance(value, (int, float))


def kind_of(value: object) -> str:
    """Return `number`, `text` or `other` for a logged value."""
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "other"
