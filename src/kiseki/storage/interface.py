"""What `core` may ask of storage. Nothing here assumes SQLite.

`SeriesStore` keeps batches of records exactly once and answers reads by (segment, key path). A segment is
an uninterrupted piece of one run's history (or of its system metrics); a run's history is a chain of
`Range`s over segments, so resume, rewind and fork copy nothing. Segments, projects and runs are numbered
by the meta store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from kiseki.record.types import Row, System

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
XAxis = Literal["step", "time", "runtime"]


@dataclass(frozen=True, slots=True)
class Line:
    """One console line; the same (stream, number) again replaces the text."""

    stream: str
    number: int
    time_us: int
    text: str


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

    def points(
        self, project: int, path: str, ranges: Sequence[Range], x: XAxis = "step"
    ) -> list[Points]:
        """Return every point of a key in each range, in the order of `ranges`."""
        ...

    def cells(
        self, project: int, path: str, ranges: Sequence[Range], size: int, x: XAxis = "step"
    ) -> list[Cells | None]:
        """Return each range in cells of at most `size` points; None where only points can answer.

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

    def lines(
        self,
        project: int,
        segment: int,
        *,
        stream: str | None = None,
        after: int = -1,
        limit: int = 1_000,
        tail: bool = False,
        search: str | None = None,
    ) -> tuple[list[tuple[int, Line]], int]:
        """Return console lines in the order they first appeared, each with its index, and the total.

        Args:
            stream: only this one (stdout, stderr).
            after: lines whose index is larger than this.
            tail: the last `limit` lines instead of the first.
            search: only lines that contain this text (case-insensitive).
        """
        ...

    def compact(self, project: int | None = None, *, idle: bool = False) -> int:
        """Turn batches into column chunks where enough rows wait (all of them if `idle`).

        Returns the number of batches compacted. Bounded in memory; readers see one or the other, never
        both or neither.
        """
        ...

    def drop(self, project: int, segments: Sequence[int] | None = None) -> None:
        """Delete segments (None: the whole project) for good."""
        ...

    def close(self) -> None:
        """Finish running commits and release files and threads."""
        ...
