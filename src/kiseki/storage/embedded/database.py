"""The connections to `meta.db`.

Writes go through one connection under a lock (SQLite has one writer anyway) with `synchronous=FULL`, so that
a call that returned survives a power cut. Reads use a small pool of connections that cannot write.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from kiseki.errors import StorageFull

READERS_MAX = 8
BUSY_S = 10.0

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-4096",
)


class Database:
    """One writer and some readers of a SQLite file, which exists with its tables."""

    def __init__(self, path: Path) -> None:
        self._writer = _engine(path, read_only=False)
        self._readers = _engine(path, read_only=True)
        self._writing = threading.Lock()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """One transaction that writes."""
        try:
            with self._writing, self._writer.begin() as connection:
                yield connection
        except OperationalError as error:
            if "disk is full" in str(error.orig):
                raise StorageFull("the disk of the server is full", code="full") from error
            raise

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """One moment of the database."""
        with self._readers.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._readers.dispose()
        self._writer.dispose()


def inserted(result: Any) -> int:
    """Return the number that a new row was given."""
    return int(result.inserted_primary_key[0])


def _engine(path: Path, *, read_only: bool) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=READERS_MAX if read_only else 1,
        max_overflow=0,
        pool_timeout=BUSY_S,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        hide_parameters=True,  # error messages end up in logs, and parameters hold password hashes
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        # SQLAlchemy begins transactions itself: the driver's own rules differ by Python version.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
