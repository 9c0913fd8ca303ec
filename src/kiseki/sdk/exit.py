"""The end of the script: which exit code it had, without changing it (F-20 … F-24).

An uncaught exception is found in `sys.last_value`, where the interpreter puts it before it is printed, and
the code of `sys.exit`, `exit` and `quit` by standing in front of them while a run is active; `raise
SystemExit(n)` leaves no trace that could be read. A forked child of `multiprocessing` has no `atexit`, but
runs that module's finalizers while the exception that ended it is on its way. There is no signal handler:
what a signal kills, the uploader reports.
"""

from __future__ import annotations

import atexit
import builtins
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
        self._quit_before: Any = None
        self._quit: Any = None
        self._finalizer: Any = None

    def arm(self) -> None:
        """Begin to watch."""
        if self._is_armed:
            return
        self._is_armed = True
        self._pid = os.getpid()
        self.code = None
        atexit.register(self._at_exit)
        self._finalizer = _finalizer_of_child(self._at_end_of_child)
        self._last_before = getattr(sys, "last_value", None)
        self._exit_before, self._exit = sys.exit, self._sys_exit
        sys.exit = self._exit
        self._stand_before_quit()

    def disarm(self) -> None:
        """Stop watching."""
        if not self._is_armed:
            return
        self._is_armed = False
        atexit.unregister(self._at_exit)
        if self._finalizer is not None:
            self._finalizer.cancel()
            self._finalizer = None
        if (
            sys.exit is self._exit
        ):  # else somebody stands in front of ours: it stays, and only exits
            sys.exit = self._exit_before
        quitter = _quitter()
        if quitter is not None and self._quit is not None and quitter.__call__ is self._quit:
            quitter.__call__ = self._quit_before

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

    def _at_end_of_child(self) -> None:
        """End the runs of a child of `multiprocessing`: what ended it is being handled just now."""
        if os.getpid() != self._pid:
            return
        error = sys.exc_info()[1]
        if isinstance(error, SystemExit):
            self.code = exit_code_of(error.code)
        else:
            self.code = 0 if error is None else 1
        self._on_exit(self.code)

    def _note(self, error: SystemExit) -> None:
        if self._is_armed and threading.current_thread() is threading.main_thread():
            self.code = exit_code_of(error.code)
            self.exits += 1
            error._kiseki = _Travelling(self, self.exits)  # type: ignore[attr-defined]

    def _stand_before_quit(self) -> None:
        """Stand in front of what `exit(n)` and `quit(n)` call; the two objects stay what they are."""
        quitter = _quitter()
        if quitter is None:
            return
        before = quitter.__call__

        def leave(self_: Any, code: Any = None) -> None:
            try:
                before(self_, code)
            except SystemExit as error:
                self._note(error)
                raise

        self._quit_before, self._quit = before, leave
        quitter.__call__ = leave

    def _sys_exit(self, status: Any = None, /) -> NoReturn:
        error = SystemExit() if status is None else SystemExit(status)
        self._note(error)
        try:
            raise error
        finally:
            del error  # else the exception and this frame would keep each other alive


def _quitter() -> Any:
    """Return the class of the built-in `exit` and `quit`; None without the module `site`."""
    kind = type(getattr(builtins, "exit", None))
    return kind if kind.__module__ == "_sitebuiltins" else None


def _finalizer_of_child(end: Callable[[], None]) -> Any:
    """Have `end` called at the end of a child of `multiprocessing`; elsewhere do nothing."""
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return None
    from multiprocessing.util import Finalize  # such a child has it loaded

    return Finalize(None, end, exitpriority=0)


def exit_code_of(status: object) -> int:
    """Return the exit code the interpreter gives for `sys.exit(status)`."""
    if status is None:
        return 0
    if isinstance(status, int):
        return status & 0xFF if os.name == "posix" else status
    return 1
