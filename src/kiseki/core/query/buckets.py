"""Points to buckets: no sampling, so the picture never lies.

Buckets lie on a grid of x whose width is a power of two and whose edges are multiples of it, so that
neighbouring windows share their buckets and two equal curves look equal (on a logarithmic axis: the same
in log10 of x). A bucket keeps first, min, max, last, mean and count, how many points were NaN or ±Inf, and
where the extremes are. Only buckets with points exist.

    x      0    1    2  │ 3.9  4    5 … 7 │ 8          width 4, edges at multiples of 4
    bucket ── 0 ────────┴──── 1 ──────────┴── 2 ──

Many series are bucketed in one go: they are laid behind one another and reduced between global boundaries,
in blocks small enough to stay in the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from kiseki.storage.interface import Cells, Floats, Ints

Flags = npt.NDArray[np.bool_]

BLOCK_POINTS = 16 * 1024  # reduced together: 128 KB an array
EXPONENT_MIN, EXPONENT_MAX = -1000, 1000


@dataclass(frozen=True, slots=True)
class Grid:
    """Buckets `first … last` of width `2**exponent`, of x itself or of its log10."""

    exponent: int
    first: int
    last: int
    log: bool = False

    @property
    def lo(self) -> float:
        """Smallest x of the grid (inclusive)."""
        return self._edge(self.first)

    @property
    def hi(self) -> float:
        """Largest x of the grid (exclusive)."""
        return self._edge(self.last + 1)

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def _edge(self, index: int) -> float:
        at = math.ldexp(index, self.exponent)
        if not self.log:
            return at
        return 0.0 if at < -320 else 10.0**at if at < 308 else math.inf

    def indices(self, x: Floats) -> Floats:
        """Return the bucket number of each x (positive if `log`) as whole floats."""
        place = (np.log10(x) if self.log else x) * math.ldexp(1.0, -self.exponent)
        return np.floor(place, out=place)

    def inside(self, x: Floats) -> slice:
        """Return which of ascending x lie on the grid."""
        if not len(x) or (x[0] >= self.lo and x[-1] < self.hi and not self.log):
            return slice(0, len(x))
        if self.log:  # the rounding of log10 must decide, as it decides the bucket
            start, end = np.searchsorted(self.indices(x), (self.first, self.last + 1))
        else:
            start, end = np.searchsorted(x, (self.lo, self.hi))
        return slice(int(start), int(end))


def grid(x_min: float, x_max: float, buckets: int, log: bool = False) -> Grid:
    """Return the finest grid that covers `[x_min, x_max]` with at most `buckets` buckets.

    Args:
        x_min, x_max: finite; with `log` both positive.
        buckets: at least 2: whatever lies on both sides of an edge needs two.
    """
    lo, hi = (math.log10(x_min), math.log10(x_max)) if log else (float(x_min), float(x_max))
    if hi < lo:
        lo, hi = hi, lo
    buckets = max(buckets, 2)
    # Bucket numbers must stay exact as floats: below 2**52.
    largest = max(abs(lo), abs(hi))
    exponent = max(math.frexp(largest)[1] - 52, EXPONENT_MIN) if largest else -52
    if hi > lo:
        exponent = max(exponent, math.frexp((hi - lo) / buckets)[1] - 1)
    while True:
        first, last = math.floor(math.ldexp(lo, -exponent)), math.floor(math.ldexp(hi, -exponent))
        if last - first < buckets:
            return Grid(exponent, first, last, log)
        exponent += 1


@dataclass(slots=True)
class Buckets:
    """The non-empty buckets of one series; arrays of shape (n,), in the order of x.

    `first`, `min`, `max`, `last` and `mean` are of the finite values, NaN where there is none; but where
    `exact`, `first` is the point itself, NaN or ±Inf included, and the others are equal to it.

    Attributes:
        x: of the first point of the bucket.
        omitted: points without a place on the axis (x missing, NaN, or not positive on a log axis).
    """

    exact: bool
    x: Floats
    first: Floats
    min: Floats
    max: Floats
    last: Floats
    mean: Floats
    x_min: Floats
    x_max: Floats
    x_last: Floats
    count: Ints
    nan: Ints
    pinf: Ints
    ninf: Ints
    total: int = 0
    omitted: int = 0

    @property
    def size(self) -> int:
        return len(self.x)


def placed(x: Floats, y: Floats, log: bool = False) -> tuple[Floats, Floats, int]:
    """Return the points that have a place on the axis, in the order of x, and how many have none.

    Points of equal x keep the order in which they were logged.
    """
    size = len(x)
    if size and not (
        math.isfinite(x[0]) and math.isfinite(x[-1]) and bool(np.all(x[1:] >= x[:-1]))
    ):
        finite = np.isfinite(x)
        if not finite.all():
            x, y = x[finite], y[finite]
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    if log and len(x) and x[0] <= 0:
        start = int(np.searchsorted(x, 0.0, side="right"))
        x, y = x[start:], y[start:]
    return x, y, size - len(x)


def reduce_points(series: Sequence[tuple[Floats, Floats]], on: Grid) -> list[Buckets]:
    """Return the buckets of each series `(x, y)`, whose x ascends and is finite (see `placed`).

    Points outside the grid are left out.
    """
    inside: list[tuple[Floats, Floats]] = []
    for x, y in series:
        part = on.inside(x)
        inside.append((x[part], y[part]))
    found: list[Buckets] = []
    for block in _blocks(inside):
        found += _reduce_block(block, on)
    return found


def _blocks(series: Sequence[tuple[Floats, Floats]]) -> Iterator[list[tuple[Floats, Floats]]]:
    block: list[tuple[Floats, Floats]] = []
    points = 0
    for x, y in series:
        if block and points + len(x) > BLOCK_POINTS:
            yield block
            block, points = [], 0
        block.append((x, y))
        points += len(x)
    if block:
        yield block


def _reduce_block(block: list[tuple[Floats, Floats]], on: Grid) -> list[Buckets]:
    lengths = np.array([len(x) for x, _ in block])
    x = np.concatenate([x for x, _ in block]) if len(block) > 1 else block[0][0]
    y = np.concatenate([y for _, y in block]) if len(block) > 1 else block[0][1]
    borders = np.concatenate(([0], np.cumsum(lengths)))
    starts = _starts(on.indices(x), borders)
    whole = _reduce(x, y, starts)
    cuts = np.searchsorted(starts, borders)
    return [
        _slice(whole, lo, hi) for lo, hi in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    ]


def _starts(indices: Floats, borders: Ints) -> Ints:
    """Return where buckets begin: where the number changes, and where a series begins."""
    if not len(indices):
        return np.zeros(0, np.int64)
    changes = np.empty(len(indices), np.bool_)
    changes[0] = True
    np.not_equal(indices[1:], indices[:-1], out=changes[1:])
    changes[borders[borders < len(indices)]] = True
    return np.flatnonzero(changes)


def _reduce(x: Floats, y: Floats, starts: Ints) -> Buckets:
    """Reduce everything between consecutive `starts` (the last reaches to the end)."""
    count = np.diff(starts, append=len(x))
    if len(starts) == len(x):
        return _single(x, y, count)
    ends = starts + count
    with np.errstate(all="ignore"):
        total = np.add.reduceat(y, starts)
        if bool(np.isfinite(total).all()):
            zero = np.zeros(len(starts), np.int64)
            least, most = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
            first, last, x_last = y[starts], y[ends - 1], x[ends - 1]
            finite_count = count
            nan = pinf = ninf = zero
        else:
            nan = np.add.reduceat(np.isnan(y), starts, dtype=np.int64)
            pinf = np.add.reduceat(y == np.inf, starts, dtype=np.int64)
            ninf = np.add.reduceat(y == -np.inf, starts, dtype=np.int64)
            finite = np.isfinite(y)
            finite_count = count - nan - pinf - ninf
            y = np.where(finite, y, np.nan)
            least, most = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
            total = np.add.reduceat(np.where(finite, y, 0.0), starts)
            first, last, x_last = _ends_of_finite(x, y, finite, starts, ends)
        mean = _mean(y, total, finite_count, starts, ends)
    return Buckets(
        exact=False,
        x=x[starts],
        first=first,
        min=least,
        max=most,
        last=last,
        mean=mean,
        x_min=x[_where(y, least, starts, count)],
        x_max=x[_where(y, most, starts, count)],
        x_last=x_last,
        count=count,
        nan=nan,
        pinf=pinf,
        ninf=ninf,
    )


def _single(x: Floats, y: Floats, count: Ints) -> Buckets:
    nan, pinf, ninf = (flags.astype(np.int64) for flags in (np.isnan(y), y == np.inf, y == -np.inf))
    return Buckets(True, x, y, y, y, y, y, x, x, x, count, nan, pinf, ninf)


def _ends_of_finite(
    x: Floats, y: Floats, finite: Flags, starts: Ints, ends: Ints
) -> tuple[Floats, Floats, Floats]:
    """Return first and last finite value per bucket and the x of the last (its end where none)."""
    if finite.all():
        return y[starts], y[ends - 1], x[ends - 1]
    places = np.flatnonzero(finite)
    if not len(places):
        none = np.full(len(starts), np.nan)
        return none, none, x[ends - 1]
    after = np.minimum(np.searchsorted(places, starts), len(places) - 1)
    before = np.maximum(np.searchsorted(places, ends) - 1, 0)
    first, last = places[after], places[before]
    has = (first >= starts) & (first < ends)
    return (
        np.where(has, y[first], np.nan),
        np.where(has, y[last], np.nan),
        np.where(has, x[last], x[ends - 1]),
    )


def _mean(y: Floats, total: Floats, finite: Ints, starts: Ints, ends: Ints) -> Floats:
    mean = np.where(finite > 0, total / np.maximum(finite, 1), np.nan)
    for at in np.flatnonzero(np.isinf(mean)).tolist():  # a sum beyond the largest float
        mean[at] = np.nansum(y[starts[at] : ends[at]] / finite[at])
    return mean


def _where(y: Floats, extreme: Floats, starts: Ints, count: Ints) -> Ints:
    """Return the place of the first value equal to its bucket's extreme (its start where NaN)."""
    number = np.repeat(np.arange(len(starts)), count)
    hits = np.flatnonzero(y == extreme[number])[::-1]
    place = starts.copy()
    place[number[hits]] = hits  # backwards: the first of a bucket is the last to be put down
    return place


