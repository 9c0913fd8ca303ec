"""Several runs as one line with a band (ui-spec 5.5).

Runs are joined on cells of a power-of-two grid of x: that of the answer, or a coarser one which the rarest
member still fills. A run gives its mean in a cell, weighed by points, and its last one for up to two cells
more. A cell exists where a member has a point, and stands at the largest real x in it.

    run a    1.0 · 1.2 · 1.1 ·  ┊
    run b    2.0 ·  ┊  ┊  ┊ 2.4 ·        carried: cells 1 and 2; missing: cell 3
    line     1.5   1.6  1.55  2.4         n: 2 2 2 1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from kiseki.core.query.buckets import EXPONENT_MAX, Grid
from kiseki.core.query.smoothing import Means
from kiseki.storage.interface import Floats, Ints

Line = Literal["mean", "median", "min", "max", "last", "sum"]
Band = Literal["none", "min-max", "std", "standard-error", "ci95", "quartiles"]

CARRIED_CELLS_MAX = 2
NORMAL_95 = 1.959964
RARE_POINTS = 8  # a series of fewer buckets than this does not make the grid of its group coarser


@dataclass(frozen=True, slots=True)
class Look:
    """What is drawn of a group."""

    line: Line = "mean"
    band: Band = "none"
    stop_at_shortest: bool = False


MEAN = Look()


@dataclass(frozen=True, slots=True)
class Grouped:
    """A group's line; arrays of shape (n,).

    Attributes:
        low, high: the band; None without one.
        runs: how many members have a value in the cell.
        size: how many members have any finite value.
    """

    x: Floats
    line: Floats
    low: Floats | None
    high: Floats | None
    runs: Ints
    size: int


def combine(members: Sequence[Means], values: Sequence[Floats], on: Grid, look: Look) -> Grouped:
    """Return the line of a group.

    Args:
        members: their buckets on the grid.
        values: what each member gives for each of its buckets: its means, or a smoothed curve.
    """
    pairs = [
        (one, value, has)
        for one, value in zip(members, values, strict=True)
        if (has := np.isfinite(value) & (one.count > 0)).any()
    ]
    if not pairs:
        none = np.zeros(0)
        return Grouped(none, none, None, None, np.zeros(0, np.int64), 0)
    cells = _Cells(
        [one.first[has] for one, _, has in pairs],
        [one.last[has] for one, _, has in pairs],
        [value[has] for _, value, has in pairs],
        [one.count[has] for one, _, has in pairs],
        on,
    )
    keep = np.ones(len(cells.x), np.bool_)
    if look.stop_at_shortest:
        keep = cells.x <= min(float(one.last[has].max()) for one, _, has in pairs)
    matrix = cells.matrix[:, keep]
    with np.errstate(all="ignore"):
        statistics = _Statistics(matrix)
        line = cells.latest[keep] if look.line == "last" else statistics.line(look.line)
        low, high = statistics.band(look.band, line)
    return Grouped(cells.x[keep], line, low, high, statistics.n, len(pairs))


class _Cells:
    """Members by cell: `matrix` of shape (members, cells), NaN where one has no value."""

    def __init__(
        self,
        first: Sequence[Floats],
        last: Sequence[Floats],
        values: Sequence[Floats],
        counts: Sequence[Floats],
        on: Grid,
    ) -> None:
        grid = Grid(_exponent(first, on), 0, 0, on.log)
        who = np.repeat(np.arange(len(first)), [len(one) for one in first])
        ends, y, weight = np.concatenate(last), np.concatenate(values), np.concatenate(counts)
        numbers, cell = np.unique(grid.indices(np.concatenate(first)), return_inverse=True)
        shape = (len(first), len(numbers))
        flat = who * shape[1] + cell
        held = np.bincount(flat, weight, shape[0] * shape[1])
        sums = np.bincount(flat, y * (weight / held[flat]), shape[0] * shape[1])
        matrix = np.asarray(sums, np.float64)
        matrix[held == 0] = math.nan
        self.matrix: Floats = matrix.reshape(shape)
        # The point with the largest x of each cell; of equal ones that of the last member.
        order = np.lexsort((who, ends, cell))
        newest = order[np.append(np.flatnonzero(np.diff(cell[order])), len(order) - 1)]
        self.x: Floats = ends[newest]
        self.latest: Floats = self.matrix[who[newest], np.arange(shape[1])]
        self._carry(numbers)

    def _carry(self, numbers: Floats) -> None:
        """Let a member without a point in a cell keep its value for some cells of the grid."""
        has = ~np.isnan(self.matrix)
        if has.all():
            return
        place = np.maximum.accumulate(np.where(has, np.arange(len(numbers)), -1), axis=1)
        near = ~has & (place >= 0) & (numbers - numbers[place] <= CARRIED_CELLS_MAX)
        row, column = np.nonzero(near)
        self.matrix[row, column] = self.matrix[row, place[row, column]]


def _exponent(first: Sequence[Floats], on: Grid) -> int:
    """Return the finest width, as a power of two, that the rarest member still fills."""
    enough = min(RARE_POINTS, max(len(one) for one in first))
    widest = 0.0
    for x in first:
        if len(x) >= max(enough, 2):
            spacing = np.diff(np.log10(x) if on.log else x)
            widest = max(widest, float(np.sort(spacing)[len(spacing) // 2]))
    if not 0 < widest < math.inf:
        return on.exponent
    return min(max(on.exponent, math.ceil(math.log2(widest) - 1e-9)), EXPONENT_MAX)


class _Statistics:
    """Of the columns of a matrix, NaN left out; every column holds a number."""

    def __init__(self, matrix: Floats) -> None:
        self._matrix = matrix
        self._sorted: Floats | None = None
        self.n: Ints = np.count_nonzero(~np.isnan(matrix), axis=0)

    def line(self, kind: Line) -> Floats:
        if kind == "mean":
            return self.mean()
        if kind == "sum":
            return cast(Floats, np.nansum(self._matrix, axis=0))
        return self.quantile({"min": 0.0, "median": 0.5, "max": 1.0}[kind])

    def band(self, kind: Band, line: Floats) -> tuple[Floats | None, Floats | None]:
        if kind == "none":
            return None, None
        if kind == "min-max":
            return self.quantile(0.0), self.quantile(1.0)
        if kind == "quartiles":
            return self.quantile(0.25), self.quantile(0.75)
        reach = self.deviation()
        if kind != "std":
            reach = reach / np.sqrt(self.n) * (NORMAL_95 if kind == "ci95" else 1.0)
        return line - reach, line + reach

    def mean(self) -> Floats:
        # Divided first: the sum of large ones could leave the range of floats.
        return cast(Floats, np.nansum(self._matrix / self.n, axis=0))

    def deviation(self) -> Floats:
        """Return that of the sample, 0 for a single number."""
        scale = np.fmax.reduce(np.abs(self._matrix), axis=0, initial=0.0)
        scale[scale == 0] = 1.0
        off = self._matrix / scale - self.mean() / scale
        squares = np.nansum(off * off, axis=0)
        return np.where(self.n > 1, np.sqrt(squares / np.maximum(self.n - 1, 1)) * scale, 0.0)

    def quantile(self, share: float) -> Floats:
        if share == 0.0:
            return cast(Floats, np.fmin.reduce(self._matrix, axis=0))
        if share == 1.0:
            return cast(Floats, np.fmax.reduce(self._matrix, axis=0))
        if self._sorted is None:
            self._sorted = np.sort(self._matrix, axis=0)  # NaN last
        at = (self.n - 1) * share
        low = np.floor(at).astype(np.int64)
        columns = np.arange(len(self.n))
        least = self._sorted[low, columns]
        most = self._sorted[np.minimum(low + 1, self.n - 1), columns]
        return cast(Floats, least * (1 - (at - low)) + most * (at - low))
