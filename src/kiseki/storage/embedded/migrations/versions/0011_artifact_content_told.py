"""When somebody was last told that artifacts hold content: what is told lately is not swept away."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    column = sa.Column("told_us", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("artifact_content", column)
    # What uploads that are under way rely on: as if they had been told just now.
    op.execute(sa.text(f"UPDATE artifact_content SET told_us = {time.time_ns() // 1000}"))
