"""What `core` may ask of storage: also `people.py`, `blobs.py`. Nothing here assumes SQLite.

`SeriesStore` keeps batches of records exactly once and answers reads by (segment, key path). A segment is
an uninterrupted piece of one run's history (or of its system metrics); a run's history is a chain of
`Range`s over segments, so resume, rewind and fork copy nothing. Segments, projects and runs are numbered
by the meta store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from kiseki.record.types import Alert, Row, System
from kiseki.storage.artifacts import ArtifactStore
from kiseki.storage.blobs import BlobStore
from kiseki.storage.filters import Filter, SortKey
from kiseki.storage.filters import Key as FilterKey
from kiseki.storage.people import Key as Key
from kiseki.storage.people import PeopleStore
from kiseki.storage.people import Session as Session
from kiseki.storage.people import User as User
from kiseki.storage.sweeps import SweepStore
from kiseki.storage.views import ViewStore

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
XAxis = Literal["step", "time", "runtime"]


# Texts of a console line that are kept beside its last one: a progress bar of nine minutes.
UPDATES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One console line; the same (label, stream, number) of the same writer again replaces the text."""

    stream: str
    number: int
    time_us: int
    text: str
    label: str = ""
    updates: int = 0  # texts that this one replaced; given by the store


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one stream, as received.

    `body` holds the zstd-compressed frames `first … first + count - 1`, all intact. What the store must
    be able to find without decoding the body is given beside it and committed in the same transaction.
    """

    stream: str
    segment: int
    first: int
    count: int
    body: bytes
    rows: int = 0  # ROW, ROW_PART or SYSTEM records among them
    step_min: int = 0
    step_max: int = -1
    received_us: int = 0
    shapes: Mapping[int, tuple[str, ...]] = field(
        default_factory=dict
    )  # first defined in this batch
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """The rows of a segment with `lo <= step <= hi` (None = unbounded)."""

    segment: int
    lo: int | None = None
    hi: int | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """One key over one range, every point, ordered by step; per step the last value that arrived.

    Attributes:
        steps: int64, shape (n,).
        values: float64, shape (n,): ints widened, bools 0 and 1; non-numbers are left out.
        x: float64, shape (n,): the x asked for (step, or seconds of Unix time or of runtime).
    """

    steps: Ints
    values: Floats
    x: Floats


@dataclass(frozen=True, slots=True)
class Cells:
    """One key over one range, summarised: consecutive points in cells of at most the size asked for.

    All arrays have shape (n,). min, max, first, last and total speak of the finite values only and are NaN
    (total: 0) in a cell without one. `x_min` … are the x of the extremes if the store knows them, else the
    middle of the cell.
    """

    x_first: Floats
    x_last: Floats
    x_min: Floats
    x_max: Floats
    first: Floats
    min: Floats
    max: Floats
    last: Floats
    total: Floats
    count: Ints  # all points, finite or not
    nan: Ints
    pinf: Ints
    ninf: Ints


class LoggedValues(Protocol):
    """The values of a key in some rows, in their order, exactly as logged."""

    def values(self) -> list[Any]: ...

    def tally(self) -> tuple[int, int, int]:
        """Return how many are numbers, text, and neither."""
        ...

    def cut(self, start: int, stop: int) -> LoggedValues:
        """Return those from `start` up to `stop`."""
        ...


@dataclass(frozen=True, slots=True)
class LoggedColumn:
    """One key in some rows: `places` of the rows that hold it (None: all), and their `count` values."""

    places: Ints | None
    values: LoggedValues
    count: int


@dataclass(frozen=True, slots=True)
class Logged:
    """Rows in the order of their arrival, by column.

    Attributes:
        steps, times, runtimes: int64, shape (n,); times in microseconds.
        parts: how many of the rows only add keys to the one before.
        columns: by key path.
    """

    steps: Ints
    times: Ints
    runtimes: Ints
    parts: int
    columns: Mapping[str, LoggedColumn]


@dataclass(frozen=True, slots=True)
class KeyStat:
    """What a segment holds of one key path."""

    path: str
    kind: str  # number, text, other
    count: int
    first_step: int
    last_step: int


class SeriesStore(Protocol):
    """Append-only data: record batches in, rows, points and console lines out. Thread-safe."""

    def append(self, project: int, batches: Sequence[Batch]) -> None:
        """Commit all batches in one durable transaction (what it stored survives power loss).

        Raises:
            Gap: a batch does not begin at its stream's cursor (`extra["next"]`, `extra["stream"]`);
                nothing of this call is stored.
        """
        ...

    def cursor(self, project: int, stream: str) -> int:
        """Return the next sequence expected of a stream: 0 for an unknown one."""
        ...

    def size(self, project: int) -> int:
        """Return about how many bytes a project takes; 0 if nothing was appended to it."""
        ...

    def shapes(self, project: int, stream: str) -> dict[int, tuple[str, ...]]:
        """Return every shape a stream has defined."""
        ...

    def batches(self, project: int, stream: str, first: int = 0) -> Iterator[Batch]:
        """Yield the stored batches of a stream that hold records from `first` on, in order.

        Batches may be gone once they were `applied` and compacted; what is left has no gap.
        """
        ...

    def applied(self, project: int, cursors: Mapping[str, int]) -> None:
        """Tell that the records of each stream before its cursor are in the meta store.

        Batches beyond it are never compacted away. Forgotten at restart (until told again).
        """
        ...

    def keys(self, project: int, segments: Sequence[int]) -> dict[int, list[KeyStat]]:
        """Return the keys of each segment, in the order of their first appearance."""
        ...

    def rows(self, project: int, segments: Sequence[int]) -> dict[int, int]:
        """Return the number of stored rows of each segment."""
        ...

    def bounds(self, project: int, segments: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return the smallest and largest step of each of the segments that hold rows."""
        ...

    def points(
        self, project: int, path: str, ranges: Sequence[Range], x: XAxis = "step"
    ) -> list[Points]:
        """Return every point of a key in each range, in the order of `ranges`."""
        ...

    def cells(
        self, project: int, path: str, ranges: Sequence[Range], size: int, x: XAxis = "step"
    ) -> tuple[Cells, Ints] | None:
        """Return ranges in cells of at most `size` points; None if only points can answer.

        The cells of one range lie behind those of the one before; the second says where those of each end.

        Cells are exact in sum: merged, they give the same count, extremes and total as the points.
        """
        ...

    def scan(
        self,
        project: int,
        span: Range,
        paths: Sequence[str] | None = None,
        after: tuple[int, int] | None = None,
        limit: int = 10_000,
    ) -> tuple[list[tuple[tuple[int, int], Row | System]], bool]:
        """Return exact rows of a range, ordered by (step, arrival), and whether more follow.

        Each row comes with its position `(step, arrival)`, which is `after` of the next call. With `paths`
        only rows that hold one of these keys are returned, cut down to them. Values are what was
        logged: ints are ints, NaN is NaN, text, lists and None included.
        """
        ...

    def replay(self, project: int, span: Range) -> Iterator[Logged]:
        """Yield the rows of a range in the order of their arrival, some thousands at a time."""
        ...

    def lines(
        self,
        project: int,
        segment: int,
        *,
        stream: str | None = None,
        label: str | None = None,
        after: int = -1,
        before: int | None = None,
        until_us: int | None = None,
        limit: int = 1_000,
        tail: bool = False,
        search: str | None = None,
    ) -> tuple[list[tuple[int, Line]], int]:
        """Return console lines in the order they first appeared, each with its index, and the total.

        The total is that of `stream`, `label` and `search`, whatever window is asked for.

        Args:
            stream: only this one (stdout, stderr).
            label: only this writer of a shared run.
            after: lines whose index is larger than this.
            before: lines whose index is smaller than this.
            until_us: lines that got their text at this time or before.
            tail: the last `limit` lines instead of the first.
            search: only lines that contain this text (case-insensitive).
        """
        ...

    def updates(self, project: int, segment: int, index: int) -> list[tuple[int, str]]:
        """Return the texts that a console line had before, with their times: the last `UPDATES_MAX`."""
        ...

    def compact(self, project: int | None = None, *, idle: bool = False) -> int:
        """Turn batches into column chunks where enough rows wait (all of them if `idle`).

        Returns the number of batches compacted. Bounded in memory; readers see one or the other, never
        both or neither.
        """
        ...

    def drop(
        self, project: int, segments: Sequence[int] | None = None, streams: Sequence[str] = ()
    ) -> None:
        """Delete segments (None: the whole project) for good, and the cursors and shapes of streams.

        The streams hold nothing outside these segments.
        """
        ...

    def close(self) -> None:
        """Finish running commits and release files and threads."""
        ...


