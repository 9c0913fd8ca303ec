"""The trash: who deleted a run, which runs are gone for good, and which content they leave behind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("run", sa.Column("deleted_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("purged_us", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_run_deleted",
        "run",
        ["project", "deleted_us"],
        sqlite_where=sa.text("deleted_us IS NOT NULL"),
    )
    op.create_index("ix_blob_digest", "blob", ["digest"])
    op.create_table(
        "unnamed",
        sa.Column(
            "project",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("project.number", name="fk_unnamed_project"),
            nullable=False,
        ),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_unnamed"),
        sqlite_with_rowid=False,
    )
