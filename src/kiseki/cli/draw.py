"""Runs as text: tables, values, and sparklines that hide nothing."""

from __future__ import annotations

import math
import statistics
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from kiseki.cli.output import clean as clean

BARS = "▁▂▃▄▅▆▇█"
NAN_MARK = "×"
STATE_COLORS = {
    "running": "green",
    "finished": "blue",
    "failed": "red",
    "crashed": "red",
    "killed": "red",
    "preempting": "yellow",
    "preempted": "yellow",
}


class Curve:
    """A metric's points, in at most `2 × width` buckets whatever their number.

    Each bucket keeps its extremes and whether a NaN is in it, so that a spike of one step is drawn.
    """

    def __init__(self, width: int = 40) -> None:
        self.width = width
        self.count = 0
        self.nan = 0
        self.min = math.inf
        self.max = -math.inf
        self.last: Any = None
        self._per_bucket = 1
        self._buckets: list[tuple[float, float, bool]] = []
        self._filled = 0  # points in the last bucket

    def add(self, value: Any) -> None:
        """Take the next point."""
        self.count += 1
        self.last = value
        try:
            number = float(value)
        except OverflowError:
            number = math.inf if value > 0 else -math.inf
        is_nan = number != number
        low, high = (math.inf, -math.inf) if is_nan else (number, number)
        self.nan += is_nan
        self.min, self.max = min(self.min, low), max(self.max, high)
        if self._buckets and self._filled < self._per_bucket:
            old = self._buckets[-1]
            self._buckets[-1] = (min(old[0], low), max(old[1], high), old[2] or is_nan)
            self._filled += 1
            return
        if len(self._buckets) == 2 * self.width:
            self._halve()
        self._buckets.append((low, high, is_nan))
        self._filled = 1

    def _halve(self) -> None:
        pairs = zip(self._buckets[::2], self._buckets[1::2], strict=True)
        self._buckets = [(min(a[0], b[0]), max(a[1], b[1]), a[2] or b[2]) for a, b in pairs]
        self._per_bucket *= 2

    def spark(self) -> str:
        """Return the curve as one line; of each column the value furthest from the middle is shown."""
        columns = _columns(self._buckets, self.width)
        finite = [v for low, high, _ in columns for v in (low, high) if math.isfinite(v)] or [0.0]
        middle, low, high = statistics.median_low(finite), min(finite), max(finite)
        return "".join(_mark(column, middle, low, high) for column in columns)


def _columns(
    buckets: list[tuple[float, float, bool]], width: int
) -> list[tuple[float, float, bool]]:
    if len(buckets) <= width:
        return buckets
    columns = []
    for index in range(width):
        part = buckets[index * len(buckets) // width : (index + 1) * len(buckets) // width]
        columns.append((min(b[0] for b in part), max(b[1] for b in part), any(b[2] for b in part)))
    return columns


def _mark(column: tuple[float, float, bool], middle: float, low: float, high: float) -> str:
    least, most, has_nan = column
    if has_nan:
        return NAN_MARK
    value = most if most - middle >= middle - least else least
    if math.isinf(value):
        return BARS[-1] if value > 0 else BARS[0]
    # Halved first: the difference of two large floats may be beyond the range of floats.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span else 0.5
    return BARS[min(len(BARS) - 1, int(share * len(BARS)))]


def number(value: Any) -> str:
    """Return a value in few characters, as people read it."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def state(name: str) -> str:
    """Return a run state with its colour."""
    return click.style(f"● {name}", fg=STATE_COLORS.get(name))


def moment(us: int | None) -> str:
    """Return Unix microseconds as local time; "" if unknown."""
    return datetime.fromtimestamp(us / 1e6).strftime("%Y-%m-%d %H:%M:%S") if us else ""


def duration(us: int) -> str:
    """Return microseconds as `1 h 02 min`, `3 min 04 s`, `12.3 s`."""
    seconds = us / 1e6
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns of text under a head; columns that are all numbers stand to the right."""
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    right = [all(_is_numeric(row[i]) for row in cells) and bool(cells) for i in range(len(head))]
    widths = [max(_width(row[i]) for row in (head, *cells)) for i in range(len(head))]
    lines = [click.style(_line(head, widths, right), dim=True)]
    return "\n".join([*lines, *(_line(row, widths, right) for row in cells)])


def _line(row: Sequence[str], widths: list[int], right: list[bool]) -> str:
    parts = []
    for cell, width, is_right in zip(row, widths, right, strict=True):
        gap = " " * (width - _width(cell))
        parts.append(gap + cell if is_right else cell + gap)
    return "  ".join(parts).rstrip()


def _is_numeric(cell: str) -> bool:
    return not cell.strip(" 0123456789,.-+e") and bool(cell)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
