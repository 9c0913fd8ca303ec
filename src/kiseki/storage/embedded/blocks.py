"""What a snapshot of a history file holds of some segments: row chunks and, behind them, batches.

Both are blocks of rows in the order of arrival; `Snapshot` finds them and decodes what is asked of them,
through a cache. Those who read (`series_read.py`) or compact know blocks, neither tables nor bytes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from kiseki.errors import Busy
from kiseki.record.codec import decompress
from kiseki.storage.embedded.cache import Cache
from kiseki.storage.embedded.chunks import (
    Axis,
    Clock,
    Planes,
    level_planes,
    unpack_axis,
    unpack_clock,
    unpack_column,
    unpack_kinds,
)
from kiseki.storage.embedded.columns import (
    Bytes,
    Column,
    Layout,
    Rows,
    decode_rows,
    positions,
    whole,
)
from kiseki.storage.embedded.history_file import HistoryFile
from kiseki.storage.embedded.packing import unpack_ints
from kiseki.storage.embedded.series_append import decode_paths
from kiseki.storage.interface import Floats, Ints, Range

_PARAMETERS_MAX = 512  # in one statement
STOPPED_S = 5  # until a server that is started anew may answer


@dataclass(slots=True)  # made by the thousand: frozen ones take three times as long
class RowChunk:
    """One row of the table `row_chunk`, without its bytes."""

    id: int
    segment: int
    arrival: int
    count: int
    step_min: int
    step_max: int
    ascending: bool  # every step larger than the one before


@dataclass(slots=True)
class StoredBatch:
    """One row of the table `batch`, without its body."""

    id: int
    segment: int
    stream: int
    first: int
    arrival: int
    step_min: int
    step_max: int


@dataclass(slots=True)
class Stats:
    """What the table `chunk` tells of one key in one row chunk."""

    data: int
    count: int
    nan: int
    pinf: int
    ninf: int
    min: float | None
    max: float | None
    first: float | None
    last: float | None
    total: float
    min_at: int
    max_at: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one key in one block; `at` are their rows (None: all)."""

    values: Floats
    at: Ints | None


Block = RowChunk | StoredBatch
T = TypeVar("T", int, str)


def touches(block: Block, span: Range) -> bool:
    """Return whether a block may hold rows of a range."""
    return (span.hi is None or block.step_min <= span.hi) and (
        span.lo is None or block.step_max >= span.lo
    )


