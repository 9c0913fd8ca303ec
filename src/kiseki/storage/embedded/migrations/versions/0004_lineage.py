"""The segments that hang at another one are found from that one: a run tells its forks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index(
        "ix_segment_parent", "segment", ["parent"], sqlite_where=sa.text("parent IS NOT NULL")
    )
