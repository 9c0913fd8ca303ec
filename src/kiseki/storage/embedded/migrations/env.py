"""Run by Alembic: applies revisions to the database given by `schema.upgrade`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from kiseki.storage.embedded.tables import metadata


def run() -> None:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        # SQLite changes columns by copying the table, which batch mode does.
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
