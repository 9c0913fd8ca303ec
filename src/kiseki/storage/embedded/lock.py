"""One server per data folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from kiseki.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows: SQLite's own locks remain
    fcntl = None  # type: ignore[assignment]


class FolderLock:
    """Held as long as the process lives; the operating system frees it even after a kill.

    Raises:
        UsageError: another process holds it; the message names its process id.
    """

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a+")
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._file.seek(0)
                holder = self._file.read().strip() or "unknown"
                self._file.close()
                raise UsageError(
                    f"the data folder {path.parent} is in use by another server (process {holder}). "
                    "Stop that one, or give this one another folder with --data"
                ) from error
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        self._file.close()
