"""The series of one request, read and put into buckets: points, or summaries where a bucket holds dozens.

They are read block by block and put on the finest grid that covers what was seen so far; who asked coarsens
what was put on a finer one (grids nest). Memory is bounded by a block, work by `POINTS_MAX`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from kiseki.core.query import buckets as bucketing
from kiseki.core.query.buckets import Buckets, Grid
from kiseki.core.query.chains import Chain, clipped, is_disjoint, join_points
from kiseki.core.query.expressions import Expression, Work, evaluate, of_metric
from kiseki.core.query.series_request import AXES, SeriesRequest
from kiseki.core.query.wire import Level
from kiseki.errors import Invalid
from kiseki.storage.interface import Cells, Floats, Ints, Points, SeriesStore, XAxis

POINTS_MAX = 20_000_000  # decoded for one answer
BLOCK_POINTS = 256 * 1024  # decoded at once: more would have to come from memory again
BLOCK_CELLS = 64 * 1024  # read at once: their columns stay in the processor's cache
CELLS_FROM_POINTS = 2_000_000  # as long as an answer needs fewer, all are read point by point
POINTS_PER_BUCKET_MIN = 32  # …and so is a series with fewer points in a bucket
CELLS_PER_BUCKET = 4
CELL_MIN = 16  # points in the finest cells worth asking for


@dataclass(frozen=True, slots=True)
class Source:
    """One (metric, run): where to read, how many points at most, and the identity of what is there now."""

    run: str
    chain: Chain
    rows: int
    identity: tuple[object, ...]


@dataclass(slots=True)
class Extent:
    """Smallest and largest x that have a place on the axis."""

    lo: float = math.inf
    hi: float = -math.inf

    @property
    def is_empty(self) -> bool:
        return self.lo > self.hi

    def cover(self, other: Extent) -> None:
        self.lo, self.hi = min(self.lo, other.lo), max(self.hi, other.hi)


class _Wanted:
    """A series to be read: of how many points at most, and whether summaries may stand for them."""

    def __init__(self, source: Source, points: int, may_sum: bool = True) -> None:
        self.source = source
        self.points = points
        self.may_sum = may_sum and is_disjoint(source.chain)


@dataclass(frozen=True, slots=True)
class Part:
    """One series as it was read."""

    source: Source
    buckets: Buckets
    on: Grid
    extent: Extent
    level: Level


class Reader:
    """Reads and buckets the series of one request; counts what it decodes."""

    def __init__(
        self, series: SeriesStore, project: int, request: SeriesRequest, buckets: int
    ) -> None:
        self._series = series
        self._project = project
        self._request = request
        self._buckets = buckets
        self._axis = AXES.get(request.x)
        self._planned = 0  # points to be decoded so far
        self._work = Work()
        log = request.log_x
        self._x_min = None if log and (request.x_min or 0) <= 0 else request.x_min
        self._x_max = None if log and (request.x_max or 0) <= 0 else request.x_max
        self.is_clipped = (self._x_min is None) != (self._x_max is None)
        self.window: Grid | None = None
        if self._x_min is not None and self._x_max is not None:
            self.window = bucketing.grid(self._x_min, self._x_max, buckets, log)

    def grid(self, extent: Extent) -> Grid | None:
        """Return the grid of the window over series that reach so far; None if nothing is in it."""
        lo = extent.lo if self._x_min is None else self._x_min
        hi = extent.hi if self._x_max is None else self._x_max
        if extent.is_empty or lo > hi:
            return None
        return bucketing.grid(lo, hi, self._buckets, self._request.log_x)

    def read(
        self,
        metric: str,
        sources: Sequence[Source],
        on: Grid | None,
        extent: Extent | None = None,
    ) -> Iterator[Part]:
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

    def _reach(self, source: Source, on: Grid | None) -> int:
        """Return how many points a series may have on the grid."""
        if on is None or self._axis != "step":
            return source.rows
        lo, hi = _steps(on)
        return min(
            source.rows, max(0, hi - lo + 1) if lo is not None and hi is not None else source.rows
        )

    def _plan(
        self, waiting: Sequence[_Wanted], each: int = 1
    ) -> Iterator[tuple[int, list[Source]]]:
        """Yield blocks of series to be read together, each with the size of cells (0: points).

        `each`: how many metrics are read for a series.
        """
        # Of the whole answer: a dozen metrics just below it are too many together.
        many = self._planned + sum(wanted.points for wanted in waiting) > CELLS_FROM_POINTS
        by_size: dict[int, list[_Wanted]] = {}
        block: list[Source] = []
        planned = 0
        for wanted in waiting:
            if many and wanted.may_sum and (size := self._cell_size(wanted.points)):
                by_size.setdefault(size, []).append(wanted)
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
        for size, some in by_size.items():
            cells = max(wanted.points for wanted in some) // size + 1
            together = max(1, BLOCK_CELLS // cells)
            for start in range(0, len(some), together):
                yield size, [wanted.source for wanted in some[start : start + together]]

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
        self, metric: str, block: Sequence[Source], on: Grid | None, extent: Extent | None
    ) -> list[Part]:
        placed: list[tuple[Floats, Floats]] = []
        omitted: list[int] = []
        for x, y, missing in self._xy(metric, block, on):
            x, y, without = bucketing.placed(x, y, self._request.log_x)
            placed.append((x, y))
            omitted.append(missing + without)
        extents = [Extent(float(x[0]), float(x[-1])) if len(x) else Extent() for x, _ in placed]
        use = self._grown(on, extent, extents)
        reduced = bucketing.reduce_points(placed, use)
        for series, missing in zip(reduced, omitted, strict=True):
            series.omitted = missing
        return [
            Part(source, series, use, reached, "points")
            for source, series, reached in zip(block, reduced, extents, strict=True)
        ]

    def _xy(
        self, metric: str, block: Sequence[Source], on: Grid | None
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
        return [join_points(list(itertools.islice(read, len(chain)))) for chain in chains]

    def _evaluated(
        self, expression: Expression, block: Sequence[Source], chains: Sequence[Chain]
    ) -> list[Points]:
        """Return the points of an expression in each chain; none of a run that lacks a constant."""
        axis = self._axis or "step"
        points = {metric: self._joined(metric, chains, axis) for metric in expression.metrics}
        times: dict[str, list[Points]] = {}
        for name in expression.axes:
            held = [self._joined(one, chains, AXES[name]) for one in expression.metrics]
            times[name] = [join_points(parts) for parts in zip(*held, strict=True)]
        found: list[Points] = []
        for place, source in enumerate(block):
            constants = self._request.constants.get(source.run, {})
            if any(math.isnan(constants.get(name, math.nan)) for name in expression.constants):
                found.append(join_points(()))
                continue
            mine = {metric: parts[place] for metric, parts in points.items()}
            clock = {name: parts[place] for name, parts in times.items()}
            found.append(evaluate(expression, mine, constants, clock, self._work))
        return found

    def _cells(
        self,
        metric: str,
        block: Sequence[Source],
        size: int,
        on: Grid | None,
        extent: Extent | None,
        again: list[_Wanted],
    ) -> list[Part]:
        """Read summaries; series for which they are too coarse are put into `again`."""
        axis = self._axis or "step"
        chains = [self._clipped(source.chain, on) for source in block]
        links = [link for chain in chains for link in chain]
        read = self._series.cells(self._project, metric, links, size, axis)
        if read is None:
            again += [_Wanted(source, self._reach(source, on), may_sum=False) for source in block]
            return []
        cells, ends = read
        borders = np.append(0, ends)[np.cumsum([0, *map(len, chains)])]
        counts = np.diff(np.append(0, np.cumsum(cells.count))[borders]).tolist()
        fits = np.array([self._cell_size(count) >= size for count in counts])
        if not fits.all():  # the metric is rarer than the rows
            again += [_Wanted(block[at], counts[at]) for at in np.flatnonzero(~fits).tolist()]
            sizes = np.diff(borders)
            held = np.repeat(fits, sizes)
            cells = Cells(*[getattr(cells, column.name)[held] for column in fields(Cells)])
            borders = np.append(0, np.cumsum(sizes[fits]))
        good = list(itertools.compress(block, fits.tolist()))
        if self._request.origins:
            origins = [self._request.origins.get(source.run, 0.0) for source in good]
            cells = _since(cells, np.repeat(origins, np.diff(borders)))
        extents = _extents(cells, borders, self._request.log_x)
        use = self._grown(on, extent, extents)
        reduced = bucketing.reduce_cells(cells, borders, use)
        return [
            Part(source, series, use, reached, "cells")
            for source, reached, series in zip(good, extents, reduced, strict=True)
        ]

    def _grown(self, on: Grid | None, extent: Extent | None, found: Sequence[Extent]) -> Grid:
        if on is not None:
            return on
        extent = extent or Extent()
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


def _against(points: Points, axis: Points) -> tuple[Floats, Floats, int]:
    """Return the points with the values of another metric at the same step as x."""
    if not len(axis.steps):
        return np.zeros(0), np.zeros(0), len(points.steps)
    place = np.minimum(np.searchsorted(axis.steps, points.steps), len(axis.steps) - 1)
    has = axis.steps[place] == points.steps
    return axis.values[place[has]], points.values[has], int(len(has) - has.sum())


def _since(cells: Cells, origin: Floats) -> Cells:
    """Return cells whose x counts from origins."""
    x = {name: getattr(cells, name) - origin for name in ("x_first", "x_last", "x_min", "x_max")}
    return replace(cells, **x)


def _extents(cells: Cells, borders: Ints, log: bool) -> list[Extent]:
    """Return how far the cells between borders reach."""
    first, last = cells.x_first, cells.x_last
    if log:
        has_place = first > 0
        first, last = np.where(has_place, first, np.inf), np.where(has_place, last, -np.inf)
    found = [Extent() for _ in borders[1:]]
    some = np.flatnonzero(np.diff(borders))
    if len(some):
        starts = borders[some]
        lows, highs = np.minimum.reduceat(first, starts), np.maximum.reduceat(last, starts)
        for place, low, high in zip(some.tolist(), lows.tolist(), highs.tolist(), strict=True):
            found[place].cover(Extent(low, high))
    return found
