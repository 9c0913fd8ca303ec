"""`SeriesStore` on SQLite: one history file per project.

    append ──► batch (log, as received) ──► compactor ──► row_chunk, chunk, chunk_data (columns)
                   │                                          │
                   └──────────── one snapshot ────────────────┴──► points, cells, scan, keys, replay

`series_append.py` holds the log half, `compactor.py` the way from batches to columns, `series_read.py` the
questions; `history_file.py` the files and `chunks.py` the bytes of a column.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kiseki.record.types import Row, System
from kiseki.storage.embedded import series_append, series_cells, series_read, series_replay
from kiseki.storage.embedded.blocks import Snapshot
from kiseki.storage.embedded.cache import Cache
from kiseki.storage.embedded.compactor import Compactor, drop_segments
from kiseki.storage.embedded.history_file import FILES_MAX, HistoryFiles
from kiseki.storage.interface import Batch, Cells, Ints, KeyStat, Line, Logged, Points, Range, XAxis

CACHE_BYTES_MAX = 96 * 1024 * 1024


class EmbeddedSeries:
    """The series of every project below one folder. One process; any number of threads.

    Args:
        folder: holds `<project>.db`; made when first needed.
        files_max: history files kept open without a user.
        cache_bytes_max: decoded batches and chunks kept in memory, of all projects together.
    """

    def __init__(
        self,
        folder: Path,
        *,
        files_max: int = FILES_MAX,
        cache_bytes_max: int = CACHE_BYTES_MAX,
    ) -> None:
        self._files = HistoryFiles(folder, files_max)
        self._applied: dict[int, dict[str, int]] = {}
        self._applied_lock = threading.Lock()
        self._cache = Cache(cache_bytes_max)

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

    def size(self, project: int) -> int:
        path = self._files.path(project)
        found = 0
        for part in (path, path.with_name(f"{path.name}-wal")):
            with suppress(FileNotFoundError):
                found += part.stat().st_size
        return found

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

    def keys(self, project: int, segments: Sequence[int]) -> dict[int, list[KeyStat]]:
        with self._snapshot(project) as snapshot:
            if snapshot is None:
                return {segment: [] for segment in segments}
            return series_read.keys(snapshot, segments)

    def rows(self, project: int, segments: Sequence[int]) -> dict[int, int]:
        with self._snapshot(project) as snapshot:
            return {
                segment: 0 if snapshot is None else snapshot.row_count(segment)
                for segment in segments
            }

    def bounds(self, project: int, segments: Sequence[int]) -> dict[int, tuple[int, int]]:
        with self._snapshot(project) as snapshot:
            if snapshot is None:
                return {}
            found = {segment: series_replay.bounds(snapshot, segment) for segment in segments}
            return {segment: both for segment, both in found.items() if both is not None}

    def replay(self, project: int, span: Range) -> Iterator[Logged]:
        with self._snapshot(project) as snapshot:
            if snapshot is not None:
                yield from series_replay.replay(snapshot, span)

    def points(
        self, project: int, path: str, ranges: Sequence[Range], x: XAxis = "step"
    ) -> list[Points]:
        with self._snapshot(project) as snapshot:
            if snapshot is None:
                return [series_read.no_points() for _ in ranges]
            return series_read.points(snapshot, path, ranges, x)

    def cells(
        self, project: int, path: str, ranges: Sequence[Range], size: int, x: XAxis = "step"
    ) -> tuple[Cells, Ints] | None:
        with self._snapshot(project) as snapshot:
            if snapshot is None:
                return None
            return series_cells.cells(snapshot, path, ranges, size, x)

    def scan(
        self,
        project: int,
        span: Range,
        paths: Sequence[str] | None = None,
        after: tuple[int, int] | None = None,
        limit: int = 10_000,
    ) -> tuple[list[tuple[tuple[int, int], Row | System]], bool]:
        with self._snapshot(project) as snapshot:
            if snapshot is None:
                return [], False
            return series_read.scan(snapshot, span, paths, after, limit)

    @contextmanager
    def _snapshot(self, project: int) -> Iterator[Snapshot | None]:
        with self._files.use(project) as file:
            if file is None:
                yield None
                return
            with file.read() as db:
                yield Snapshot(db, self._cache, file)

    def lines(
        self,
        project: int,
        segment: int,
        *,
        stream: str | None = None,
        label: str | None = None,
        after: int = -1,
        before: int | None = None,
        until_us: int | None = None,
        limit: int = 1_000,
        tail: bool = False,
        search: str | None = None,
    ) -> tuple[list[tuple[int, Line]], int]:
        with self._files.use(project) as file:
            if file is None:
                return [], 0
            with file.read() as db:
                return series_append.lines(
                    db, segment, stream=stream, label=label, after=after, before=before,
                    until_us=until_us, limit=limit, tail=tail, search=search,
                )  # fmt: skip

    def updates(self, project: int, segment: int, index: int) -> list[tuple[int, str]]:
        with self._files.use(project) as file:
            if file is None:
                return []
            with file.read() as db:
                return series_append.updates(db, segment, index)

    def compact(self, project: int | None = None, *, idle: bool = False) -> int:
        gone = 0
        for number in self._files.projects() if project is None else [project]:
            with self._applied_lock:
                applied = dict(self._applied.get(number, {}))
            if not applied:
                continue
            with self._files.use(number) as file:
                if file is not None:
                    gone += Compactor(file, self._cache, applied).run(idle)
        return gone

    def drop(
        self, project: int, segments: Sequence[int] | None = None, streams: Sequence[str] = ()
    ) -> None:
        if segments is None:
            self._files.remove(project)
            with self._applied_lock:
                self._applied.pop(project, None)
            return
        with self._files.use(project) as file:
            if file is not None:
                drop_segments(file, segments, streams)

    def close(self) -> None:
        self._files.close()
        self._cache.clear()
