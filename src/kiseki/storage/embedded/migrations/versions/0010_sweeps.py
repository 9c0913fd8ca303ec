"""Sweeps: what is searched, agents, trials; and which sweep a run is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _belongs(table: str, name: str, to: str | None = None) -> sa.Column[int]:
    key = sa.ForeignKey(f"{to or name}.number", name=f"fk_{table}_{name}")
    return sa.Column(name, _number(), key, nullable=False)


def upgrade() -> None:
    op.add_column("run", sa.Column("sweep", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_run_sweep", "run", ["project", "sweep"], sqlite_where=sa.text("sweep != ''")
    )
    op.create_table(
        "sweep",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("sweep", "project"),
        sa.Column("id", sa.String(64), nullable=False),
        _belongs("sweep", "user"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("trials", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sweep"),
        sa.UniqueConstraint("project", "id", name="uq_sweep_project_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sweep_agent",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        _belongs("sweep_agent", "sweep"),
        _belongs("sweep_agent", "user"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_sweep_agent"),
        sa.UniqueConstraint("id", name="uq_sweep_agent_id"),
    )
    op.create_index("ix_sweep_agent_sweep", "sweep_agent", ["sweep"])
    op.create_table(
        "sweep_trial",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("sweep_trial", "sweep"),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        _belongs("sweep_trial", "agent", "sweep_agent"),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("point", sa.String(64), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("offered_us", sa.BigInteger(), nullable=False),
        sa.Column("stopped_us", sa.BigInteger(), nullable=True),
        sa.Column("lost_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_sweep_trial"),
        sa.UniqueConstraint("sweep", "ordinal", name="uq_sweep_trial_sweep_ordinal"),
        sa.UniqueConstraint("sweep", "point", name="uq_sweep_trial_sweep_point"),
        sa.UniqueConstraint("sweep", "run", name="uq_sweep_trial_sweep_run"),
    )
    op.create_index("ix_sweep_trial_agent", "sweep_trial", ["agent"])
