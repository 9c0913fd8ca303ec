"""Bucketed series of many runs and metrics in one answer.

For every metric: read and put into buckets (`series_reader.py`), coarsen what was put on a finer grid when
the grid grew, encode. Encoded series and their extents are kept by the number of rows their segments hold, so
a live run costs only itself.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from kiseki.core.query import buckets as bucketing
from kiseki.core.query import wire
from kiseki.core.query.buckets import Buckets, Grid
from kiseki.core.query.chains import Chain, clipped
from kiseki.core.query.expressions import MARK, of_metric
from kiseki.core.query.grouping import combine
from kiseki.core.query.kept import Lru
from kiseki.core.query.series_reader import Extent, Part, Reader, Source
from kiseki.core.query.series_request import AXES, BUCKETS_EACH_MAX, Groups, SeriesRequest
from kiseki.core.query.smoothing import Means, smooth
from kiseki.storage.interface import SeriesStore

BUCKETS_MAX = 300_000  # of one answer
VALUES_OF_BUCKET = 4  # first, min, max and last
BUCKETS_EACH_MIN = 16  # a budget never cuts a series below this
EXTENTS_MAX = 200_000
ENTRY_BYTES = 600  # of a cached series beside its columns
STEPS_NEAR = 1_000  # the last inherited point is looked for so far before the fork
JOINED_MAX = 2_000_000  # members × buckets of a group
CACHE_BYTES_MAX = 64 * 1024 * 1024

V = TypeVar("V")


class Charts:
    """Answers what charts draw. Thread-safe."""

    def __init__(self, series: SeriesStore, cache_bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._series = series
        self._encoded = _Made(wire.encode, lambda one: len(one.data), cache_bytes_max)
        self._means = _Made(_means, lambda one: 32 * one.size, cache_bytes_max)
        self._extents: Lru[tuple[object, ...], Extent] = Lru(EXTENTS_MAX)

    def tag(self, project: int, request: SeriesRequest) -> str:
        """Return what changes whenever the answer might: from the rows that the segments hold."""
        parts = (wire.MAGIC, project, request, sorted(self._rows(project, request).items()))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def answer(self, project: int, request: SeriesRequest) -> bytes:
        """Return the series of a request, as `docs/api/native.md` says.

        Raises:
            Invalid: more than the limits allow.
        """
        request.check()
        request = self._tightened(project, request)
        rows = self._rows(project, request)
        found: list[wire.Named] = []
        if request.runs:
            one_each = _Asked(
                project,
                request,
                request.runs,
                rows,
                _of_points(request.buckets, request.runs, rows),
            )
            for metric in dict.fromkeys(request.metrics):
                encoded = self._metric(one_each, metric, self._encoded)[0]
                found += [
                    wire.Named(
                        metric, run, encoded[run],
                        inherited=self._inherited_x(project, request, metric, run),
                    )
                    for run in request.runs
                    if run in encoded
                ]  # fmt: skip
        if request.groups is not None:
            found += self._grouped(project, request, request.groups, rows)
        return wire.frame(request.x, found)

    def _inherited_x(
        self, project: int, request: SeriesRequest, metric: str, run: str
    ) -> float | None:
        """Return the x of the last point that another run logged, if there is one and x is no metric."""
        step = request.inherited.get(run)
        axis = AXES.get(request.x)
        if step is None or axis is None:
            return None
        if axis == "step":
            return float(step)
        expression = of_metric(metric)
        path = metric if expression is None else expression.metrics[0]
        near = clipped(request.runs[run][:-1], step - STEPS_NEAR, step)
        points = [part for part in self._series.points(project, path, near, axis) if len(part.x)]
        return float(points[-1].x[-1]) - request.origins.get(run, 0.0) if points else None

    def _grouped(
        self, project: int, request: SeriesRequest, asked: Groups, rows: Mapping[int, int]
    ) -> Iterator[wire.Named]:
        """Yield a line of each metric of each group."""
        largest = max((len(group.members) for group in asked.groups), default=1)
        buckets = min(request.buckets, max(BUCKETS_EACH_MIN, JOINED_MAX // max(largest, 1)))
        members = _Asked(project, request, asked.chains, rows, buckets)
        for metric in dict.fromkeys(request.metrics):
            means, on = self._metric(members, metric, self._means)
            if on is None:
                continue
            runs = list(means)
            smoothed = smooth([means[run] for run in runs], asked.smoothing)
            curves = dict(zip(runs, smoothed, strict=True))
            for group in asked.groups:
                held = [run for run in group.members if run in means]
                if not held:
                    continue
                parts = [means[run] for run in held]
                line = combine(parts, [curves[run] for run in held], on, asked.look)
                encoded = wire.encode_group(line, parts)
                yield wire.Named(metric, group.values, encoded, len(group.members), line.size)

    def _rows(self, project: int, request: SeriesRequest) -> dict[int, int]:
        chains = [
            *request.runs.values(),
            *(request.groups.chains.values() if request.groups else ()),
        ]
        segments = {link.segment for chain in chains for link in chain}
        return self._series.rows(project, sorted(segments)) if segments else {}

    def _tightened(self, project: int, request: SeriesRequest) -> SeriesRequest:
        """Return the request with the steps that the links of chains hold, so that it shows which overlap."""
        runs = self._bounded(project, request.runs)
        groups = request.groups
        if groups is not None:
            groups = replace(groups, chains=self._bounded(project, groups.chains))
        return replace(request, runs=runs, groups=groups)

    def _bounded(self, project: int, runs: Mapping[str, Chain]) -> dict[str, Chain]:
        joined = {link.segment for chain in runs.values() if len(chain) > 1 for link in chain}
        bounds = self._series.bounds(project, sorted(joined)) if joined else {}
        return {
            run: chain
            if len(chain) == 1
            else tuple(
                part
                for link in chain
                if link.segment in bounds
                for part in clipped((link,), *bounds[link.segment])
            )
            for run, chain in runs.items()
        }

    def _metric(
        self, asked: _Asked, metric: str, made: _Made[V]
    ) -> tuple[dict[str, V], Grid | None]:
        """Return what is made of the series of one metric that have points, by run, and their grid."""
        reader, sources = asked.reader(self._series), asked.sources(metric)
        on = reader.window
        built: list[Part] = []
        if on is None:
            extent, built = self._survey(reader, metric, sources)
            on = reader.grid(extent)
            if on is None:
                return {}, None
            if reader.is_clipped:  # what was read is on a grid that reaches further
                built = []
        found: dict[str, V] = {}
        missing: list[Source] = []
        at_hand = {part.source.run for part in built}
        for source in sources:
            if source.run not in at_hand:
                cached = made.kept.get((source.identity, on))
                if cached is None:
                    missing.append(source)
                elif made.size(cached):
                    found[source.run] = cached
        for part in itertools.chain(built, reader.read(metric, missing, on)):
            series = part.buckets
            if part.on.exponent != on.exponent:
                series = bucketing.coarsen(series, on)
            one = made.make(series, part.level)
            size = made.size(one)
            made.kept.put((part.source.identity, on), one, size + ENTRY_BYTES)
            if size:
                found[part.source.run] = one
        return found, on

    def _survey(
        self, reader: Reader, metric: str, sources: Sequence[Source]
    ) -> tuple[Extent, list[Part]]:
        """Return how far the series of a metric reach, and those that had to be read for it."""
        extent = Extent()
        unknown: list[Source] = []
        for source in sources:
            known = self._extents.get(source.identity)
            if known is None:
                unknown.append(source)
            else:
                extent.cover(known)
        built: list[Part] = []
        for part in reader.read(metric, unknown, None, extent):
            self._extents.put(part.source.identity, part.extent, 1)
            built.append(part)
        return extent, built


class _Made(Generic[V]):
    """What bucketed series are made into, and those that were made already."""

    def __init__(
        self,
        make: Callable[[Buckets, wire.Level], V],
        size: Callable[[V], int],
        bytes_max: int,
    ) -> None:
        self.make = make
        self.size = size  # in bytes; 0: the series has no point
        self.kept: Lru[tuple[object, ...], V] = Lru(bytes_max)


class _Asked:
    """Runs of a request, and how much of them there is."""

    def __init__(
        self,
        project: int,
        request: SeriesRequest,
        runs: Mapping[str, Chain],
        rows: Mapping[int, int],
        buckets: int,
    ) -> None:
        self._project = project
        self._request = request
        self._runs = runs
        self._rows = rows
        self._counts = {
            run: sum(rows[link.segment] for link in chain) for run, chain in runs.items()
        }
        self._buckets = _budget(buckets, self._counts, len(set(request.metrics)))
        self._reader: Reader | None = None

    def reader(self, series: SeriesStore) -> Reader:
        """Return the one reader of the request, which counts what it decodes."""
        if self._reader is None:
            self._reader = Reader(series, self._project, self._request, self._buckets)
        return self._reader

    def sources(self, metric: str) -> list[Source]:
        request = self._request
        return [
            Source(
                run, chain, self._counts[run],
                (
                    self._project, metric, chain,
                    tuple(self._rows[link.segment] for link in chain), request.x, request.log_x,
                    request.origins.get(run),
                    tuple(request.constants.get(run, {}).items()) if metric.startswith(MARK) else (),
                ),
            )
            for run, chain in self._runs.items()
            if self._counts[run]
        ]  # fmt: skip


def _means(series: Buckets, level: wire.Level) -> Means:
    """Return what grouping needs of a series."""
    mean = np.where(np.isfinite(series.mean), series.mean, np.nan)
    nan, pinf, ninf = series.nan, series.pinf, series.ninf
    finite = (series.count - nan - pinf - ninf).astype(np.float64)
    return Means(
        series.x, series.x_last, mean, finite, series.total,
        int(nan.sum()), int(pinf.sum()), int(ninf.sum()), series.omitted,
    )  # fmt: skip


def _of_points(buckets: int, runs: Mapping[str, Chain], rows: Mapping[int, int]) -> int:
    """Return so many buckets that points may have one each, if they then cost no more than was asked for.

    A bucket is drawn by four values, a point by one. Without this a short and noisy series would be drawn by
    means where there is room for all of it.
    """
    most = max((sum(rows[link.segment] for link in chain) for chain in runs.values()), default=0)
    room = min(BUCKETS_EACH_MAX, VALUES_OF_BUCKET * buckets)
    return room if most <= room else buckets


def _budget(buckets: int, counts: Mapping[str, int], metrics: int) -> int:
    """Return how many buckets each series gets, so that the answer keeps within its limit."""
    wanted = sum(min(buckets, count) for count in counts.values()) * metrics
    if wanted <= BUCKETS_MAX:
        return buckets
    return min(buckets, max(BUCKETS_EACH_MIN, BUCKETS_MAX // (len(counts) * metrics)))
