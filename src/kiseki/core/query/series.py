"""Bucketed series of many runs and metrics in one answer.

For every metric: read (points, or summaries of them where a bucket would hold dozens) block by block, put on
the finest grid that covers what was seen so far, coarsen what was put on a finer one when the grid grows
(grids nest), encode. Memory is bounded by a block, work by the limits below. Encoded series and their
extents are kept by the number of rows their segments hold, so a live run costs only itself.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np

from kiseki.core.query import buckets as bucketing
from kiseki.core.query import wire
from kiseki.core.query.buckets import Buckets, Grid
from kiseki.core.query.expressions import MARK, Expression, Work, evaluate, of_metric
from kiseki.core.query.grouping import MEAN, Look, combine
from kiseki.core.query.smoothing import PLAIN, Means, Smoothing, smooth
from kiseki.errors import Invalid
from kiseki.storage.interface import (
    Cells,
    Floats,
    GroupValue,
    Points,
    Range,
    SeriesStore,
    XAxis,
)

PAIRS_MAX = 20_000  # metrics × runs of one request
BUCKETS_MAX = 300_000  # of one answer
BUCKETS_EACH_MAX = 8_192
VALUES_OF_BUCKET = 4  # first, min, max and last
BUCKETS_EACH_MIN = 16  # a budget never cuts a series below this
POINTS_MAX = 20_000_000  # decoded for one answer
BLOCK_POINTS = 1_000_000  # decoded at once
CELLS_FROM_POINTS = 2_000_000  # as long as an answer needs fewer, all are read point by point
POINTS_PER_BUCKET_MIN = 32  # …and so is a series with fewer points in a bucket
CELLS_PER_BUCKET = 4
CELL_MIN = 16  # points in the finest cells worth asking for
EXTENTS_MAX = 200_000
ENTRY_BYTES = 600  # of a cached series beside its columns
STEPS_NEAR = 1_000  # the last inherited point is looked for so far before the fork
JOINED_MAX = 2_000_000  # members × buckets of a group
CACHE_BYTES_MAX = 64 * 1024 * 1024

ELAPSED = "_elapsed"
_AXES: dict[str, XAxis] = {
    "_step": "step", "_runtime": "runtime", "_timestamp": "time", ELAPSED: "time",
}  # fmt: skip

Chain = tuple[Range, ...]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Group:
    """Runs to be drawn as one line: what they have in common, and their ids."""

    values: tuple[GroupValue, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of runs, each a line of its own.

    Attributes:
        groups: a run may be in several.
        chains: run id → where its rows lie, of all members.
    """

    groups: Sequence[Group]
    chains: Mapping[str, Chain]
    look: Look = MEAN
    smoothing: Smoothing = PLAIN


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """What a page asks for.

    Attributes:
        metrics: key paths, and expressions (`= 1 - train/acc`).
        runs: run id → where its rows lie.
        x: `_step`, `_runtime` (s), `_elapsed` (s since `origins`), `_timestamp` (Unix s) or the key path of a
            metric.
        x_min, x_max: the window; None: as far as the data goes.
        buckets: at most this many of each series.
        origins: run id → the Unix second from which `_elapsed` counts.
        inherited: run id → up to which step its rows are those of another run.
        constants: run id → the numbers that expressions name of its config and summary.
    """

    metrics: Sequence[str]
    runs: Mapping[str, Chain]
    x: str = "_step"
    x_min: float | None = None
    x_max: float | None = None
    buckets: int = 400
    log_x: bool = False
    groups: Groups | None = None
    constants: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    inherited: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[str, float] = field(default_factory=dict)

    def check(self) -> None:
        """Raise Invalid if this cannot be answered."""
        for metric in self.metrics:
            of_metric(metric)
        if self.x.startswith(MARK):
            raise Invalid("`x` is an axis or a metric, not an expression", code="x")
        runs = len(self.runs) + (len(self.groups.chains) if self.groups else 0)
        pairs = len(self.metrics) * runs
        if pairs > PAIRS_MAX:
            raise Invalid(
                f"{len(self.metrics):,} metrics of {runs:,} runs are {pairs:,} series; "
                f"at most {PAIRS_MAX:,} fit in one answer: ask for fewer at a time",
                code="too-many-series",
            )
        if not 2 <= self.buckets <= BUCKETS_EACH_MAX:
            raise Invalid(f"`buckets` is a number from 2 to {BUCKETS_EACH_MAX:,}", code="buckets")
        for name, bound in (("x_min", self.x_min), ("x_max", self.x_max)):
            if bound is not None and not math.isfinite(bound):
                raise Invalid(f"`{name}` must be a finite number", code="window")
        if self.x_min is not None and self.x_max is not None and self.x_min > self.x_max:
            raise Invalid("`x_min` is larger than `x_max`", code="window")