def _slice(whole: Buckets, lo: int, hi: int) -> Buckets:
    """Return the buckets `lo … hi - 1` as those of one series."""
    part = slice(lo, hi)
    count = whole.count[part]
    found = Buckets(
        exact=whole.exact,
        x=whole.x[part],
        first=whole.first[part],
        min=whole.min[part],
        max=whole.max[part],
        last=whole.last[part],
        mean=whole.mean[part],
        x_min=whole.x_min[part],
        x_max=whole.x_max[part],
        x_last=whole.x_last[part],
        count=count,
        nan=whole.nan[part],
        pinf=whole.pinf[part],
        ninf=whole.ninf[part],
        total=int(count.sum()),
    )
    if not found.exact and found.total == hi - lo:
        _make_exact(found)
    return found


def _make_exact(series: Buckets) -> None:
    """Turn buckets of one point each, of a block where others hold more, into the points."""
    first = np.where(series.pinf > 0, np.inf, np.where(series.ninf > 0, -np.inf, series.first))
    series.exact = True
    series.first = series.min = series.max = series.last = series.mean = first
    series.x_min = series.x_max = series.x_last = series.x


def reduce_cells(cells: Cells, borders: Ints, on: Grid) -> list[Buckets]:
    """Return the buckets of series of which the store gave summaries: of each those between two borders.

    A cell belongs to the bucket its first point lies in; counts and extremes stay exact.
    """
    if not len(cells.count):
        return [_single(np.zeros(0), np.zeros(0), np.zeros(0, np.int64)) for _ in borders[1:]]
    whole = _cells_in_order({name: getattr(cells, name) for name in _CELL_FIELDS}, borders)
    inside = whole["x_first"] > 0 if on.log else np.ones(len(whole["x_first"]), np.bool_)
    with np.errstate(all="ignore"):
        place = on.indices(whole["x_first"])
    inside &= (place >= on.first) & (place <= on.last)
    if not inside.all():
        borders = np.concatenate(([0], np.cumsum(inside)))[borders]
        whole = {name: column[inside] for name, column in whole.items()}
        place = place[inside]
    whole["mean"] = whole["total"] / np.maximum(_finite(whole), 1)
    starts = _starts(place, borders)
    merged = _merge_cells(whole, starts)
    cuts = np.searchsorted(starts, borders)
    return [_slice(merged, lo, hi) for lo, hi in pairwise(cuts.tolist())]


