"""`SeriesStore` on SQLite: one history file per project.

    append ──► batch (log, as received) ──► compactor ──► row_chunk, chunk, chunk_data (columns)
                   │                                          │
                   └──────────── one snapshot ────────────────┴──► points, cells, scan, keys

`series_append.py` holds the log half, `compactor.py` the way from batches to columns, `series_read.py` the
questions; `history_file.py` the files and `chunks.py` the bytes of a column.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kiseki.storage.embedded import series_append
from kiseki.storage.embedded.history_file import FILES_MAX, HistoryFiles
from kiseki.storage.interface import Batch, Line


class EmbeddedSeries:
    """The series of every project below one folder. One process; any number of threads.

    Args:
        folder: holds `<project>.db`; made when first needed.
        files_max: history files kept open without a user.
    """

    def __init__(self, folder: Path, *, files_max: int = FILES_MAX) -> None:
        self._files = HistoryFiles(folder, files_max)
        self._applied: dict[int, dict[str, int]] = {}
        self._applied_lock = threading.Lock()

    def append(self, project: int, batches: Sequence[Batch]) -> None:
        if not batches:
            return
        with self._files.use(project, create=True) as file:
            assert file is not None
            series_append.append(file, batches)

    def cursor(self, project: int, stream: str) -> int:
        with self._files.use(project) as file:
            if file is None:
                return 0
            with file.read() as db:
                return series_append.cursor(db, stream)

    def shapes(self, project: int, stream: str) -> dict[int, tuple[str, ...]]:
        with self._files.use(project) as file:
            if file is None:
                return {}
            with file.read() as db:
                return series_append.shapes(db, stream)

    def batches(self, project: int, stream: str, first: int = 0) -> Iterator[Batch]:
        with self._files.use(project) as file:
            if file is None:
                return
            with file.read() as db:
                yield from series_append.batches(db, stream, first)

    def applied(self, project: int, cursors: Mapping[str, int]) -> None:
        with self._applied_lock:
            self._applied.setdefault(project, {}).update(cursors)

    def lines(
        self,
        project: int,
        segment: int,
        *,
        stream: str | None = None,
        after: int = -1,
        limit: int = 1_000,
        tail: bool = False,
        search: str | None = None,
    ) -> tuple[list[tuple[int, Line]], int]:
        with self._files.use(project) as file:
            if file is None:
                return [], 0
            with file.read() as db:
                return series_append.lines(db, segment, stream, after, limit, tail, search)

    def close(self) -> None:
        self._files.close()