class Lru(Generic[K, V]):
    """A map that forgets what was not used for longest. Thread-safe."""

    def __init__(self, weight_max: int) -> None:
        self._lock = threading.Lock()
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._weight_max = weight_max

    def get(self, key: K) -> V | None:
        with self._lock:
            found = self._items.get(key)
            if found is None:
                return None
            self._items.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        with self._lock:
            old = self._items.pop(key, None)
            self._weight += weight - (old[1] if old else 0)
            self._items[key] = (value, weight)
            while self._weight > self._weight_max:
                _, (_, gone) = self._items.popitem(last=False)
                self._weight -= gone


@dataclass(frozen=True, slots=True)
class _Source:
    """One (metric, run): where to read, how many points at most, and the identity of what is there now."""

    run: str
    chain: Chain
    rows: int
    identity: tuple[object, ...]


@dataclass(slots=True)
class _Extent:
    """Smallest and largest x that have a place on the axis."""

    lo: float = math.inf
    hi: float = -math.inf

    @property
    def is_empty(self) -> bool:
        return self.lo > self.hi

    def cover(self, other: _Extent) -> None:
        self.lo, self.hi = min(self.lo, other.lo), max(self.hi, other.hi)


class _Wanted:
    """A series to be read: of how many points at most, and whether summaries may stand for them."""

    def __init__(self, source: _Source, points: int, may_sum: bool = True) -> None:
        self.source = source
        self.points = points
        self.may_sum = may_sum and _is_disjoint(source.chain)


@dataclass(frozen=True, slots=True)
class _Part:
    """One series as it was read."""

    source: _Source
    buckets: Buckets
    on: Grid
    extent: _Extent
    level: wire.Level