# ── Meta: small and mutable ──────────────────────────────────────────────────────────────────────────


Space = Literal["history", "system"]
Scalar = bool | float | str | None
LISTED = {
    "config": "config.list",
    "summary": "summary.list",
}  # parts that stand for long ones in lists
ALERTS_LOOKED_AT = 1_000
LISTED_BYTES_MAX = 16 * 1024  # of a `config` or `summary` part that lists show themselves


@dataclass(frozen=True, slots=True)
class Project:
    """A collection of runs. `epoch` grows with every change that a list of its runs would show."""

    number: int
    entity: str
    name: str
    epoch: int
    created_us: int


@dataclass(frozen=True, slots=True)
class ListedProject(Project):
    """A project as lists show it. To count its runs takes longer than most questions about it."""

    last_us: int | None  # latest change of any run
    runs: int
    running: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a run, with its own fold and its own segments.

    A run that is started again under its id keeps its number; its earlier attempts stay readable.
    """

    number: int
    run: int
    ordinal: int  # 1, 2, …
    history: int  # head segment of its rows
    system: int  # segment of its machine samples
    stream: str  # of its first writer
    state: str
    started_us: int
    rows: int
    parent_run: int | None = None  # whose rows it begins with…
    parent_step: int | None = None  # …up to and with this step

    @property
    def kind(self) -> Literal["start", "again", "rewind", "fork"]:
        """How it came about."""
        if self.parent_run is None:
            return "start" if self.ordinal == 1 else "again"
        return "rewind" if self.parent_run == self.run else "fork"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of history: the rows it was given, of any step, and those of `parent` up to `parent_step`."""

    number: int
    attempt: int
    space: Space
    parent: int | None = None
    parent_step: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment of a history, and whose it is. `parent_step` is where it hangs at the piece before."""

    segment: int
    parent_step: int | None
    ordinal: int
    run_id: str
    run_name: str


@dataclass(frozen=True, slots=True)
class Fork:
    """A run that begins with rows of another one, up to and with `step`."""

    run_id: str
    run_name: str
    step: int


@dataclass(frozen=True, slots=True)
class Stream:
    """One writer's stream: where its records belong, and how far they are folded into the meta store.

    `applied` is the sequence of the first record that the saved fold does not hold yet. `is_open`: the
    series store may hold records beyond it.
    """

    id: str
    project: int
    run: int
    attempt: int
    segment: int
    role: str  # writer, uploader
    applied: int
    is_open: bool
    opened_us: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run as lists show it: the columns of its latest attempt. Times are Unix microseconds."""

    number: int
    project: int
    entity: str
    project_name: str
    id: str
    user: str
    color: int
    created_us: int
    attempt: int  # number of the latest attempt
    ordinal: int  # …which is its 1st, 2nd, … start
    history: int  # head segment of the latest attempt's rows
    system: int
    state: str = "running"
    cause: str = ""
    exit_code: int | None = None
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""
    job_type: str = ""
    sweep: str = ""  # id of the sweep that it belongs to
    host: str = ""
    pid: int = 0
    program: str = ""
    started_us: int = 0
    finished_us: int | None = None
    heartbeat_us: int | None = None
    last_us: int | None = None
    runtime_us: int = 0
    rows: int = 0
    next_step: int = 0
    stop_us: int | None = None  # when somebody asked it to stop
    deleted_us: int | None = None
    deleted_by: str = ""  # name of a user
    purged_us: int | None = None  # only its id is left, and what others hang on
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)  # nested, as `RunState.summary`


