"""The end of the script: which exit code it had, without changing it (F-20 … F-24).

An uncaught exception is found in `sys.last_value`, where the interpreter puts it before it is printed, and
the code of `sys.exit` by standing in front of that function while a run is active; `raise SystemExit(n)`
leaves no trace that could be read. There is no signal handler: what a signal kills, the uploader reports.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

EXIT_INTERRUPTED = 130


class _Travelling:
    """Rides on a SystemExit raised by `sys.exit`, to learn whether it reached the top.

    An exception that was caught dies while some frame of the script runs, one that ends the interpreter
    dies when there is none left. Only the former takes its exit code back.
    """

    def __init__(self, watch: ExitWatch, number: int) -> None:
        self._watch = watch
        self._number = number

    def __del__(self, frame: Callable[[int], object] = sys._getframe) -> None:
        try:
            frame(1)
        except ValueError:
            return  # nobody caught it
        if self._watch.exits == self._number:
            self._watch.code = None


class ExitWatch:
    """Calls `on_exit(exit_code)` at the end of the script, before the interpreter is taken down.

    Attributes:
        code: exit code as far as known; None means a normal end.
        exits: number of calls of `sys.exit` seen.
    """

    def __init__(self, on_exit: Callable[[int], None]) -> None:
        self._on_exit = on_exit
        self.code: int | None = None
        self.exits = 0
        self._is_armed = False
        self._pid = os.getpid()
        self._last_before: Any = None
        self._exit: Any = None
        self._exit_before: Any = None

    def arm(self) -> None:
        """Begin to watch."""
        if self._is_armed:
            return
        self._is_armed = True
        self._pid = os.getpid()
        self.code = None
        atexit.register(self._at_exit)
        self._last_before = getattr(sys, "last_value", None)
        self._exit_before, self._exit = sys.exit, self._sys_exit
        sys.exit = self._exit

    def disarm(self) -> None:
        """Stop watching."""
        if not self._is_armed:
            return
        self._is_armed = False
        atexit.unregister(self._at_exit)
        if (
            sys.exit is self._exit
        ):  # else somebody stands in front of ours: it stays, and only exits
            sys.exit = self._exit_before

    def after_fork(self) -> None:
        """In a forked child: end nothing."""
        self.disarm()

    def _at_exit(self) -> None:
        if os.getpid() != self._pid:
            return
        last = getattr(sys, "last_value", None)
        if last is not None and last is not self._last_before and not hasattr(sys, "ps1"):
            self.code = EXIT_INTERRUPTED if isinstance(last, KeyboardInterrupt) else 1
        self._last_before = None
        self._on_exit(self.code or 0)

    def _sys_exit(self, status: Any = None, /) -> NoReturn:
        error = SystemExit() if status is None else SystemExit(status)
        if self._is_armed and threading.current_thread() is threading.main_thread():
            self.code = exit_code_of(error.code)
            self.exits += 1
            error._kiseki = _Travelling(self, self.exits)  # type: ignore[attr-defined]
        try:
            raise error
        finally:
            del error  # else the exception and this frame would keep each other alive


def exit_code_of(status: object) -> int:
    """Return the exit code the interpreter gives for `sys.exit(status)`."""
    if status is None:
        return 0
    if isinstance(status, int):
        return status & 0xFF if os.name == "posix" else status
    return 1
