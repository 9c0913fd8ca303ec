"""`run.alert`: messages that somebody should see (R-20)."""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from kiseki.base.clock import wall_us
from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.record.types import Alert

WAIT_SECONDS = 60.0


class AlertLevel(enum.Enum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Alerts:
    """Makes alert records; holds back one whose title was sent a moment ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, float] = {}

    def record(
        self, title: Any, text: Any, level: Any, wait_duration: Any, step: int
    ) -> Alert | None:
        """Return the record to write, None if the same title was sent within `wait_duration`.

        Raises:
            UsageValueError: an unknown level, a negative duration.
            UsageTypeError: title or text that is not text, a duration that is not one.
        """
        if not isinstance(title, str) or not isinstance(text, str):
            raise UsageTypeError(f"title and text must be text, got {title!r} and {text!r}")
        wait = _seconds(wait_duration)
        name = _level(level)
        now = self._clock()
        sent = self._sent.get(title)
        if sent is not None and now - sent < wait:
            return None
        self._sent[title] = now
        return Alert(title=title, text=text, level=name, time_us=wall_us(), step=step)


def _level(level: Any) -> str:
    if level is None:
        return AlertLevel.INFO.value
    if isinstance(level, AlertLevel):
        return level.value
    if isinstance(level, str) and level.upper() in AlertLevel.__members__:
        return level.upper()
    raise UsageValueError(
        f"level must be one of {', '.join(AlertLevel.__members__)}; got {level!r}"
    )


def _seconds(duration: Any) -> float:
    if duration is None:
        return WAIT_SECONDS
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, (int, float)):
        raise UsageTypeError(f"wait_duration must be seconds or a timedelta, got {duration!r}")
    if math.isnan(duration):
        raise UsageTypeError("wait_duration must be seconds or a timedelta, got nan")
    if duration < 0:
        raise UsageValueError(f"wait_duration must not be negative, got {duration!r}")
    return float(duration)