@dataclass(frozen=True, slots=True)
class Loose:
    """A segment of a purged run that nothing hangs on, whose it is, and its streams."""

    project: int
    segment: int
    attempt: int
    streams: Sequence[str]


GroupValue = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Spread:
    """What the finite numbers of a group amount to; `deviation` is that of the sample, None of one number."""

    n: int
    mean: float
    deviation: float | None
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs that have the same value under each of some keys; None: they have none.

    Attributes:
        color: the smallest of its runs, which is that of the oldest one.
        members: ids of its first runs.
        spreads: of each column asked for; None without a finite number.
    """

    values: tuple[GroupValue, ...]
    runs: int
    states: Mapping[str, int]
    color: int
    members: tuple[str, ...]
    spreads: tuple[Spread | None, ...]


@dataclass(frozen=True, slots=True)
class RunGroups:
    """A page of the `count` groups of the `matching` of all `total` runs."""

    total: int
    matching: int
    count: int
    groups: Sequence[RunGroup]


@dataclass(frozen=True, slots=True)
class RunValues:
    """The most frequent of the `count` values under a key, each with how many runs have it."""

    count: int
    values: Sequence[tuple[bool | float | str, int]]


@dataclass(frozen=True, slots=True)
class MetricStat:
    """A metric of a project: how many runs logged it, and what they said about it."""

    path: str
    space: Space
    kind: str  # number, text, other
    runs: int
    first_us: int
    hidden: bool = False
    step_metric: str | None = None
    goal: str | None = None


@dataclass(frozen=True, slots=True)
class FieldStat:
    """A config or summary path (`config.lr`) with the kind of its values and the runs that have it."""

    path: str
    kind: str  # number, text
    runs: int


@dataclass(frozen=True, slots=True)
class NewStream:
    """What `add_stream` creates in one transaction.

    `run` None: a new run with the given id. `attempt` None: a new attempt with two new segments, the one
    for rows hanging at `parent` (segment, step) if given, and `seed` what is saved of it at once (its
    `attempt` is not looked at).
    """

    id: str
    project: int
    run_id: str
    run: int | None
    attempt: int | None
    role: str
    user: int
    now_us: int
    parent: tuple[int, int] | None = None
    seed: Fold | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as one run knows it, written when it is first seen or defined differently."""

    path: str
    space: Space
    kind: str
    first_us: int
    hidden: bool = False
    step_metric: str | None = None
    goal: str | None = None


