"""Brings `meta.db` to the schema this version knows: made new, left as it is, or migrated.

A new file is made from the tables and stamped with the head revision. Alembic, which takes a third of a
second to import, is loaded only when a revision is due; before that a snapshot of the file is made.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from kiseki.errors import UnsupportedVersion
from kiseki.storage.embedded.tables import metadata

HEAD = "0011"
"""The newest revision in `migrations/versions/`; a test compares the two."""

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(path: Path) -> None:
    """Make or migrate the database at `path`.

    Raises:
        UnsupportedVersion: it was written by a newer Kiseki.
    """
    revision = current(path)
    if revision == HEAD:
        return
    if revision is None:
        try:
            _create(path)
        except OperationalError:
            if current(path) != HEAD:  # another process may have been faster
                raise
        return
    if revision not in KNOWN:
        raise UnsupportedVersion(
            f"{path} was written by a newer Kiseki (schema {revision}, this one knows {HEAD})"
        )
    snapshot(path, path.with_name(f"{path.name}.before-{HEAD}"))
    upgrade(path)


def current(path: Path) -> str | None:
    """Return the revision of a database, None for a file that does not exist or holds nothing."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    with closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "alembic_version" not in tables:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _create(path: Path) -> None:
    """Make all tables and the stamp in one transaction: killed within it, nothing is there."""
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(
                "CREATE TABLE alembic_version ("
                "version_num VARCHAR(32) NOT NULL, "
                "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
            connection.execute(
                text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD}
            )
    finally:
        engine.dispose()


def snapshot(path: Path, to: Path) -> None:
    """Copy a database as it is at one moment, also while others use it."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def upgrade(path: Path, to: str = "head") -> None:
    """Run the revisions that are due."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = f"sqlite:///{path}"
    command.upgrade(config, to)
