"""Saved views: their versions, the documents these hold, and drafts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _belongs(table: str, name: str, to: str) -> sa.Column[int]:
    key = sa.ForeignKey(f"{to}.number", name=f"fk_{table}_{name}")
    return sa.Column(name, _number(), key, nullable=False)


def upgrade() -> None:
    op.create_table(
        "view",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("view", "project", "project"),
        sa.Column("keeper", _number(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _belongs("view", "owner", "user"),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("edited_us", sa.BigInteger(), nullable=False),
        sa.Column("edited_by", sa.Text(), nullable=False),
        sa.Column("deleted_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_view"),
        sa.UniqueConstraint("project", "keeper", "slug", name="uq_view_project_keeper_slug"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "view_doc",
        _belongs("view_doc", "project", "project"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_view_doc"),
    )
    op.create_table(
        "view_version",
        _belongs("view_version", "view", "view"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("view", "version", name="pk_view_version"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_view_version_digest", "view_version", ["digest"])
    op.create_table(
        "draft",
        _belongs("draft", "project", "project"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        _belongs("draft", "user", "user"),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_draft"),
        sqlite_with_rowid=False,
    )
