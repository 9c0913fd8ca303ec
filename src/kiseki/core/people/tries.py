"""Slowing down whoever asks too often: sign-in tries, new accounts, requests of a key."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from kiseki.errors import Busy

TRIES_MAX = 5  # failed ones at once; then each costs a longer wait
FIRST_WAIT_S = 60.0
WAIT_S_MAX = 900.0
FORGET_S = 3600.0  # without a try
KNOWN_MAX = 20_000  # accounts at addresses remembered; the longest unseen is forgotten first


@dataclass(slots=True)
class _Failed:
    count: int
    last: float
    until: float  # no try before


class Tries:
    """Five tries a minute for each account at each address, then waits of 1, 2, 4 … 15 minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[tuple[str, str], _Failed] = OrderedDict()

    def take(self, account: str, address: str) -> None:
        """Count a try, as a failed one until `succeeded` is told: many at once gain nothing.

        Raises:
            Busy: it is too early for another one.
        """
        key, now = (account[:128], address), self._clock()
        with self._lock:
            known = self._failed.pop(key, None)
            if known is not None and now - known.last > _memory(known):
                known = None
            known = known or _Failed(0, now, now)
            self._failed[key] = known
            if len(self._failed) > KNOWN_MAX:
                self._failed.popitem(last=False)
            if now < known.until:
                raise Busy(
                    "too many failed sign-ins; wait a little", code="tries",
                    retry_after=math.ceil(known.until - now),
                )  # fmt: skip
            known.count += 1
            known.last = now
            if known.count >= TRIES_MAX:
                wait = FIRST_WAIT_S * 2.0 ** min(known.count - TRIES_MAX, 10)
                known.until = now + min(wait, WAIT_S_MAX)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failed tries of an account at an address."""
        with self._lock:
            self._failed.pop((account[:128], address), None)


def _memory(known: _Failed) -> float:
    return FIRST_WAIT_S if known.count < TRIES_MAX else FORGET_S


class Rate:
    """At most `limit` within `seconds` for each key, evenly refilled. 0: no limit."""

    def __init__(
        self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._each_s = seconds / limit if limit else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()  # when all is refilled

    def take(self, key: Hashable, what: str) -> None:
        """Count one. Raises Busy if `key` had its share of `what`."""
        if not self._limit:
            return
        now = self._clock()
        with self._lock:
            full_at = max(now, self._full_at.pop(key, now))
            wait = full_at + self._each_s - now - self._each_s * self._limit
            if wait <= 1e-9:
                full_at += self._each_s
            self._full_at[key] = full_at
            if len(self._full_at) > KNOWN_MAX:
                self._full_at.popitem(last=False)
        if wait > 1e-9:
            raise Busy(f"too many {what}; slow down", code="rate", retry_after=math.ceil(wait))
