"""Artifacts: collections, versions, manifests, aliases, content by MD5, and who made and used them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _belongs(
    table: str, name: str, to: str | None = None, *, nullable: bool = False
) -> sa.Column[int]:
    key = sa.ForeignKey(f"{to or name}.number", name=f"fk_{table}_{name}")
    return sa.Column(name, _number(), key, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "collection",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("collection", "project"),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("next_version", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_collection"),
        sa.UniqueConstraint("project", "name", name="uq_collection_project_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "artifact",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("artifact", "collection"),
        _belongs("artifact", "run", nullable=True),
        _belongs("artifact", "user"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("ttl_s", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("waiting", sa.Text(), nullable=False),
        sa.Column("shared", sa.String(256), nullable=False),
        sa.Column("manifest", sa.String(64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_artifact"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_artifact_run", "artifact", ["run"])
    op.create_index("ix_artifact_collection_digest", "artifact", ["collection", "digest"])
    op.create_table(
        "artifact_manifest",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("artifact_manifest", "artifact"),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("base", _number(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_artifact_manifest"),
    )
    op.create_index("ix_artifact_manifest_artifact", "artifact_manifest", ["artifact"])
    op.create_index("ix_artifact_manifest_sha256", "artifact_manifest", ["sha256"])
    op.create_table(
        "artifact_content",
        _belongs("artifact_content", "project"),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("artifact", _number(), nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_artifact_content"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifact_content_sha256", "artifact_content", ["sha256"])
    op.create_table(
        "artifact_member",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        _belongs("artifact_member", "collection"),
        _belongs("artifact_member", "artifact"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_artifact_member"),
        sa.UniqueConstraint(
            "collection", "artifact", name="uq_artifact_member_collection_artifact"
        ),
        sa.UniqueConstraint("collection", "version", name="uq_artifact_member_collection_version"),
    )
    op.create_index("ix_artifact_member_artifact", "artifact_member", ["artifact"])
    op.create_table(
        "artifact_alias",
        _belongs("artifact_alias", "collection"),
        sa.Column("alias", sa.String(128), nullable=False),
        sa.Column("member", _number(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"], ["artifact_member.number"], name="fk_artifact_alias_member"
        ),
        sa.PrimaryKeyConstraint("collection", "alias", name="pk_artifact_alias"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifact_alias_member", "artifact_alias", ["member"])
    op.create_table(
        "artifact_client",
        sa.Column("id", sa.String(256), nullable=False),
        _belongs("artifact_client", "collection"),
        _belongs("artifact_client", "artifact", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_client"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifact_client_collection", "artifact_client", ["collection"])
    op.create_index("ix_artifact_client_artifact", "artifact_client", ["artifact"])
    op.create_table(
        "artifact_run",
        _belongs("artifact_run", "run"),
        sa.Column("role", sa.String(8), nullable=False),
        _belongs("artifact_run", "artifact"),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", "role", "artifact", name="pk_artifact_run"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifact_run_artifact", "artifact_run", ["artifact"])
