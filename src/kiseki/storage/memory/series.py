"""`SeriesStore` as plain lists: what the other stores must agree with."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any

import numpy as np

from kiseki.errors import CorruptRecord, Gap
from kiseki.record.codec import Decoder, decompress, frames_of
from kiseki.record.types import Row, System
from kiseki.storage.interface import (
    UPDATES_MAX,
    Batch,
    Cells,
    Floats,
    Ints,
    KeyStat,
    Line,
    Logged,
    LoggedColumn,
    Points,
    Range,
    XAxis,
)

COMPACT_ROWS = 4096


@dataclass
class _Segment:
    records: int = 0  # of any kind: the next record's arrival
    rows: int = 0
    data: list[tuple[int, Row | System]] = field(default_factory=list)  # by arrival
    lines: dict[tuple[str, str, str, int], Line] = field(default_factory=dict)
    updates: dict[tuple[str, str, str, int], list[tuple[int, str]]] = field(default_factory=dict)


@dataclass
class _Project:
    cursors: dict[str, int] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    batches: dict[str, list[Batch]] = field(default_factory=dict)
    segments: dict[int, _Segment] = field(default_factory=dict)


def number(value: Any) -> float | None:
    """Return what a chart shows of a value: None for what is not a number."""
    if not isinstance(value, (bool, int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _kind(values: Iterable[Any]) -> str:
    kinds = {"number" if number(v) is not None else "text" if isinstance(v, str) else "other"
             for v in values}  # fmt: skip
    return next(kind for kind in ("number", "text", "other") if kind in kinds)


def _within(row: Row | System, span: Range) -> bool:
    return (span.lo is None or row.step >= span.lo) and (span.hi is None or row.step <= span.hi)


def _x(row: Row | System, x: XAxis) -> float:
    if x == "step":
        return float(row.step)
    return (row.time_us if x == "time" else row.runtime_us) / 1e6


def _cut(row: Row | System, paths: Sequence[str]) -> Row | System | None:
    kept = [
        (path, value) for path, value in zip(row.paths, row.values, strict=True) if path in paths
    ]
    if not kept:
        return None
    return row._replace(paths=tuple(path for path, _ in kept), values=[value for _, value in kept])


class _Values:
    """The values of a key in some rows."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def values(self) -> list[Any]:
        return list(self._values)

    def tally(self) -> tuple[int, int, int]:
        kinds = [_kind([value]) for value in self._values]
        return kinds.count("number"), kinds.count("text"), kinds.count("other")

    def cut(self, start: int, stop: int) -> _Values:
        return _Values(self._values[start:stop])