class Charts:
    """Answers what charts draw. Thread-safe."""

    def __init__(self, series: SeriesStore, cache_bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._series = series
        self._encoded = _Made(wire.encode, lambda one: len(one.data), cache_bytes_max)
        self._means = _Made(_means, lambda one: 32 * one.size, cache_bytes_max)
        self._extents: Lru[tuple[object, ...], _Extent] = Lru(EXTENTS_MAX)

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
        axis = _AXES.get(request.x)
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
        built: list[_Part] = []
        if on is None:
            extent, built = self._survey(reader, metric, sources)
            on = reader.grid(extent)
            if on is None:
                return {}, None
            if reader.is_clipped:  # what was read is on a grid that reaches further
                built = []
        found: dict[str, V] = {}
        missing: list[_Source] = []
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
        self, reader: _Reader, metric: str, sources: Sequence[_Source]
    ) -> tuple[_Extent, list[_Part]]:
        """Return how far the series of a metric reach, and those that had to be read for it."""
        extent = _Extent()
        unknown: list[_Source] = []
        for source in sources:
            known = self._extents.get(source.identity)
            if known is None:
                unknown.append(source)
            else:
                extent.cover(known)
        built: list[_Part] = []
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
        self._reader: _Reader | None = None

    def reader(self, series: SeriesStore) -> _Reader:
        """Return the one reader of the request, which counts what it decodes."""
        if self._reader is None:
            self._reader = _Reader(series, self._project, self._request, self._buckets)
        return self._reader

    def sources(self, metric: str) -> list[_Source]:
        request = self._request
        return [
            _Source(
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


class _Reader:
    """Reads and buckets the series of one request; counts what it decodes."""

    def __init__(
        self, series: SeriesStore, project: int, request: SeriesRequest, buckets: int
    ) -> None:
        self._series = series
        self._project = project
        self._request = request
        self._buckets = buckets
        self._axis = _AXES.get(request.x)
        self._planned = 0  # points to be decoded so far
        self._work = Work()
        log = request.log_x
        self._x_min = None if log and (request.x_min or 0) <= 0 else request.x_min
        self._x_max = None if log and (request.x_max or 0) <= 0 else request.x_max
        self.is_clipped = (self._x_min is None) != (self._x_max is None)
        self.window: Grid | None = None
        if self._x_min is not None and self._x_max is not None:
            self.window = bucketing.grid(self._x_min, self._x_max, buckets, log)

    def grid(self, extent: _Extent) -> Grid | None:
        """Return the grid of the window over series that reach so far; None if nothing is in it."""
        lo = extent.lo if self._x_min is None else self._x_min
        hi = extent.hi if self._x_max is None else self._x_max
        if extent.is_empty or lo > hi:
            return None
        return bucketing.grid(lo, hi, self._buckets, self._request.log_x)

    def read(
        self,
        metric: str,
        sources: Sequence[_Source],
        on: Grid | None,
        extent: _Extent | None = None,
    ) -> Iterator[_Part]:
        """Yield each series on the grid; without one, on grids that grow with `extent`, which grows too."""
        expression = of_metric(metric)
        if expression is None:
            each, waiting = 1, [_Wanted(source, self._reach(source, on)) for source in sources]
        else:  # of points alone
            each = len(expression.metrics) * (1 + len(expression.axes))
            reach = on if expression.is_local else None
            waiting = [_Wanted(source, self._reach(source, reach), False) for source in sources]
        while waiting:
            again: list[_Wanted] = []
            for size, block in self._plan(waiting, each):
                if size:
                    parts = self._cells(metric, block, size, on, extent, again)
                else:
                    parts = self._points(metric, block, on, extent)
                yield from parts
            waiting = again

    def _reach(self, source: _Source, on: Grid | None) -> int:
        """Return how many points a series may have on the grid."""
        if on is None or self._axis != "step":
            return source.rows
        lo, hi = _steps(on)
        return min(
            source.rows, max(0, hi - lo + 1) if lo is not None and hi is not None else source.rows
        )

    def _plan(
        self, waiting: Sequence[_Wanted], each: int = 1
    ) -> Iterator[tuple[int, list[_Source]]]:
        """Yield blocks of series to be read together, each with the size of cells (0: points).

        `each`: how many metrics are read for a series.
        """
        # Of the whole answer: a dozen metrics just below it are too many together.
        many = self._planned + sum(wanted.points for wanted in waiting) > CELLS_FROM_POINTS
        by_size: dict[int, list[_Source]] = {}
        block: list[_Source] = []
        planned = 0
        for wanted in waiting:
            if many and wanted.may_sum and (size := self._cell_size(wanted.points)):
                by_size.setdefault(size, []).append(wanted.source)
                continue
            points = wanted.points * each
            if block and planned + points > BLOCK_POINTS:
                yield 0, block
                block, planned = [], 0
            self._plan_points(points)
            block.append(wanted.source)
            planned += points
        if block:
            yield 0, block
        yield from by_size.items()

    def _plan_points(self, count: int) -> None:
        self._planned += count if self._axis is not None else 2 * count
        if self._planned > POINTS_MAX:
            raise Invalid(
                f"this chart needs more than {POINTS_MAX:,} points to be read one by one: choose fewer "
                "runs or metrics, a narrower window, or `_step` as x",
                code="too-many-points",
            )

    def _cell_size(self, points: int) -> int:
        """Return the cell size for a series of so many points, 0 if it is to be read point by point."""
        each = points // self._buckets
        if self._axis is None or each < POINTS_PER_BUCKET_MIN:
            return 0
        return int(
            CELL_MIN * 4 ** (max(0, (each // CELLS_PER_BUCKET // CELL_MIN).bit_length() - 1) // 2)
        )

    def _points(
        self, metric: str, block: Sequence[_Source], on: Grid | None, extent: _Extent | None
    ) -> list[_Part]:
        placed: list[tuple[Floats, Floats]] = []
        omitted: list[int] = []
        for x, y, missing in self._xy(metric, block, on):
            x, y, without = bucketing.placed(x, y, self._request.log_x)
            placed.append((x, y))
            omitted.append(missing + without)
        extents = [_Extent(float(x[0]), float(x[-1])) if len(x) else _Extent() for x, _ in placed]
        use = self._grown(on, extent, extents)
        reduced = bucketing.reduce_points(placed, use)
        for series, missing in zip(reduced, omitted, strict=True):
            series.omitted = missing
        return [
            _Part(source, series, use, reached, "points")
            for source, series, reached in zip(block, reduced, extents, strict=True)
        ]

    def _xy(
        self, metric: str, block: Sequence[_Source], on: Grid | None
    ) -> Iterator[tuple[Floats, Floats, int]]:
        """Yield x, y and the number of points without an x, for each series."""
        expression = of_metric(metric)
        reach = None if expression is not None and not expression.is_local else on
        chains = [self._clipped(source.chain, reach) for source in block]
        if expression is None:
            joined = self._joined(metric, chains, self._axis or "step")
        else:
            joined = self._evaluated(expression, block, chains)
        if self._axis is not None:
            for source, points in zip(block, joined, strict=True):
                origin = self._request.origins.get(source.run)
                x = points.x if origin is None else points.x - origin
                yield x, points.values, 0
            return
        axes = self._joined(self._request.x, chains, "step")
        yield from (_against(points, axis) for points, axis in zip(joined, axes, strict=True))

    def _joined(self, metric: str, chains: Sequence[Chain], axis: XAxis) -> list[Points]:
        """Return the points of a metric in each chain."""
        links = [link for chain in chains for link in chain]
        read = iter(self._series.points(self._project, metric, links, axis))
        return [_join(list(itertools.islice(read, len(chain)))) for chain in chains]

    def _evaluated(
        self, expression: Expression, block: Sequence[_Source], chains: Sequence[Chain]
    ) -> list[Points]:
        """Return the points of an expression in each chain; none of a run that lacks a constant."""
        axis = self._axis or "step"
        points = {metric: self._joined(metric, chains, axis) for metric in expression.metrics}
        times: dict[str, list[Points]] = {}
        for name in expression.axes:
            held = [self._joined(one, chains, _AXES[name]) for one in expression.metrics]
            times[name] = [_join(parts) for parts in zip(*held, strict=True)]
        found: list[Points] = []
        for place, source in enumerate(block):
            constants = self._request.constants.get(source.run, {})
            if any(math.isnan(constants.get(name, math.nan)) for name in expression.constants):
                found.append(_join(()))
                continue
            mine = {metric: parts[place] for metric, parts in points.items()}
            clock = {name: parts[place] for name, parts in times.items()}
            found.append(evaluate(expression, mine, constants, clock, self._work))
        return found

    def _cells(
        self,
        metric: str,
        block: Sequence[_Source],
        size: int,
        on: Grid | None,
        extent: _Extent | None,
        again: list[_Wanted],
    ) -> list[_Part]:
        """Read summaries; series for which they are too coarse are put into `again`."""
        axis = self._axis or "step"
        chains = [self._clipped(source.chain, on) for source in block]
        links = [link for chain in chains for link in chain]
        read = iter(self._series.cells(self._project, metric, links, size, axis))
        good: list[tuple[_Source, list[Cells], _Extent]] = []
        for source, chain in zip(block, chains, strict=True):
            cells = list(itertools.islice(read, len(chain)))
            whole = [part for part in cells if part is not None and len(part.count)]
            if (origin := self._request.origins.get(source.run)) is not None:
                whole = [_since(part, origin) for part in whole]
            count = sum(int(part.count.sum()) for part in whole)
            if any(part is None for part in cells):
                again.append(_Wanted(source, self._reach(source, on), may_sum=False))
            elif self._cell_size(count) < size:  # the metric is rarer than the rows
                again.append(_Wanted(source, count))
            else:
                good.append((source, whole, _reach_of(whole, self._request.log_x)))
        use = self._grown(on, extent, [reached for _, _, reached in good])
        reduced = bucketing.reduce_cells([cells for _, cells, _ in good], use)
        return [
            _Part(source, series, use, reached, "cells")
            for (source, _, reached), series in zip(good, reduced, strict=True)
        ]

    def _grown(self, on: Grid | None, extent: _Extent | None, found: Sequence[_Extent]) -> Grid:
        if on is not None:
            return on
        extent = extent or _Extent()
        for one in found:
            extent.cover(one)
        if extent.is_empty:
            return Grid(0, 0, 0, self._request.log_x)
        return bucketing.grid(extent.lo, extent.hi, self._buckets, self._request.log_x)

    def _clipped(self, chain: Chain, on: Grid | None) -> Chain:
        """Return what of a chain can be on the grid."""
        if on is None or self._axis != "step":
            return chain
        return clipped(chain, *_steps(on))


def _steps(on: Grid) -> tuple[int | None, int | None]:
    """Return the smallest and largest whole step on a grid; None where it has no bound."""
    lo, hi = on.lo, on.hi
    if on.log:  # log10 rounds: one step more on either side, the grid decides
        lo, hi = lo * (1 - 1e-12) - 1, hi * (1 + 1e-12) + 1
    low = None if lo <= -(2.0**63) else math.ceil(lo)
    high = None if hi >= 2.0**63 else math.ceil(hi) - 1
    return low, high


def clipped(chain: Chain, lo: int | None, hi: int | None) -> Chain:
    """Return what of a chain lies within `lo <= step <= hi`."""
    found = []
    for link in chain:
        low = lo if link.lo is None else link.lo if lo is None else max(lo, link.lo)
        high = hi if link.hi is None else link.hi if hi is None else min(hi, link.hi)
        if low is None or high is None or low <= high:
            found.append(Range(link.segment, low, high))
    return tuple(found)


def _is_disjoint(chain: Chain) -> bool:
    """Return whether no step can be in two links."""
    return all(
        left.hi is not None and right.lo is not None and left.hi < right.lo
        for left, right in itertools.pairwise(chain)
    )


def _join(parts: Sequence[Points]) -> Points:
    """Return the points of a chain: by step, of one step the later link's."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0)
        return Points(np.zeros(0, np.int64), none, none)
    steps = np.concatenate([part.steps for part in parts])
    values = np.concatenate([part.values for part in parts])
    x = np.concatenate([part.x for part in parts])
    if bool(np.all(steps[1:] > steps[:-1])):
        return Points(steps, values, x)
    order = np.argsort(steps, kind="stable")
    steps = steps[order]
    latest = np.append(steps[1:] != steps[:-1], True)
    order = order[latest]
    return Points(steps[latest], values[order], x[order])


def _against(points: Points, axis: Points) -> tuple[Floats, Floats, int]:
    """Return the points with the values of another metric at the same step as x."""
    if not len(axis.steps):
        return np.zeros(0), np.zeros(0), len(points.steps)
    place = np.minimum(np.searchsorted(axis.steps, points.steps), len(axis.steps) - 1)
    has = axis.steps[place] == points.steps
    return axis.values[place[has]], points.values[has], int(len(has) - has.sum())


def _since(cells: Cells, origin: float) -> Cells:
    """Return cells whose x counts from an origin."""
    x = {name: getattr(cells, name) - origin for name in ("x_first", "x_last", "x_min", "x_max")}
    return replace(cells, **x)


def _reach_of(cells: Sequence[Cells], log: bool) -> _Extent:
    reached = _Extent()
    for part in cells:
        first, last = part.x_first, part.x_last
        if log:
            first, last = first[first > 0], last[first > 0]
        if len(first):
            reached.cover(_Extent(float(first.min()), float(last.max())))
    return reached
