"""What a filter of the runs list amounts to: a small tree of plain data, and sort keys.

`core.query.filters` parses text into it and prints it back; a meta store compiles it into its own query
language. Nothing here is ever evaluated as code. Values stay the text that was typed: whether `50` is a
number, `7d` a moment or `me` a user is decided by the attribute they are compared with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

Space = Literal["run", "config", "summary", "metric", ""]
Operator = Literal[":", "!:", ">", ">=", "<", "<=", "~"]
AttributeKind = Literal["text", "tags", "number", "time", "duration"]

ATTRIBUTES: dict[str, AttributeKind] = {
    "attempt": "number",
    "cause": "text",
    "created": "time",
    "exit_code": "number",
    "finished": "time",
    "group": "text",
    "heartbeat": "time",
    "host": "text",
    "id": "text",
    "job_type": "text",
    "name": "text",
    "notes": "text",
    "program": "text",
    "rows": "number",
    "runtime": "duration",
    "started": "time",
    "state": "text",
    "step": "number",
    "sweep": "text",
    "tags": "tags",
    "updated": "time",
    "user": "text",
}
"""Attributes of a run that can be filtered and sorted by, and what their values are."""


AGGREGATES = ("last", "best", "min", "max", "mean", "nan", "inf")
"""What of a metric runs are filtered and sorted by: `metric.min.loss`."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is compared: a run attribute, a key path of config or summary, or what a metric amounts to.

    `space` is empty for a bare key, which means `config.path` where any run has it, else `summary.path`. The
    path of a metric has what is meant of it in front: `min.loss`; of a column also `at.100.loss`, its value
    at step 100.
    """

    space: Space
    path: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`key operator value`. `quoted` values are taken literally: no `*`, no `me`."""

    key: Key
    operator: Operator
    value: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A text searched in name, id, tags and notes, whatever its case."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    item: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more."""

    items: tuple[Filter, ...]


Filter = Compare | Word | Not | And | Or


@dataclass(frozen=True, slots=True)
class SortKey:
    """Runs where the key is missing or NaN come last in either direction."""

    key: Key
    descending: bool = False


_UNIT_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_TIME_MAX = 2**62  # microseconds: what a database column holds, and a sum of two
_UNIT_US["w"] = 7 * _UNIT_US["d"]
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([smhdw]?)")
_NUMBER = re.compile(r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def number_of(text: str) -> float | None:
    """Return the number a value spells, or None. NaN is not one: nothing compares with it."""
    return float(text) if _NUMBER.fullmatch(text) else None


def duration_us(text: str) -> int | None:
    """Return a duration such as `90`, `90s`, `1.5h`, `7d` in microseconds, or None."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    return _whole_us(float(found[1]) * _UNIT_US[found[2] or "s"])


def _whole_us(value: float) -> int | None:
    return round(value) if abs(value) < _TIME_MAX else None


def moment_us(text: str, now_us: int) -> tuple[int, int] | None:
    """Return the moments `[from, to)` a value spells, in Unix microseconds, or None.

    `7d` is the moment that long before `now_us`; `2026-01-31` the whole day in UTC; `2026-01-31T10:30:00` the
    second, in UTC unless it says otherwise.
    """
    found = _DURATION.fullmatch(text)
    if found is not None:
        if not found[2]:
            return None
        age = duration_us(text)
        return None if age is None else (now_us - age, now_us - age + 1)
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=timezone.utc)
    start = round(parsed.timestamp() * 1e6)
    return start, start + _UNIT_US["d" if _DATE.fullmatch(text) else "s"]