def _cells_in_order(
    whole: dict[str, npt.NDArray[Any]], borders: Ints
) -> dict[str, npt.NDArray[Any]]:
    """Return cells in the order of x within each series: time may run backwards between them."""
    x = whole["x_first"]
    back = np.flatnonzero(x[1:] < x[:-1]) + 1
    if bool((borders[np.searchsorted(borders, back)] == back).all()):
        return whole
    number = np.repeat(np.arange(len(borders) - 1), np.diff(borders))
    order = np.lexsort((x, number))
    return {name: column[order] for name, column in whole.items()}


def coarsen(series: Buckets, on: Grid) -> Buckets:
    """Return buckets of a finer grid on a coarser one. Grids nest, so nothing is lost."""
    starts = _starts(on.indices(series.x), np.zeros(1, np.int64))
    if len(starts) == series.size:
        return series

    def finite(values: Floats) -> Floats:
        return np.where(np.isfinite(values), values, np.nan) if series.exact else values

    merged = _merge_cells(
        {
            "x_first": series.x,
            "x_last": series.x_last,
            "x_min": series.x_min,
            "x_max": series.x_max,
            "first": finite(series.first),
            "min": finite(series.min),
            "max": finite(series.max),
            "last": finite(series.last),
            "mean": finite(series.mean),
            "count": series.count,
            "nan": series.nan,
            "pinf": series.pinf,
            "ninf": series.ninf,
        },
        starts,
    )
    merged.omitted = series.omitted
    return merged


