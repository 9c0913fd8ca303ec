"""Decoded data kept in memory, bounded by bytes; what was not asked for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable


class Cache:
    """Values by key. What is stored under a key must never change. Thread-safe.

    Args:
        bytes_max: of all values together, as told by who puts them in.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()

    def get(self, key: Hashable) -> object | None:
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: object, nbytes: int) -> None:
        if nbytes > self._bytes_max // 4:
            return
        with self._lock:
            before = self._held.pop(key, None)
            self._bytes += nbytes - (before[1] if before else 0)
            self._held[key] = (value, nbytes)
            while self._bytes > self._bytes_max:
                _, (_, freed) = self._held.popitem(last=False)
                self._bytes -= freed

    def clear(self) -> None:
        with self._lock:
            self._held.clear()
            self._bytes = 0
