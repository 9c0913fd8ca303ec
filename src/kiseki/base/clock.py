"""Time as integers: microseconds, so that they pack small and compare exactly."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def wall_us() -> int:
    """Return the wall clock in microseconds since the Unix epoch (UTC)."""
    return time.time_ns() // 1000


def monotonic_us() -> int:
    """Return a clock that never jumps, in microseconds from an arbitrary origin."""
    return time.monotonic_ns() // 1000


def iso(us: int) -> str:
    """Return `us` (Unix microseconds) as ISO 8601 text in UTC, to the microsecond."""
    return datetime.fromtimestamp(us / 1e6, timezone.utc).isoformat().replace("+00:00", "Z")
