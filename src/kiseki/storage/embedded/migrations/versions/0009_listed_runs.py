"""An index along which runs are listed: the first page of 100,000 runs looks at 200 of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index(
        "ix_run_listed",
        "run",
        ["project", "created_us"],
        sqlite_where=sa.text("deleted_us IS NULL"),
    )