def batched(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items in lists short enough for the parameters of a statement."""
    found = list(items)
    for start in range(0, len(found), _PARAMETERS_MAX):
        yield found[start : start + _PARAMETERS_MAX]


def marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))


class Snapshot:
    """One consistent view of a history file, for as long as the connection is lent.

    Args:
        db: a reading connection.
        cache: of decoded data.
        file: whose connection it is.
    """

    def __init__(self, db: sqlite3.Connection, cache: Cache, file: HistoryFile) -> None:
        self._db = db
        self._cache = cache
        self._file = file
        # Asked of the snapshot itself: what it reads is never kept under the number of another one.
        self._scope = int(db.execute("SELECT id FROM identity").fetchone()[0])

    @property
    def db(self) -> sqlite3.Connection:
        """The connection, for one more question: a file that is closing waits for its readers.

        Raises:
            Busy: it is.
        """
        if self._file.is_closing:
            raise Busy("the server is stopping", code="stopping", retry_after=STOPPED_S)
        return self._db

    def key(self, path: str) -> int | None:
        """Return the id of a key path that some row chunk holds."""
        row = self.db.execute("SELECT id FROM key WHERE path=?", (path,)).fetchone()
        return None if row is None else int(row[0])

    def keys(self, paths: Iterable[str]) -> dict[str, int]:
        """Return the ids of the key paths that have one."""
        found: dict[str, int] = {}
        for some in batched(paths):
            sql = f"SELECT path, id FROM key WHERE path IN ({marks(some)})"
            found.update(self.db.execute(sql, some))
        return found

    def paths(self, keys: Iterable[int]) -> dict[int, str]:
        """Return the key paths of ids."""
        found: dict[int, str] = {}
        for some in batched(keys):
            sql = f"SELECT id, path FROM key WHERE id IN ({marks(some)})"
            found.update(self.db.execute(sql, some))
        return found

    def row_chunks(self, segments: Iterable[int]) -> list[RowChunk]:
        """Return the row chunks of segments, in the order of arrival within each."""
        return [
            RowChunk(id, segment, arrival, count, low, high, bool(ascending))
            for some in batched(segments)
            for id, segment, arrival, count, low, high, ascending in self.db.execute(
                "SELECT id, segment, arrival, count, step_min, step_max, ascending FROM row_chunk"
                f" WHERE segment IN ({marks(some)}) ORDER BY segment, arrival",
                some,
            )
        ]

    def row_count(self, segment: int) -> int:
        """Return how many rows a segment was given."""
        row = self.db.execute("SELECT rows FROM segment WHERE id=?", (segment,)).fetchone()
        return int(row[0]) if row else 0

    def batches(self, segments: Iterable[int]) -> list[StoredBatch]:
        """Return the batches of segments that hold rows, in the order of arrival within each."""
        return [
            StoredBatch(*row)
            for some in batched(segments)
            for row in self.db.execute(
                "SELECT id, segment, stream, first, arrival, step_min, step_max FROM batch"
                f" WHERE segment IN ({marks(some)}) AND rows>0 ORDER BY segment, arrival",
                some,
            )
        ]

    def rows(self, batches: Sequence[StoredBatch]) -> Iterator[tuple[StoredBatch, Rows]]:
        """Yield the decoded rows of batches, in their order."""
        shapes: dict[int, dict[int, Layout]] = {}
        for batch in batches:
            name = (self._scope, "batch", batch.stream, batch.first)
            found = self._cache.get(name)
            if not isinstance(found, Rows):
                if batch.stream not in shapes:
                    shapes[batch.stream] = self._shapes(batch.stream)
                shift = batch.arrival - batch.first
                found = decode_rows(self._body(batch), shapes[batch.stream], shift)
                self._cache.put(name, found, found.nbytes)
            yield batch, found

    def joined_rows(self, batches: Sequence[StoredBatch]) -> Iterator[Rows]:
        """Yield the rows of batches, those that follow one another in their stream decoded at once."""
        group: list[StoredBatch] = []

        def together() -> Rows:
            buffer = b"".join([self._body(batch) for batch in group])
            shift = group[0].arrival - group[0].first
            return whole(decode_rows(buffer, self._shapes(group[0].stream), shift))

        for batch in batches:
            if group and (batch.stream, batch.arrival - batch.first) != (
                group[0].stream,
                group[0].arrival - group[0].first,
            ):
                yield together()
                group = []
            group.append(batch)
        if group:
            yield together()

    def _body(self, batch: StoredBatch) -> bytes:
        (body,) = self.db.execute("SELECT body FROM batch WHERE id=?", (batch.id,)).fetchone()
        return decompress(body)

    def _shapes(self, stream: int) -> dict[int, Layout]:
        sql = "SELECT shape, paths FROM shape WHERE stream=?"
        return {shape: decode_paths(paths) for shape, paths in self.db.execute(sql, (stream,))}

    def stats(self, segments: Iterable[int], key: int) -> dict[int, Stats]:
        """Return by row chunk what is known of a key, for those that hold it."""
        return {
            rows: Stats(*stats)
            for some in batched(segments)
            for rows, *stats in self.db.execute(
                "SELECT c.rows, c.data, c.count, c.nan, c.pinf, c.ninf, c.min, c.max, c.first,"
                " c.last, c.total, c.min_at, c.max_at"
                " FROM row_chunk r CROSS JOIN chunk c ON c.rows=r.id AND c.key=?"
                f" WHERE r.segment IN ({marks(some)})",
                [key, *some],
            )
        }

    def series(self, segments: Iterable[int]) -> list[tuple[int, str, int, int, int, int, int]]:
        """Return what the row chunks of segments hold of each key, in the order of first appearance.

        As (segment, path, numbers, texts, others, first step, last step).
        """
        return [
            row
            for some in batched(segments)
            for row in self.db.execute(
                "SELECT s.segment, k.path, s.numbers, s.texts, s.others, s.step_min, s.step_max"
                " FROM series s JOIN key k ON k.id=s.key"
                f" WHERE s.segment IN ({marks(some)}) ORDER BY s.segment, s.place",
                some,
            )
        ]

    def axes(self, chunks: Iterable[RowChunk]) -> dict[int, Axis]:
        """Return the axis of each row chunk by its id."""
        return self._cached(
            "axis", [chunk.id for chunk in chunks],
            "SELECT id, steps, layout FROM row_chunk WHERE id IN ({})", unpack_axis,
        )  # fmt: skip

    def clocks(self, chunks: Iterable[RowChunk]) -> dict[int, Clock]:
        """Return the times of each row chunk by its id."""
        return self._cached(
            "clock", [chunk.id for chunk in chunks],
            "SELECT id, times, runtimes FROM row_chunk WHERE id IN ({})", unpack_clock,
        )  # fmt: skip

    def arrivals(self, chunk: RowChunk) -> tuple[Ints, Bytes]:
        """Return the arrival and the record kind of each row of a chunk."""
        sql = "SELECT arrivals, kinds FROM row_chunk WHERE id=?"
        arrivals, kinds = self.db.execute(sql, (chunk.id,)).fetchone()
        return unpack_ints(arrivals), unpack_kinds(kinds)

    def _cached(self, what: str, ids: list[int], sql: str, unpack: Any) -> dict[int, Any]:
        found: dict[int, Any] = {}
        missing = []
        for id in ids:
            held = self._cache.get((self._scope, what, id))
            if held is None:
                missing.append(id)
            else:
                found[id] = held
        for some in batched(missing):
            for id, *stored in self.db.execute(sql.format(marks(some)), some):
                value = found[id] = unpack(*stored)
                self._cache.put((self._scope, what, id), value, value.nbytes)
        return found

    def numbers(
        self, key: int, wanted: dict[int, Stats], axes: dict[int, Axis]
    ) -> dict[int, Numbers]:
        """Return the numbers of a key by row chunk.

        Args:
            key: its id.
            wanted: the statistics of the row chunks to look into.
            axes: of the same.
        """
        found: dict[int, Numbers] = {}
        missing: dict[int, int] = {}  # data to rows
        for rows, stats in wanted.items():
            held = self._cache.get((self._scope, "numbers", rows, key))
            if isinstance(held, Numbers):
                found[rows] = held
            else:
                missing[stats.data] = rows
        for some in batched(missing):
            sql = f"SELECT id, numbers FROM chunk_data WHERE id IN ({marks(some)})"
            for data, numbers in self.db.execute(sql, some):
                rows = missing[data]
                value = found[rows] = _numbers(key, numbers, axes[rows])
                size = value.values.nbytes + (0 if value.at is None else value.at.nbytes) + 200
                self._cache.put((self._scope, "numbers", rows, key), value, size)
        return found

    def levels(self, key: int, wanted: dict[int, Stats]) -> dict[int, Planes]:
        """Return the cells of a key by row chunk, where they are stored."""
        found: dict[int, Planes] = {}
        missing: dict[int, int] = {}
        for rows, stats in wanted.items():
            held = self._cache.get((self._scope, "level", rows, key))
            if isinstance(held, Planes):
                found[rows] = held
            else:
                missing[stats.data] = rows
        for some in batched(missing):
            sql = f"SELECT id, level FROM chunk_data WHERE id IN ({marks(some)}) AND level NOTNULL"
            for data, stored in self.db.execute(sql, some):
                rows = missing[data]
                planes = found[rows] = level_planes(stored)
                self._cache.put((self._scope, "level", rows, key), planes, planes.nbytes)
        return found

    def columns(self, chunk: RowChunk, keys: Iterable[int]) -> dict[int, Column]:
        """Return the exact values of keys in a row chunk."""
        found: dict[int, Column] = {}
        for some in batched(keys):
            sql = (
                "SELECT c.key, d.numbers, d.objects FROM chunk c JOIN chunk_data d ON d.id=c.data"
                f" WHERE c.rows=? AND c.key IN ({marks(some)})"
            )
            for key, numbers, objects in self.db.execute(sql, [chunk.id, *some]):
                found[key] = unpack_column(numbers, objects)
        return found


def _numbers(key: int, stored: bytes, axis: Axis) -> Numbers:
    # Objects are not numbers (or have the nearest float among the words): no need to read them.
    values, numeric = unpack_column(stored, None).numbers()
    if len(values) == axis.count:
        return Numbers(values, None)
    at = positions(axis.layout, axis.holds(key), axis.count)
    if numeric is not None:
        at = np.flatnonzero(numeric) if at is None else at[numeric]
    return Numbers(values, at)


def numbers_of(rows: Rows, path: str) -> Numbers | None:
    """Return the numbers of a key in decoded rows, None if they hold none."""
    column = rows.columns.get(path)
    if column is None:
        return None
    values, numeric = column.numbers()
    holds = np.array([path in layout for layout in rows.layouts], np.bool_)
    at = positions(rows.layout, holds, len(rows.steps))
    if numeric is not None:
        at = np.flatnonzero(numeric) if at is None else at[numeric]
    return Numbers(values, at) if len(values) else None
