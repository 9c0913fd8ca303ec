"""Points summarised in cells of equal size, and cells joined to larger ones, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiseki.storage.interface import Floats, Ints


@dataclass(frozen=True, slots=True)
class Level:
    """Summaries of consecutive runs of points, as `interface.Cells` without their x.

    All arrays have shape (n,). `nan`, `pinf` and `ninf` are one element (0) where all are 0.
    """

    min: Floats
    max: Floats
    first: Floats
    last: Floats
    total: Floats
    count: Ints
    nan: Ints
    pinf: Ints
    ninf: Ints


_NONE = np.zeros(1, np.int64)


def counts_of(n: int, size: int) -> Ints:
    """Return how many of `n` points stand in each cell of `size`."""
    counts = np.full(-(-n // size), size, np.int64)
    if n % size:
        counts[-1] = n % size
    return counts


def summarise(values: Floats, size: int) -> Level:
    """Return the cells of `size` consecutive values; the last one may be smaller."""
    n = len(values)
    counts = counts_of(n, size)
    starts = np.arange(0, n, size)
    finite = np.isfinite(values)
    with np.errstate(over="ignore"):
        if finite.all():
            return Level(
                np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts),
                values[starts], values[starts + counts - 1], np.add.reduceat(values, starts),
                counts, _NONE, _NONE, _NONE,
            )  # fmt: skip
        plain = np.where(finite, values, np.nan)
        first, last = _ends(finite, values, starts, counts)
        return Level(
            np.fmin.reduceat(plain, starts), np.fmax.reduceat(plain, starts), first, last,
            np.add.reduceat(np.where(finite, values, 0.0), starts), counts,
            np.add.reduceat(np.isnan(values).astype(np.int64), starts),
            np.add.reduceat((values == np.inf).astype(np.int64), starts),
            np.add.reduceat((values == -np.inf).astype(np.int64), starts),
        )  # fmt: skip


def _ends(
    known: npt.NDArray[np.bool_], values: Floats, starts: Ints, counts: Ints
) -> tuple[Floats, Floats]:
    """Return the first and last of the `known` values of each run, NaN where there is none."""
    at = np.flatnonzero(known)
    if not len(at):
        none = np.full(len(starts), np.nan)
        return none, none
    ends = starts + counts
    after = np.minimum(np.searchsorted(at, starts), len(at) - 1)
    before = np.maximum(np.searchsorted(at, ends) - 1, 0)
    some = (at[after] >= starts) & (at[after] < ends)
    return np.where(some, values[at[after]], np.nan), np.where(some, values[at[before]], np.nan)


def merged(level: Level, starts: Ints) -> Level:
    """Return the cells joined to larger ones that begin at the cells `starts`."""
    n = len(level.count)
    if len(starts) == n:
        return level
    ends = np.append(starts[1:], n)
    first, last = level.first[starts], level.last[ends - 1]
    if np.isnan(first).any() or np.isnan(last).any():
        first, _ = _ends(~np.isnan(level.first), level.first, starts, ends - starts)
        _, last = _ends(~np.isnan(level.last), level.last, starts, ends - starts)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(level.total, starts)
    return Level(
        np.fmin.reduceat(level.min, starts), np.fmax.reduceat(level.max, starts), first, last,
        total, np.add.reduceat(level.count, starts),
        *(
            counts if len(counts) == 1 else np.add.reduceat(counts, starts)
            for counts in (level.nan, level.pinf, level.ninf)
        ),
    )  # fmt: skip


def taken(level: Level, order: Ints) -> Level:
    """Return the cells in another order."""

    def counted(counts: Ints) -> Ints:
        return counts if len(counts) == 1 else counts[order]

    return Level(
        level.min[order], level.max[order], level.first[order], level.last[order], level.total[order],
        level.count[order], counted(level.nan), counted(level.pinf), counted(level.ninf),
    )  # fmt: skip


def concatenated(levels: Sequence[Level]) -> Level:
    """Return the cells of several levels one after the other."""
    if len(levels) == 1:
        return levels[0]

    def counted(parts: list[Ints]) -> Ints:
        if not any(part.any() for part in parts):
            return _NONE
        sizes = [len(level.count) for level in levels]
        return np.concatenate([
            np.broadcast_to(part, n) for part, n in zip(parts, sizes, strict=True)
        ])  # fmt: skip

    return Level(
        np.concatenate([level.min for level in levels]),
        np.concatenate([level.max for level in levels]),
        np.concatenate([level.first for level in levels]),
        np.concatenate([level.last for level in levels]),
        np.concatenate([level.total for level in levels]),
        np.concatenate([level.count for level in levels]),
        counted([level.nan for level in levels]),
        counted([level.pinf for level in levels]),
        counted([level.ninf for level in levels]),
    )