@dataclass(frozen=True, slots=True)
class EditedRun:
    """What is written of a run that people changed: columns as in `Run`, an attempt's part `edits`."""

    number: int
    attempt: int
    columns: Mapping[str, Any]
    edits: bytes | None = None


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """An alert of a run that is not deleted."""

    number: int
    entity: str
    project: str
    run: str
    run_name: str
    title: str
    text: str
    level: str
    time_us: int
    step: int


@dataclass(frozen=True, slots=True)
class Fold:
    """What `save` writes of one attempt; everything absent stays as it is.

    `columns` go into the attempt and, if it is its run's latest, into the run. `parts` are opaque
    bytes by name (`config` and `summary` must be msgpack maps, they come back with `Run`; `find_runs` gives
    the part that `LISTED` names instead, if they have more than `LISTED_BYTES_MAX`). `cells` map `config.…`,
    `summary.…` and `metric.…` paths to their scalar, None to remove one. Parts and cells of an earlier
    attempt never overwrite those of the run.
    """

    attempt: int
    cursors: Mapping[str, int] = field(default_factory=dict)  # stream → applied
    closed: Sequence[str] = ()  # streams without anything beyond `applied`
    columns: Mapping[str, Any] = field(default_factory=dict)  # names as in `Run`
    parts: Mapping[str, bytes] = field(default_factory=dict)
    cells: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Sequence[Metric] = ()
    alerts: Sequence[Alert] = ()  # new ones
    is_visible: bool = True  # lists would show a difference: the project's epoch moves


