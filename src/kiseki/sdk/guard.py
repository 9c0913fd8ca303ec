"""The one place where trouble inside Kiseki is caught: it must never end a training run (reliability 1.1).

Under test, and with the setting `strict`, it is raised again: a bug that is swallowed is never found.
"""

from __future__ import annotations

import contextlib
import logging
import os
from types import TracebackType

from kiseki.errors import UsageError

_log = logging.getLogger(__name__)
_PACKAGE = logging.getLogger("kiseki")
_PACKAGE.addHandler(logging.NullHandler())  # else what has no handler goes to the script's stderr


class Guard:
    """`with guard("saying goodbye"): …` logs what goes wrong inside, once per place, and goes on.

    What the caller did wrong (`UsageError`) and what is no trouble of Kiseki (`KeyboardInterrupt`,
    `SystemExit`) passes through.
    """

    def __init__(self, doing: str, strict: bool = False) -> None:
        self._doing = doing
        self._strict = strict or "PYTEST_CURRENT_TEST" in os.environ

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None or not isinstance(error, Exception) or isinstance(error, UsageError):
            return False
        _log.error("trouble while %s", self._doing, exc_info=(type(error), error, traceback))
        return not self._strict


class _File(logging.FileHandler):
    def emit(self, record: logging.LogRecord) -> None:
        # The folder may be deleted, the disk full: no reason to end the training.
        with contextlib.suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Be silent: `logging` would print a traceback among the script's words."""


class DebugLog:
    """`logs/debug.log` of a run folder: what Kiseki's own loggers say while the run is active.

    The file is made with its first line.

    Args:
        path: of the file.
        is_detailed: also what is no trouble (setting `debug`).
    """

    def __init__(self, path: str, is_detailed: bool = False) -> None:
        self._handler = _File(path, encoding="utf-8", delay=True)
        self._handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
        )
        _PACKAGE.addHandler(self._handler)
        if is_detailed:
            _PACKAGE.setLevel(logging.DEBUG)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        _PACKAGE.removeHandler(self._handler)
        self._handler.close()
