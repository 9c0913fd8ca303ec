"""One project's history file: schema, connections, and how many of them are open.

A file has one writing connection behind a lock and a few reading ones (`query_only`), each lent to one
thread at a time; a reader sees one snapshot from its first question to its last. Tables: `docs/format/
embedded.md`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiseki.errors import UnsupportedVersion

PAGE_BYTES = 8192
# Idle reading connections a file keeps; more are opened under load and closed again.
READERS_KEPT = 4
READER_CACHE_KIB = 1024
FILES_MAX = 32  # open files without a user beyond which the least recently used one is closed
LOG_BYTES_KEPT = 1024 * 1024  # of the write-ahead log, when there is nothing to do
BUSY_TIMEOUT_S = 30.0  # another process may hold the file for a backup

# One script per version, each run once, in order. Never edit a released one.
MIGRATIONS = (
    """
    CREATE TABLE identity (id INTEGER NOT NULL);
    INSERT INTO identity VALUES (random());
    CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, next INTEGER NOT NULL);
    CREATE TABLE shape (
        stream INTEGER NOT NULL, shape INTEGER NOT NULL, paths BLOB NOT NULL,
        PRIMARY KEY (stream, shape)
    ) WITHOUT ROWID;
    CREATE TABLE segment (
        id INTEGER PRIMARY KEY, records INTEGER NOT NULL, rows INTEGER NOT NULL, lines INTEGER NOT NULL
    );
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        stream INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
        segment INTEGER NOT NULL, arrival INTEGER NOT NULL, rows INTEGER NOT NULL,
        step_min INTEGER NOT NULL, step_max INTEGER NOT NULL,
        received_us INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL
    );
    CREATE UNIQUE INDEX batch_stream ON batch (stream, first);
    CREATE INDEX batch_segment ON batch (segment, arrival, rows, size);
    CREATE TABLE line (
        segment INTEGER NOT NULL, place INTEGER NOT NULL,
        stream TEXT NOT NULL, number INTEGER NOT NULL, time_us INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (segment, place)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX line_number ON line (segment, stream, number);
    CREATE TABLE key (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
    CREATE TABLE series (
        segment INTEGER NOT NULL, key INTEGER NOT NULL, place INTEGER NOT NULL,
        numbers INTEGER NOT NULL, texts INTEGER NOT NULL, others INTEGER NOT NULL,
        step_min INTEGER NOT NULL, step_max INTEGER NOT NULL,
        PRIMARY KEY (segment, key)
    ) WITHOUT ROWID;
    CREATE TABLE row_chunk (
        id INTEGER PRIMARY KEY,
        segment INTEGER NOT NULL, arrival INTEGER NOT NULL, count INTEGER NOT NULL,
        step_min INTEGER NOT NULL, step_max INTEGER NOT NULL, ascending INTEGER NOT NULL,
        steps BLOB NOT NULL, layout BLOB NOT NULL,
        times BLOB NOT NULL, runtimes BLOB NOT NULL, arrivals BLOB NOT NULL, kinds BLOB NOT NULL
    );
    CREATE UNIQUE INDEX row_chunk_segment ON row_chunk (segment, arrival);
    CREATE TABLE chunk (
        rows INTEGER NOT NULL, key INTEGER NOT NULL, data INTEGER NOT NULL, count INTEGER NOT NULL,
        nan INTEGER NOT NULL, pinf INTEGER NOT NULL, ninf INTEGER NOT NULL,
        min REAL, max REAL, first REAL, last REAL, total REAL NOT NULL,
        min_at INTEGER NOT NULL, max_at INTEGER NOT NULL,
        PRIMARY KEY (rows, key)
    ) WITHOUT ROWID;
    CREATE TABLE chunk_data (id INTEGER PRIMARY KEY, level BLOB, numbers BLOB NOT NULL, objects BLOB);
    CREATE TABLE stale (id INTEGER PRIMARY KEY AUTOINCREMENT);
    """,
    # Every session of a resumed run, and every writer of a shared one, numbers its lines from 0.
    """
    ALTER TABLE line ADD COLUMN writer INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE line ADD COLUMN label TEXT NOT NULL DEFAULT '';
    DROP INDEX line_number;
    CREATE UNIQUE INDEX line_number ON line (segment, writer, label, stream, number);
    """,
    # What a redrawn line said before.
    """
    ALTER TABLE line ADD COLUMN updates INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE line_update (
        segment INTEGER NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL,
        time_us INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (segment, place, number)
    ) WITHOUT ROWID;
    """,
)


class HistoryFile:
    """One open history file. `write()` and `read()` lend its connections.

    Attributes:
        is_closing: who reads should end: its close waits for them.
    """

    is_closing = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memo: dict[str, object] = {}  # what the writer remembers; valid under `write()` only
        self.maintenance = threading.Lock()  # held by who compacts or deletes
        self.is_clean = False  # no column chunk is left behind by an earlier process
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._is_durable = True
        if not path.exists():
            _make(path)
        self._writer = self._connect()
        try:
            self._prepare()
        except BaseException:
            self._writer.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.create_function("holds", 2, _holds, deterministic=True)
        return connection

    def _prepare(self) -> None:
        writer = self._writer
        version = writer.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise UnsupportedVersion(
                f"{self.path} has history format {version}; this Kiseki knows {len(MIGRATIONS)}: upgrade it"
            )
        if version == 0:
            writer.execute("PRAGMA auto_vacuum=INCREMENTAL")
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("PRAGMA synchronous=FULL")
        writer.execute("PRAGMA wal_autocheckpoint=4096")
        _migrate(writer, version)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Lend the writing connection within one transaction.

        Args:
            durable: wait until it survives a power loss. Without, it is still whole or not there at
                all, and anything durable that follows makes it so too.

        Raises:
            OSError: ENOSPC where the disk is full; nothing of the transaction is stored.
        """
        with self._lock:
            try:
                if durable != self._is_durable:
                    self._writer.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                    self._is_durable = durable
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as error:
                self.memo.clear()
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise OSError(errno.ENOSPC, "the disk is full", str(self.path)) from error
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a reading connection; all its answers come from one snapshot."""
        with self._idle_lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            # Chunks are read once and kept decoded: pages need little room.
            connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
        healthy = False
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("ROLLBACK")
            healthy = True
        finally:
            with self._idle_lock:
                keep = healthy and len(self._idle) < READERS_KEPT
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def vacuum(self, pages: int) -> bool:
        """Give up to `pages` free pages back to the file system; whether some are left."""
        with self._lock:
            self._writer.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
            return bool(self._writer.execute("PRAGMA freelist_count").fetchone()[0])

    def trim_log(self) -> None:
        """Move what is in the write-ahead log into the file, and cut the log, if it has grown.

        As far as nobody has to wait: a reader that still needs the log keeps it as it is.
        """
        log = self.path.with_name(self.path.name + "-wal")
        with contextlib.suppress(OSError):
            if log.stat().st_size <= LOG_BYTES_KEPT:
                return
        with self._lock:
            self._writer.execute("PRAGMA busy_timeout=0")
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._writer.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000:.0f}")

    def free_pages(self) -> tuple[int, int]:
        """Return the number of unused pages and of all pages."""
        with self._lock:
            free = self._writer.execute("PRAGMA freelist_count").fetchone()[0]
            return free, self._writer.execute("PRAGMA page_count").fetchone()[0]

    def close(self) -> None:
        """Close all connections. Nobody may be reading or writing."""
        with self._lock, self._idle_lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            self._writer.close()


def _make(path: Path) -> None:
    """Make a file beside its place and move it there: two syncs instead of one per step of making it."""
    fresh = path.with_name(f"{path.name}.new")
    for suffix in ("", "-journal", "-wal", "-shm"):  # of a process that ended while making one
        Path(f"{fresh}{suffix}").unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size={PAGE_BYTES}")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA journal_mode=MEMORY")
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        _migrate(db, 0)
        db.execute("PRAGMA journal_mode=WAL")
    _sync(fresh)
    fresh.replace(path)
    _sync(path.parent)


def _migrate(db: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version={number};COMMIT;")


def _sync(path: Path) -> None:
    """Have what a file or folder holds survive a power loss."""
    if path.is_dir() and os.name == "nt":  # Windows syncs no folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _holds(text: str, folded: str) -> bool:
    return folded in text.casefold()


class HistoryFiles:
    """The history files of a folder, opened when first needed, the least recently used closed first."""

    def __init__(self, folder: Path, files_max: int = FILES_MAX) -> None:
        self.folder = folder
        self._files_max = files_max
        self._changed = threading.Condition()
        self._open: OrderedDict[int, HistoryFile] = OrderedDict()
        self._users: dict[int, int] = {}
        self._opening: set[int] = set()

    def path(self, project: int) -> Path:
        return self.folder / f"{project}.db"

    def projects(self) -> list[int]:
        """Return the projects that have a file."""
        names = (path.stem for path in self.folder.glob("*.db"))
        return sorted(int(name) for name in names if name.isdigit())

    @contextmanager
    def use(self, project: int, create: bool = False) -> Iterator[HistoryFile | None]:
        """Lend a project's file; None if it has none and is not to be created."""
        file = self._take(project, create)
        if file is None:
            yield None
            return
        try:
            yield file
        finally:
            with self._changed:
                self._users[project] -= 1
                self._changed.notify_all()

    def _take(self, project: int, create: bool) -> HistoryFile | None:
        with self._changed:
            while project in self._opening:
                self._changed.wait()
            file = self._open.get(project)
            if file is not None:
                self._open.move_to_end(project)
                self._users[project] += 1
                return file
            if not create and not self.path(project).exists():
                return None
            self._opening.add(project)
            self._close_unused()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = HistoryFile(self.path(project))
        finally:
            with self._changed:
                self._opening.discard(project)
                if file is not None:
                    self._open[project] = file
                    self._users[project] = 1
                self._changed.notify_all()
        return file

    def _close_unused(self) -> None:
        for project in list(self._open):
            if len(self._open) < self._files_max:
                return
            if not self._users[project]:
                self._open.pop(project).close()
                del self._users[project]

    def remove(self, project: int) -> None:
        """Wait for those who use a project's file and delete it for good."""
        with self._changed:
            while project in self._opening or self._users.get(project):
                self._changed.wait()
            file = self._open.pop(project, None)
            self._users.pop(project, None)
            if file is not None:
                file.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path(project)}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Have those who read from a file end, wait for all who use one, and close them."""
        with self._changed:
            for file in self._open.values():
                file.is_closing = True
            while self._opening or any(self._users.values()):
                self._changed.wait()
            for file in self._open.values():
                file.close()
            self._open.clear()
            self._users.clear()
