"""Smoothed means of bucketed series: the formulas of `web/src/lib/smoothing.ts`, on arrays.

Groups are made of smoothed runs, so what is smoothed in a browser for single runs is smoothed here for the
members of groups. `tests/fixtures/smoothing.json` holds what both must give. Every method weighs a bucket by
its points; buckets without a finite value pass the state on unchanged and are NaN in the curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kiseki.errors import Invalid
from kiseki.storage.interface import Floats

Kind = Literal["none", "ema", "ema-time", "gaussian", "mean", "median"]

POINTS_MAX = 1_000_000  # of a running mean or median
BLOCK = 1_000_000  # buckets smoothed together
_WEIGHT_MAX = 1 - 1e-12
_KERNEL_SIGMAS = 3.0
_HALF = 1e-9  # how far from a half of the weight counts as the half


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How series are smoothed before they are grouped.

    Attributes:
        weight: of `ema` (per point) and `ema-time` (per thousandth of `span`), in [0, 1).
        sigma: of `gaussian`, in units of x, or in percent of `span`.
        points: of `mean` and `median`.
        span: width of the visible x range; None: as far as the series reach.
        log: smooth log10 of the values, those not positive left out, for a logarithmic y axis.
    """

    kind: Kind = "none"
    weight: float = 0.0
    sigma: float = 0.0
    percent: bool = False
    points: int = 0
    span: float | None = None
    log: bool = False

    @property
    def is_one(self) -> bool:
        """Whether a curve would differ from the data."""
        if self.kind in ("ema", "ema-time"):
            return self.weight > 0
        if self.kind == "gaussian":
            return self.sigma > 0
        return self.kind != "none" and self.points > 1

    def check(self) -> None:
        """Raise Invalid if this says nothing."""
        if not 0 <= self.weight < 1:
            raise Invalid(
                "the weight of a smoothing is a number from 0 up to, not with, 1", code="smoothing"
            )
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise Invalid(
                "the sigma of a smoothing is a finite number, not negative", code="smoothing"
            )
        if not 0 <= self.points <= POINTS_MAX:
            raise Invalid(f"a smoothing is over at most {POINTS_MAX:,} points", code="smoothing")
        if self.span is not None and not (math.isfinite(self.span) and self.span >= 0):
            raise Invalid(
                "the span of a smoothing is a finite number, not negative", code="smoothing"
            )


PLAIN = Smoothing()


@dataclass(frozen=True, slots=True)
class Means:
    """What groups and smoothing need of the buckets of a series; arrays of shape (n,), in the order of x.

    Attributes:
        first, last: x of the first and of the last (finite) point of each bucket.
        mean: of its finite points, NaN without one.
        count: of its finite points.
        total, nan, pinf, ninf, omitted: of the whole series.
    """

    first: Floats
    last: Floats
    mean: Floats
    count: Floats
    total: int = 0
    nan: int = 0
    pinf: int = 0
    ninf: int = 0
    omitted: int = 0

    @property
    def size(self) -> int:
        return len(self.first)


def smooth(series: Sequence[Means], how: Smoothing) -> list[Floats]:
    """Return the smoothed mean of each bucket of each series."""
    if not how.is_one:
        return [one.mean for one in series]
    span = how.span
    if span is None:
        reached = [one for one in series if one.size]
        span = (
            max(float(one.last[-1]) for one in reached)
            - min(float(one.first[0]) for one in reached)
            if reached
            else 0.0
        )
    found: list[Floats] = []
    block: list[Means] = []
    widest = 0
    for one in series:
        if block and max(widest, one.size) * (len(block) + 1) > BLOCK:
            found += _smooth_block(block, how, span)
            block, widest = [], 0
        block.append(one)
        widest = max(widest, one.size)
    return found + _smooth_block(block, how, span)


class _Padded:
    """Series as the rows of matrices, each padded with buckets of no points."""

    def __init__(self, series: Sequence[Means], log: bool) -> None:
        lengths = np.array([one.size for one in series], np.int64)
        width = int(lengths.max(initial=0))
        self.is_real = np.arange(width) < lengths[:, None]

        def rows(name: str, fill: float) -> Floats:
            matrix = np.full(self.is_real.shape, fill)
            if width:
                matrix[self.is_real] = np.concatenate([getattr(one, name) for one in series])
            return matrix

        first = rows("first", math.inf)
        self.end = rows("last", math.inf)
        with np.errstate(all="ignore"):
            self.centre = first + (self.end - first) / 2
            self.centre[~self.is_real] = math.inf
            self.mean = rows("mean", math.nan)
            if log:
                self.mean = np.log10(self.mean)
        self.mean[~np.isfinite(self.mean)] = math.nan
        self.count = np.where(np.isnan(self.mean), 0.0, rows("count", 0.0))


def _smooth_block(series: Sequence[Means], how: Smoothing, span: float) -> list[Floats]:
    if not series:
        return []
    rows = _Padded(series, how.log)
    with np.errstate(all="ignore"):
        if how.kind in ("ema", "ema-time"):
            curves = _exponential(rows, how.weight, span if how.kind == "ema-time" else None)
        elif how.kind == "gaussian":
            curves = _gaussian(rows, how.sigma / 100 * span if how.percent else how.sigma)
        else:
            one_row = _running_mean if how.kind == "mean" else _running_median
            curves = np.stack([
                one_row(mean, count, how.points)
                for mean, count in zip(rows.mean, rows.count, strict=True)
            ])  # fmt: skip
        if how.log:
            curves = 10.0**curves
    return [curve[: one.size] for curve, one in zip(curves, series, strict=True)]


