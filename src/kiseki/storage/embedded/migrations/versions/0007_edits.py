"""Changes of many runs that can be taken back, and the alerts of all runs in one list (from now on)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _belongs(table: str, name: str) -> sa.Column[int]:
    key = sa.ForeignKey(f"{name}.number", name=f"fk_{table}_{name}")
    return sa.Column(name, _number(), key, nullable=False)


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("alert", "project"),
        _belongs("alert", "run"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_alert"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_run", "alert", ["run"])
    op.create_index("ix_alert_project", "alert", ["project", "number"])
    op.create_table(
        "undo",
        sa.Column("id", sa.String(64), nullable=False),
        _belongs("undo", "project"),
        _belongs("undo", "user"),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_undo"),
    )
    op.create_index("ix_undo_user", "undo", ["user"])