class MemorySeries:
    """Every record in a list; every answer a loop over it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._projects: dict[int, _Project] = {}

    def append(self, project: int, batches: Sequence[Batch]) -> None:
        with self._lock:
            here = self._projects.setdefault(project, _Project())
            cursors = dict(here.cursors)
            for batch in batches:
                expected = cursors.get(batch.stream, 0)
                if batch.first != expected:
                    raise Gap(
                        f"stream {batch.stream} goes on at {expected}, not at {batch.first}",
                        next=expected,
                        stream=batch.stream,
                    )
                cursors[batch.stream] = expected + batch.count
            for batch in batches:
                self._store(here, batch)
            here.cursors = cursors

    @staticmethod
    def _store(here: _Project, batch: Batch) -> None:
        here.batches.setdefault(batch.stream, []).append(batch)
        shapes = here.shapes.setdefault(batch.stream, {})
        for shape, paths in batch.shapes.items():
            shapes.setdefault(shape, tuple(paths))
        segment = here.segments.setdefault(batch.segment, _Segment())
        decoder = Decoder(shapes)
        for frame in frames_of(decompress(batch.body)):
            try:
                record = decoder.decode(frame)
            except CorruptRecord:
                continue
            if isinstance(record, (Row, System)):
                segment.data.append((segment.records + frame.seq - batch.first, record))
        segment.records += batch.count
        segment.rows += batch.rows
        for line in batch.lines:
            key = (batch.stream, line.label, line.stream, line.number)
            if (known := segment.lines.get(key)) is not None:
                is_redrawn = not line.text.startswith(known.text)
                line = replace(line, updates=known.updates + is_redrawn)
                if is_redrawn:
                    segment.updates.setdefault(key, []).append((known.time_us, known.text))
            segment.lines[key] = line

    def cursor(self, project: int, stream: str) -> int:
        with self._lock:
            return self._projects.get(project, _Project()).cursors.get(stream, 0)

    def size(self, project: int) -> int:
        with self._lock:
            batches = self._projects.get(project, _Project()).batches
            return sum(len(batch.body) for some in batches.values() for batch in some)

    def shapes(self, project: int, stream: str) -> dict[int, tuple[str, ...]]:
        with self._lock:
            return dict(self._projects.get(project, _Project()).shapes.get(stream, {}))

    def batches(self, project: int, stream: str, first: int = 0) -> Iterator[Batch]:
        with self._lock:
            stored = list(self._projects.get(project, _Project()).batches.get(stream, ()))
        kept = [batch for batch in stored if batch.first + batch.count > first]
        return iter([replace(batch, shapes={}, lines=()) for batch in kept])

    def applied(self, project: int, cursors: Mapping[str, int]) -> None:
        with self._lock:
            self._projects.setdefault(project, _Project()).applied.update(cursors)

    def _segment(self, project: int, segment: int) -> _Segment:
        return self._projects.get(project, _Project()).segments.get(segment, _Segment())

    def keys(self, project: int, segments: Sequence[int]) -> dict[int, list[KeyStat]]:
        with self._lock:
            return {number: self._keys(self._segment(project, number)) for number in segments}

    @staticmethod
    def _keys(segment: _Segment) -> list[KeyStat]:
        found: dict[str, list[tuple[int, Any]]] = {}
        for _arrival, row in segment.data:
            for path, value in zip(row.paths, row.values, strict=True):
                found.setdefault(path, []).append((row.step, value))
        return [
            KeyStat(
                path,
                _kind(value for _, value in logged),
                len(logged),
                min(step for step, _ in logged),
                max(step for step, _ in logged),
            )
            for path, logged in found.items()
        ]

    def rows(self, project: int, segments: Sequence[int]) -> dict[int, int]:
        with self._lock:
            return {number: self._segment(project, number).rows for number in segments}

    def bounds(self, project: int, segments: Sequence[int]) -> dict[int, tuple[int, int]]:
        with self._lock:
            steps = {
                number: [row.step for _arrival, row in self._segment(project, number).data]
                for number in segments
            }
        return {number: (min(own), max(own)) for number, own in steps.items() if own}

    def replay(self, project: int, span: Range) -> Iterator[Logged]:
        with self._lock:
            data = list(self._segment(project, span.segment).data)
        rows = [row for _arrival, row in data if _within(row, span)]
        columns: dict[str, tuple[list[int], list[Any]]] = {}
        for place, row in enumerate(rows):
            for path, value in zip(row.paths, row.values, strict=True):
                places, values = columns.setdefault(path, ([], []))
                places.append(place)
                values.append(value)
        yield Logged(
            np.array([row.step for row in rows], np.int64),
            np.array([row.time_us for row in rows], np.int64),
            np.array([row.runtime_us for row in rows], np.int64),
            sum(isinstance(row, Row) and row.is_part for row in rows),
            {
                path: LoggedColumn(np.array(places, np.int64), _Values(values), len(values))
                for path, (places, values) in columns.items()
            },
        )

    def points(
        self, project: int, path: str, ranges: Sequence[Range], x: XAxis = "step"
    ) -> list[Points]:
        with self._lock:
            return [self._points(self._segment(project, r.segment), path, r, x) for r in ranges]

    @staticmethod
    def _points(segment: _Segment, path: str, span: Range, x: XAxis) -> Points:
        last: dict[int, tuple[float, float]] = {}
        for _arrival, row in segment.data:
            if path in row.paths and _within(row, span):
                value = number(row.values[row.paths.index(path)])
                if value is not None:
                    last[row.step] = (value, _x(row, x))
        steps = sorted(last)
        return Points(
            np.array(steps, np.int64),
            np.array([last[step][0] for step in steps], np.float64),
            np.array([last[step][1] for step in steps], np.float64),
        )

    def cells(
        self, project: int, path: str, ranges: Sequence[Range], size: int, x: XAxis = "step"
    ) -> tuple[Cells, Ints] | None:
        found = [_cells(points, size) for points in self.points(project, path, ranges, x)]
        if not found:
            return None
        names = [column.name for column in fields(Cells)]
        joined = (np.concatenate([getattr(part, name) for part in found]) for name in names)
        return Cells(*joined), np.cumsum([len(part.count) for part in found])

    def scan(
        self,
        project: int,
        span: Range,
        paths: Sequence[str] | None = None,
        after: tuple[int, int] | None = None,
        limit: int = 10_000,
    ) -> tuple[list[tuple[tuple[int, int], Row | System]], bool]:
        with self._lock:
            data = list(self._segment(project, span.segment).data)
        found: list[tuple[tuple[int, int], Row | System]] = []
        for arrival, row in data:
            kept = row if paths is None else _cut(row, paths)
            position = (row.step, arrival)
            if kept is not None and _within(row, span) and (after is None or position > after):
                found.append((position, kept))
        found.sort(key=lambda item: item[0])
        return found[:limit], len(found) > limit

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
        with self._lock:
            stored = list(enumerate(self._segment(project, segment).lines.values()))
        matching = [
            (index, line)
            for index, line in stored
            if (stream is None or line.stream == stream)
            and (label is None or line.label == label)
            and (search is None or search.casefold() in line.text.casefold())
        ]
        window = [
            (index, line)
            for index, line in matching
            if index > after
            and (before is None or index < before)
            and (until_us is None or line.time_us <= until_us)
        ]
        return (window[max(0, len(window) - limit) :] if tail else window[:limit]), len(matching)

    def updates(self, project: int, segment: int, index: int) -> list[tuple[int, str]]:
        with self._lock:
            here = self._segment(project, segment)
            key = next(islice(here.lines, index, None), None) if index >= 0 else None
            return [] if key is None else here.updates.get(key, [])[-UPDATES_MAX:]

    def compact(self, project: int | None = None, *, idle: bool = False) -> int:
        """Forget the batches that are applied; the rows are kept apart anyway."""
        gone = 0
        with self._lock:
            for number_, here in self._projects.items():
                if project not in (None, number_):
                    continue
                for stream, batches in here.batches.items():
                    if not idle and sum(batch.rows for batch in batches) < COMPACT_ROWS:
                        continue
                    done = here.applied.get(stream, 0)
                    kept = [batch for batch in batches if batch.first + batch.count > done]
                    gone += len(batches) - len(kept)
                    here.batches[stream] = kept
        return gone

    def drop(
        self, project: int, segments: Sequence[int] | None = None, streams: Sequence[str] = ()
    ) -> None:
        with self._lock:
            if segments is None:
                self._projects.pop(project, None)
                return
            here = self._projects.get(project, _Project())
            for number_ in segments:
                here.segments.pop(number_, None)
            for stream, batches in here.batches.items():
                here.batches[stream] = [b for b in batches if b.segment not in segments]
            for stream in streams:
                for known in (here.cursors, here.applied, here.shapes, here.batches):
                    known.pop(stream, None)

    def close(self) -> None:
        with self._lock:
            self._projects.clear()


def _cells(points: Points, size: int) -> Cells:
    columns: list[tuple[float, ...]] = []
    for start in range(0, len(points.steps), size):
        x = points.x[start : start + size].tolist()
        values = points.values[start : start + size].tolist()
        finite = [(value, at) for value, at in zip(values, x, strict=True) if math.isfinite(value)]
        low = min(finite, default=(math.nan, (x[0] + x[-1]) / 2), key=lambda pair: pair[0])
        high = max(finite, default=(math.nan, (x[0] + x[-1]) / 2), key=lambda pair: pair[0])
        columns.append((
            x[0], x[-1], low[1], high[1],
            finite[0][0] if finite else math.nan, low[0], high[0],
            finite[-1][0] if finite else math.nan, sum(value for value, _ in finite),
            len(values), sum(map(math.isnan, values)),
            values.count(math.inf), values.count(-math.inf),
        ))  # fmt: skip
    table = list(zip(*columns, strict=True)) or [()] * 13

    def floats(column: int) -> Floats:
        return np.array(table[column], np.float64)

    def ints(column: int) -> Ints:
        return np.array(table[column], np.int64)

    return Cells(
        x_first=floats(0), x_last=floats(1), x_min=floats(2), x_max=floats(3),
        first=floats(4), min=floats(5), max=floats(6), last=floats(7), total=floats(8),
        count=ints(9), nan=ints(10), pinf=ints(11), ninf=ints(12),
    )  # fmt: skip