def _exponential(rows: _Padded, weight: float, span: float | None) -> Floats:
    """Return s ← wᵉ·s + (1 − wᵉ)·m, E ← E + e, shown s / (1 − w^E), of all rows at once.

    e are the points of a bucket, or (with a span) its distance on x in thousandths of it.
    """
    height, width = rows.mean.shape
    curves = np.full((height, width), math.nan)
    w = min(weight, _WEIGHT_MAX)
    state, total = np.zeros(height), np.zeros(height)
    before = np.full(height, math.nan)
    per_unit = 1000 / span if span else 0.0
    for at in range(width):
        counts = rows.count[:, at]
        has = counts > 0
        if span is None:
            e = counts
        else:
            end = rows.end[:, at]
            distance = (end - before) * per_unit
            # The first bucket has no distance yet; one thousandth gives it a weight to start from.
            e = np.where(np.isnan(before), 1.0, np.maximum(distance, 1e-9))
            before = np.where(has, end, before)
        kept = w**e
        state = np.where(has, kept * state + (1 - kept) * rows.mean[:, at], state)
        total = np.where(has, total + e, total)
        curves[:, at] = np.where(has, state / (1 - w**total), math.nan)
    return curves


def _gaussian(rows: _Padded, sigma: float) -> Floats:
    """Return means weighted by count and a kernel that is cut at 3 σ; the division normalises the edges."""
    curves = np.full(rows.mean.shape, math.nan)
    if sigma <= 0:
        return rows.mean
    width = rows.mean.shape[1]
    mean, count, centre = np.where(rows.count > 0, rows.mean, 0.0), rows.count, rows.centre
    total, weights = count * mean, count.copy()
    scale, reach = -0.5 / (sigma * sigma), _KERNEL_SIGMAS * sigma
    for off in range(1, width):
        left, right = slice(0, width - off), slice(off, width)
        distance = centre[:, right] - centre[:, left]
        near = distance <= reach
        if not near.any():
            break
        kernel = np.where(near, np.exp(distance * distance * scale), 0.0)
        for to, of in ((left, right), (right, left)):
            part = count[:, of] * kernel
            total[:, to] += part * mean[:, of]
            weights[:, to] += part
    has = count > 0
    curves[has] = total[has] / weights[has]
    return curves


def _windows(count: Floats, points: int) -> tuple[Floats, Floats, Floats]:
    """Return how many points stand before each bucket, and between which of them its window lies."""
    before = np.concatenate(([0.0], np.cumsum(count)))
    middle = (before[:-1] + before[1:]) / 2
    return before, np.maximum(middle - points / 2, 0.0), np.minimum(middle + points / 2, before[-1])


def _running_mean(mean: Floats, count: Floats, points: int) -> Floats:
    """Return the mean of the points around each bucket's middle; a bucket at the rim counts in part."""
    before, low, high = _windows(count, points)
    value = np.where(count > 0, mean, 0.0)
    sums = np.concatenate(([0.0], np.cumsum(count * value)))

    def sum_to(rank: Floats) -> Floats:
        bucket = np.clip(np.searchsorted(before, rank, side="right") - 1, 0, len(count) - 1)
        found: Floats = sums[bucket] + (rank - before[bucket]) * value[bucket]
        return found

    return np.where(count > 0, (sum_to(high) - sum_to(low)) / (high - low), math.nan)


def _running_median(mean: Floats, count: Floats, points: int) -> Floats:
    """Return the median of the points around each bucket's middle, each standing at its bucket's mean."""
    curve = np.full(len(mean), math.nan)
    at = np.flatnonzero(count > 0)
    if not len(at):
        return curve
    value, weight = mean[at], count[at]
    before, low, high = _windows(weight, points)
    start = np.searchsorted(before[1:], low, side="right")
    width = int((np.searchsorted(before[:-1], high, side="left") - start).max())
    step = max(1, BLOCK // width)
    for some in range(0, len(at), step):
        part = slice(some, some + step)
        places = start[part, None] + np.arange(width)
        inside = np.minimum(places, len(at) - 1)
        shares = np.minimum(high[part, None], before[inside + 1]) - np.maximum(
            low[part, None], before[inside]
        )
        shares = np.where(places < len(at), np.maximum(shares, 0.0), 0.0)
        values = np.where(shares > 0, value[inside], math.inf)
        order = np.argsort(values, axis=1, kind="stable")
        values = np.take_along_axis(values, order, 1)
        seen = np.cumsum(np.take_along_axis(shares, order, 1), axis=1)
        half = seen[:, -1:] / 2
        row = np.arange(len(seen))
        first = np.argmax(seen > half - _HALF, axis=1)
        behind = np.minimum(first + 1, width - 1)
        after = np.where(np.isfinite(values[row, behind]), values[row, behind], values[row, first])
        is_half = seen[row, first] <= half[:, 0] + _HALF
        curve[at[part]] = np.where(is_half, (values[row, first] + after) / 2, values[row, first])
    return curve
