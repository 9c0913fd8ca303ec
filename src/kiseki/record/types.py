"""Record kinds and their payloads.

A run is the list of its records; `fold.py` says what they mean. Every payload but `Row` and `System` is
a msgpack map with the field names below, so fields may be added; a kind number is never reused.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec

STEP_MAX = 2**63 - 2  # of a row: the next step must be a 64-bit integer too
Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # what every store can keep


class Kind(IntEnum):
    """Number of each record kind in the frame header. 0 and 255 are never used."""

    OPEN = 1
    SHAPE = 2
    ROW = 3
    ROW_PART = 4
    SYSTEM = 5
    CONFIG = 6
    SUMMARY = 7
    METRIC = 8
    CONSOLE = 9
    DESCRIBE = 10
    ENVIRONMENT = 11
    ALERT = 12
    FILE = 13
    STATE = 14
    FINISH = 15
    END = 16
    NOTE = 17
    LOST = 18


Role = Literal["writer", "uploader"]


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of the map-shaped payloads."""

    kind: ClassVar[Kind]


class Open(Record, frozen=True, omit_defaults=True, kw_only=True):
    """First record of every stream: whose stream this is and which run it belongs to.

    Written twice at the start and again now and then: everything behind it depends on it, and
    applying it again changes nothing.
    """

    kind: ClassVar[Kind] = Kind.OPEN

    stream: str
    run: str
    project: str
    started_us: Int
    role: Role = "writer"
    writer: str = ""  # role "uploader": the stream of the writer it serves
    entity: str = ""  # "" = the user's default entity
    name: str = ""
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    sweep_id: str | None = None
    resume: str | None = None  # allow, never, must, auto; None = a new attempt
    parent_run: str | None = None  # rewind (parent_run == run) and fork
    parent_step: Int | None = None
    host: str = ""
    pid: Int = 0
    process_started_us: Int = 0
    program: str = ""
    sdk: str = ""
    label: str = ""
    primary: bool = True
    is_default_name: bool = False  # nobody chose `name`: it never replaces a known one
    shared: bool = False  # one of several writers of the run (T-10): joins, never takes over


class Shape(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Names the key paths of the rows that carry this shape number (per stream, never reused).

    Written twice and again now and then, like `Open`: rows cannot be read without it.
    """

    kind: ClassVar[Kind] = Kind.SHAPE

    shape: Int
    paths: list[str]


class Row(NamedTuple):
    """One `log()` commit (ROW), or more keys of the row before it in this stream (ROW_PART).

    Payload: the msgpack array `[shape, step, time_us, runtime_us, value, value, …]`.
    """

    paths: tuple[str, ...]
    step: int
    time_us: int
    runtime_us: int
    values: list[Any]
    is_part: bool = False


class System(NamedTuple):
    """One sample of machine metrics. Payload as `Row`; its step is the run time in milliseconds."""

    paths: tuple[str, ...]
    step: int
    time_us: int
    runtime_us: int
    values: list[Any]


class Config(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Top-level config keys set (replaced whole) and deleted."""

    kind: ClassVar[Kind] = Kind.CONFIG

    set: dict[str, Any] = {}
    delete: list[str] = []


class Summary(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Summary values set and deleted by hand, by key path. Deleting a path deletes all below it."""

    kind: ClassVar[Kind] = Kind.SUMMARY

    set: dict[str, Any] = {}
    delete: list[str] = []


class Metric(Record, frozen=True, omit_defaults=True, kw_only=True):
    """One `define_metric` call. `None` = not given. `name` is a key path, or a prefix ending in `*`."""

    kind: ClassVar[Kind] = Kind.METRIC

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: list[str] | None = None  # of: min max mean last first best copy none
    goal: str | None = None  # minimize, maximize
    overwrite: bool = False


class Console(Record, frozen=True, omit_defaults=True, kw_only=True):
    """One console line. The same (stream, line) again replaces the text (progress bars)."""

    kind: ClassVar[Kind] = Kind.CONSOLE

    stream: str  # stdout, stderr
    line: Int
    text: str
    time_us: Int
    label: str = ""


class Describe(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Changed name, notes, tags, group or job type. `None` = unchanged."""

    kind: ClassVar[Kind] = Kind.DESCRIBE

    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None


class Environment(Record, frozen=True, omit_defaults=True, kw_only=True):
    """What was captured of the machine: merged key by key over earlier ones."""

    kind: ClassVar[Kind] = Kind.ENVIRONMENT

    values: dict[str, Any] = {}
    packages: dict[str, str] = {}


class Alert(Record, frozen=True, omit_defaults=True, kw_only=True):
    kind: ClassVar[Kind] = Kind.ALERT

    title: str
    text: str
    level: str  # INFO, WARN, ERROR
    time_us: Int
    step: Int = 0


class File(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A file of the run folder's `files/`, by its path below it, with `/` between the parts.

    `sha256` is empty where a file is only named; whoever put its content on a server writes the record
    again with it. `deleted`: by hand, on the server; naming it again brings it back.
    """

    kind: ClassVar[Kind] = Kind.FILE

    path: str
    policy: str = "end"  # live, now, end
    size: Int = 0
    sha256: str = ""  # 64 hexadecimal digits in lower case
    time_us: Int = 0
    deleted: bool = False


class State(Record, frozen=True, omit_defaults=True, kw_only=True):
    """The run said it is `preempting`, or `running` again."""

    kind: ClassVar[Kind] = Kind.STATE

    state: str
    time_us: Int


class Finish(Record, frozen=True, omit_defaults=True, kw_only=True):
    """The writer ended the run: exit code 0 is `finished`, any other `failed`."""

    kind: ClassVar[Kind] = Kind.FINISH

    exit_code: Int
    time_us: Int
    runtime_us: Int


class End(Record, frozen=True, omit_defaults=True, kw_only=True):
    """The uploader saw the writer die without `Finish`: `crashed` or `killed`, and why."""

    kind: ClassVar[Kind] = Kind.END

    state: str
    cause: str
    time_us: Int
    exit_code: Int | None = None


OWN_STEPS = "own-steps"  # code of the `Note` before the first row whose step the script gave itself


class Note(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Something the reader of the run should know: rows dropped, values replaced, damage found."""

    kind: ClassVar[Kind] = Kind.NOTE

    code: str  # disk-full, rejected, damaged, replaced
    text: str
    count: Int = 0
    time_us: Int = 0


class Lost(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Stands where a record was lost to damage or set aside, so that a stream's sequence has no hole.

    It says nothing itself: the first of a range is a `Note` that tells what happened.
    """

    kind: ClassVar[Kind] = Kind.LOST


STRUCTS: dict[int, type[Record]] = {
    int(cls.kind): cls
    for cls in (
        Open,
        Shape,
        Config,
        Summary,
        Metric,
        Console,
        Describe,
        Environment,
        Alert,
        File,
        State,
        Finish,
        End,
        Note,
        Lost,
    )
}
AnyRecord = Record | Row | System