_CELL_FIELDS = (
    "x_first", "x_last", "x_min", "x_max", "first", "min", "max", "last", "total",
    "count", "nan", "pinf", "ninf",
)  # fmt: skip


def _finite(cells: Mapping[str, npt.NDArray[Any]]) -> Ints:
    """Return how many finite values are in each cell."""
    count: Ints = cells["count"]
    for name in ("nan", "pinf", "ninf"):
        if cells[name].any():
            count = count - cells[name]
    return count


def _weighted_mean(
    cells: Mapping[str, npt.NDArray[Any]], finite: Ints, starts: Ints, size: Ints
) -> Floats:
    each = _finite(cells)
    weight = each / np.repeat(np.maximum(finite, 1), size)  # divided first: sums may overflow
    mean = np.add.reduceat(np.where(each > 0, cells["mean"] * weight, 0.0), starts)
    return np.where(finite > 0, mean, np.nan)


def _merge_cells(cells: Mapping[str, npt.NDArray[Any]], starts: Ints) -> Buckets:
    """Merge everything between consecutive `starts` (the last reaches to the end)."""
    x = cells["x_first"]
    if not len(starts):
        return _single(x, x, np.zeros(0, np.int64))
    size = np.diff(starts, append=len(x))
    ends = starts + size
    count = np.add.reduceat(cells["count"], starts)
    nan, pinf, ninf = (
        np.add.reduceat(cells[name], starts) if cells[name].any() else np.zeros_like(count)
        for name in ("nan", "pinf", "ninf")
    )
    with np.errstate(all="ignore"):
        least = np.fmin.reduceat(cells["min"], starts)
        most = np.fmax.reduceat(cells["max"], starts)
        first, _, _ = _ends_of_finite(x, cells["first"], np.isfinite(cells["first"]), starts, ends)
        _, last, x_last = _ends_of_finite(
            cells["x_last"], cells["last"], np.isfinite(cells["last"]), starts, ends
        )
        mean = _weighted_mean(cells, count - nan - pinf - ninf, starts, size)
    return Buckets(
        exact=False,
        x=x[starts],
        first=first,
        min=least,
        max=most,
        last=last,
        mean=mean,
        x_min=cells["x_min"][_where(cells["min"], least, starts, size)],
        x_max=cells["x_max"][_where(cells["max"], most, starts, size)],
        x_last=x_last,
        count=count,
        nan=nan,
        pinf=pinf,
        ninf=ninf,
        total=int(count.sum()),
    )
