"""Accounts: passwords, teams' members, invites, keys bound to a project, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Columns are added in place, which SQLite does without copying the table: other tables refer to `user`.
ADDED = {
    "user": (
        ("kind", sa.String(length=16), "person"),
        ("display_name", sa.Text(), ""),
        ("email", sa.Text(), ""),
        ("password", sa.Text(), None),
        ("settings", sa.Text(), "{}"),
        ("disabled_us", sa.BigInteger(), None),
    ),
    "member": (("joined_us", sa.BigInteger(), "0"),),
    "api_key": (("project", sa.Text(), ""),),
    "session": (("via", sa.String(length=16), "key"),),
    "login_token": (("purpose", sa.String(length=16), "sign-in"),),
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for name, kind, default in columns:
            op.add_column(
                table, sa.Column(name, kind, nullable=default is None, server_default=default)
            )
    op.execute(
        "UPDATE member SET joined_us = "
        "(SELECT created_us FROM entity WHERE entity.number = member.entity)"
    )
    op.create_table(
        "invite",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("entity", Number, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["entity"], ["entity.number"], name=op.f("fk_invite_entity")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_invite")),
        sa.UniqueConstraint("digest", name=op.f("uq_invite_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_invite_entity"), "invite", ["entity"], unique=False)
    op.create_table(
        "audit",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("via", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
