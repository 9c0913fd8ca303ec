"""What the values of each metric of an attempt amount to: last, min, max, mean, how many were NaN or ±Inf.

Folded with the rows, saved with the fold and its cursors in one transaction (part `metrics`), and written as
cells, by which runs are filtered, sorted and grouped like by any value of config or summary:

    metric.last.loss  metric.min.loss  metric.max.loss  metric.mean.loss  metric.nan.loss  metric.inf.loss

Every value that was logged counts. A new attempt begins with the kept rows of the one it hangs on; a tail
that was rewound does not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from kiseki.core.saved import scalar
from kiseki.record.table import Table, latest
from kiseki.record.types import Row
from kiseki.storage.interface import Logged, Scalar

PART = "metrics"
METRICS_MAX = 2_000  # of one run that have cells; all are kept in the part


class Sum(msgspec.Struct, array_like=True):
    """What was seen of one metric. `low`, `high` and `total` are of its `n` finite numbers."""

    n: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    nan: int = 0
    inf: int = 0
    last_step: int = -(2**63)
    last: float | None = None

    def add(self, steps: Sequence[int], values: Sequence[Any]) -> None:
        """Count values in the order of their arrival (at least one)."""
        self.add_up(values, *_latest(steps))

    def add_up(self, values: Sequence[Any], top: int, at: int) -> None:
        """Count values; the one at the place `at` is the last one of the largest step, `top`."""
        if len(values) == 1:
            total = low = high = values[0]
            whole = type(total) is float and total - total == 0
        else:
            try:
                total = float(sum(values))
                low, high = float(min(values)), float(max(values))
                whole = total - total == 0  # neither NaN nor infinite
            except (TypeError, OverflowError):
                whole = False
        if whole:
            self.add_sum(len(values), total, low, high)
        else:
            self.add_each(values)
        if top >= self.last_step:
            number = values[at] if whole else _number(values[at])
            if number is not None:
                self.last_step, self.last = top, float(number)

    def add_sum(self, n: int, total: float, low: float, high: float) -> None:
        """Count finite numbers by what they amount to."""
        self.n += n
        self.total += total
        if low < self.low:
            self.low = low
        if high > self.high:
            self.high = high

    def add_each(self, values: Iterable[Any]) -> None:
        """Count values of which some may be no finite numbers."""
        for value in values:
            number = _number(value)
            if number is None:
                continue
            if math.isnan(number):
                self.nan += 1
            elif math.isinf(number):
                self.inf += 1
            else:
                self.n += 1
                self.total += number
                self.low, self.high = min(self.low, number), max(self.high, number)

    @property
    def mean(self) -> float:
        # A sum beyond the largest float leaves only the middle to be told.
        return self.total / self.n if math.isfinite(self.total) else self.low / 2 + self.high / 2


def _latest(steps: Sequence[int]) -> tuple[int, int]:
    """Return the largest step, and the last place where it stands."""
    top = max(steps)
    if steps[-1] == top:
        return top, len(steps) - 1
    return top, len(steps) - 1 - steps[::-1].index(top)


def _number(value: Any) -> float | None:
    """Return what is drawn of a value; flags are 0 and 1."""
    if not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


class Sums:
    """The metrics of an attempt. Not thread-safe."""

    def __init__(self, known: dict[str, Sum] | None = None) -> None:
        self._by_path = {} if known is None else known

    def add_rows(self, paths: Sequence[str], rows: Sequence[Row]) -> None:
        """Count consecutive rows of one shape."""
        top, at = _latest([row.step for row in rows])
        columns = zip(*[row.values for row in rows], strict=True)
        for path, values in zip(paths, columns, strict=True):
            self._add(path, values, top, at)

    def add_table(self, paths: Sequence[str], table: Table) -> None:
        """Count many rows of one shape, all columns at once."""
        held = [
            (path, words.view(np.float64) if of is float else words.astype(np.float64))
            for path, (of, words) in zip(paths, table.columns, strict=True)
            if words is not None
        ]
        if not held:
            return
        matrix = np.stack([column for _, column in held])
        at, n = latest(table), len(table.steps)
        top = int(table.steps[at])
        with np.errstate(over="ignore", invalid="ignore"):
            totals = matrix.sum(axis=1).tolist()
        lows, highs = matrix.min(axis=1).tolist(), matrix.max(axis=1).tolist()
        last = matrix[:, at].tolist()
        for place, (path, column) in enumerate(held):
            known = self._by_path.get(path)
            if known is None:
                known = self._by_path[path] = Sum()
            total = totals[place]
            if total - total == 0:  # neither NaN nor infinite
                known.add_sum(n, total, lows[place], highs[place])
            else:
                known.add_each(column.tolist())
            if top >= known.last_step:
                known.last_step, known.last = top, last[place]

    def add_block(self, block: Logged) -> None:
        """Count many rows at once."""
        for path, column in block.columns.items():
            if column.count and column.values.tally()[0]:
                steps = block.steps if column.places is None else block.steps[column.places]
                self._add(path, column.values.values(), *_latest(steps.tolist()))

    def _add(self, path: str, values: Sequence[Any], top: int, at: int) -> None:
        known = self._by_path.get(path)
        if known is None:
            if not any(isinstance(value, (int, float)) for value in values):
                return
            known = self._by_path[path] = Sum()
        known.add_up(values, top, at)

    def encoded(self) -> bytes:
        return _encode(self._by_path)

    def cells(self) -> dict[str, Scalar]:
        """Return the cells of the metrics that were logged first."""
        found: dict[str, Scalar] = {}
        for at, (path, one) in enumerate(self._by_path.items()):
            if at == METRICS_MAX:
                break
            found.update(_cells(path, one))
        return found


def _cells(path: str, one: Sum) -> Iterator[tuple[str, Scalar]]:
    if one.last is not None:
        yield f"metric.last.{path}", scalar(one.last)
    if one.n:
        yield f"metric.min.{path}", one.low
        yield f"metric.max.{path}", one.high
        yield f"metric.mean.{path}", one.mean
    if one.nan:
        yield f"metric.nan.{path}", float(one.nan)
    if one.inf:
        yield f"metric.inf.{path}", float(one.inf)


_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(dict[str, Sum]).decode


def restored(parts: Mapping[str, bytes], rows: int) -> Sums | None:
    """Return what was saved of an attempt that has so many rows; None: an older Kiseki folded them."""
    if PART in parts:
        return Sums(_decode(parts[PART]))
    return None if rows else Sums()
