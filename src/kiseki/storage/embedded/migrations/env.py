"""Run by Alembic: applies revisions to the database given by `schema.upgrade`.

All revisions that are due are one transaction: killed within it, the database is as it was.
"""

from __future__ import annotations

import sqlite3

from alembic import context
from sqlalchemy import Connection, create_engine, event

from kiseki.storage.embedded.tables import metadata


def run() -> None:
    engine = create_engine(context.config.attributes["url"])

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver would commit before each CREATE TABLE

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        # SQLite changes columns by copying the table, which batch mode does.
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