class MetaStore(PeopleStore, ViewStore, ArtifactStore, SweepStore, Protocol):
    """People (`people.py`), views (`views.py`), artifacts (`artifacts.py`), sweeps (`sweeps.py`), projects,
    runs and the folds of their logs. Thread-safe; each call is one transaction, durable when it returns.
    """

    # projects
    def project(self, entity: str, name: str) -> Project | None: ...

    def projects(self, entities: Sequence[str]) -> list[ListedProject]:
        """Return the projects of these entities, latest activity first."""
        ...

    def counted(self, project: Project) -> ListedProject:
        """Return a project as lists show it."""
        ...

    def make_project(self, entity: str, name: str, now_us: int) -> Project:
        """Return the project, created if it did not exist. Raises NotFound for an unknown entity."""
        ...

    # runs
    def run(self, project: int, id: str) -> Run | None:
        """Return a run by its id, deleted ones too."""
        ...

    def run_by_number(self, number: int) -> Run | None: ...

    def runs(self, project: int, ids: Sequence[str], *, deleted: bool = False) -> list[Run]:
        """Return those of the runs that exist and are not deleted (`deleted`: these too), in the order asked
        for, without their config and summary.
        """
        ...

    def heads(self, project: int, ids: Sequence[str], space: Space) -> dict[str, int]:
        """Return the segments in which the latest attempts of runs end, of those runs that exist and are not
        deleted, in the order asked for.
        """
        ...

    def find_runs(
        self,
        project: int,
        where: Filter | None = None,
        order: Sequence[SortKey] = (),
        *,
        user: str = "",
        now_us: int = 0,
        offset: int = 0,
        limit: int = 200,
    ) -> tuple[int, int, list[Run]]:
        """Return (all runs, matching runs, one page of the matching). Deleted runs never count. Of a long
        config or summary the runs have what was saved for lists.

        Numbers sort before text, NaN and missing always last; without an order, and to break ties, the
        youngest run is first. `user` is what `me` means, `now_us` what ages are counted from.
        """
        ...

    def match_runs(
        self,
        project: int,
        where: Filter | None = None,
        order: Sequence[SortKey] = (),
        *,
        user: str = "",
        now_us: int = 0,
        limit: int,
    ) -> list[int]:
        """Return the numbers of the first runs that `find_runs` finds."""
        ...

    def runs_by_number(
        self, numbers: Sequence[int], *, whole: bool = False, deleted: bool = False
    ) -> list[Run]:
        """Return those of the runs that are not deleted (`deleted`: these too), in the order asked for;
        without config and summary, or (`whole`) with all of both.
        """
        ...

    def group_runs(
        self,
        project: int,
        by: Sequence[FilterKey],
        columns: Sequence[FilterKey] = (),
        where: Filter | None = None,
        order: Sequence[SortKey] = (),
        *,
        user: str = "",
        now_us: int = 0,
        offset: int = 0,
        limit: int = 200,
        members: int = 0,
    ) -> RunGroups:
        """Return a page of the groups of all runs that `find_runs` finds, in the order of their first runs.

        Empty text, null and what is neither number, flag nor text count as no value, which is a group of its
        own. A run stands in the group of each of its tags. 1 and 1.0 are the same, `True` and 1 are not.
        """
        ...

    def values(
        self, project: int, runs: Sequence[int], keys: Sequence[FilterKey]
    ) -> list[tuple[GroupValue, ...]]:
        """Return what runs, by number, hold under keys of config, summary and metrics; None for nothing."""
        ...

    def frequent_values(
        self,
        project: int,
        key: FilterKey,
        where: Filter | None = None,
        *,
        search: str = "",
        user: str = "",
        now_us: int = 0,
        limit: int = 50,
    ) -> RunValues:
        """Return the values of matching runs under a key, the most frequent first, then the smallest.

        Only numbers, flags and texts that are not empty count. `search`: only values whose text contains it,
        whatever its case.
        """
        ...

    def fields(self, project: int) -> list[FieldStat]:
        """Return the config and summary paths of the project's runs, config first, by name."""
        ...

    def metrics(self, project: int) -> list[MetricStat]:
        """Return the metrics of the project's runs in the order they were first logged."""
        ...

    def run_metrics(self, attempt: int) -> list[Metric]: ...

    def attempts(self, run: int) -> list[Attempt]: ...

    def attempt(self, number: int) -> Attempt | None: ...

    def segments(self, numbers: Sequence[int]) -> dict[int, Segment]:
        """Return these segments and all their ancestors."""
        ...

    def lineage(self, segment: int) -> list[Piece]:
        """Return what the history that ends in a segment is made of, oldest first; deleted runs too."""
        ...

    def forks(self, run: int) -> list[Fork]:
        """Return the runs whose latest history begins with rows of a run, those not deleted, oldest first."""
        ...

    def parts(self, attempt: int, names: Sequence[str]) -> dict[str, bytes]:
        """Return those of the parts of an attempt's fold that were saved, as they were."""
        ...

    def runs_without(self, part: str, after: int, limit: int) -> list[Run]:
        """Return runs with rows, and numbers above `after`, whose latest attempt was saved without a part."""
        ...

    def silent_runs(self, before_us: int) -> list[Run]:
        """Return the runs that are running or preempting and were last heard before `before_us`."""
        ...

    def part_of_many(self, attempts: Sequence[int], name: str) -> dict[int, bytes]:
        """Return one part of many attempts, by attempt."""
        ...

    def edit_runs(self, runs: Sequence[EditedRun]) -> None:
        """Write what people changed of runs, and move the epochs of their projects."""
        ...

    def add_undo(
        self,
        id: str,
        project: int,
        user: int,
        data: bytes,
        *,
        now_us: int,
        until_us: int,
        keep: int,
    ) -> None:
        """Keep what takes a change of many runs back, until then; of each user the youngest `keep`.

        Those whose time is over by now go.
        """
        ...

    def undo(self, id: str, project: int, user: int, now_us: int) -> bytes | None: ...

    def drop_undo(self, id: str) -> None: ...

    def alerts(
        self, projects: Sequence[int], *, user: str | None = None, limit: int = 50
    ) -> list[AlertEntry]:
        """Return the youngest alerts of projects, the youngest first: of all runs, or of a user's.

        Of each project the youngest `ALERTS_LOOKED_AT` are looked at.
        """
        ...

    def edit_run(self, number: int, columns: Mapping[str, Any]) -> None:
        """Change columns of a run that no record carries: color, stop_us, deleted_us."""
        ...

    # trash
    def trash(self, project: int, offset: int, limit: int) -> tuple[int, list[Run]]:
        """Return how many runs of a project can be restored, and a page of them, deleted last first."""
        ...

    def throw_away(self, numbers: Sequence[int], by: str, now_us: int) -> list[int]:
        """Put runs into the trash; return those that were not there. `by`: name of a user."""
        ...

    def restore(self, numbers: Sequence[int], since_us: int) -> list[int]:
        """Take runs out of the trash that were put there after `since_us`; return them."""
        ...

    def expired(self, before_us: int, limit: int) -> list[Run]:
        """Return runs that were put into the trash at `before_us` or earlier and not purged."""
        ...

    def hung_on(self, run: int) -> dict[int, int]:
        """Return by attempt of a run the last step at which something hangs below it."""
        ...

    def purge(
        self,
        run: Run,
        before_us: int,
        now_us: int,
        files: Mapping[int, bytes],
        digests: Sequence[str],
    ) -> bool:
        """Leave nothing of a run but its id and its attempts with their segments; it cannot be restored.

        Args:
            before_us: what was put into the trash later stays.
            files: by attempt its part `files` from now on.
            digests: contents to look at (`unnamed`).

        Returns whether the run was still to be purged.
        """
        ...

    def loose_segments(self, limit: int) -> list[Loose]: ...

    def drop_segment(self, gone: Loose, digests: Sequence[str]) -> None:
        """Forget a segment, and its attempt with its last one. `digests`: contents to look at."""
        ...

    def unnamed(self) -> dict[int, list[str]]:
        """Return by project the contents that purged runs named and that were not settled yet."""
        ...

    def files_parts(self, project: int, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the parts `files` of a project's attempts with numbers above `after`, in their order."""
        ...

    def drop_blobs(self, project: int, digests: Sequence[str], before_us: int) -> list[str]:
        """Take contents from a project that were given, or promised, at `before_us` or earlier; return those
        that it has no more.
        """
        ...

    def settle(self, project: int, digests: Sequence[str]) -> None:
        """Note that contents were looked at."""
        ...

    # streams and folds
    def stream(self, id: str) -> Stream | None: ...

    def streams_of(self, attempt: int) -> list[Stream]: ...

    def open_streams(self) -> list[Stream]:
        """Return the streams whose records in the series store may go beyond `applied`."""
        ...

    def cursors(self) -> dict[int, dict[str, int]]:
        """Return project → stream → applied, of all streams."""
        ...

    def add_stream(self, new: NewStream) -> tuple[Run, Stream]:
        """Create a stream and what it needs, open; the same stream again returns what is there."""
        ...

    def reopen(self, streams: Sequence[str]) -> None:
        """Mark streams as open, before anything is appended to them."""
        ...

    def save(self, folds: Sequence[Fold]) -> None:
        """Write folds and their cursors, and move the epochs of their projects, in one transaction."""
        ...

    # files
    def add_blobs(self, project: int, sizes: Mapping[str, int], now_us: int) -> int:
        """Note that a project was given contents, by SHA-256, and may show them; return how many are new.

        Of those it has the time moves: nobody takes them away soon.
        """
        ...

    def blobs(self, project: int, digests: Sequence[str]) -> dict[str, int]:
        """Return the size in bytes of those contents that a project holds, by SHA-256."""
        ...

    def promise(self, project: int, digests: Sequence[str], now_us: int, since_us: int) -> None:
        """Move the time of contents that a project holds since before `since_us`: somebody relies on them."""
        ...

    def blob_bytes(self, projects: Sequence[int]) -> dict[int, int]:
        """Return the size of all contents that projects hold; those without any are left out."""
        ...

    def has_blob(self, digest: str) -> bool:
        """Return whether any project holds a content."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores of one data folder. `secret` is known to nobody else: addresses are signed with it."""

    meta: MetaStore
    series: SeriesStore
    blobs: BlobStore
    secret: bytes = b""

    def close(self) -> None:
        """Close all, series first: what it stored is folded again at the next start."""
        self.series.close()
        self.blobs.close()
        self.meta.close()
