"""The tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "entity",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_entity")),
        sa.UniqueConstraint("name", name=op.f("uq_entity_name")),
    )
    op.create_table(
        "project",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("entity", Number, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("color_next", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entity"], ["entity.number"], name=op.f("fk_project_entity")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_project")),
        sa.UniqueConstraint("entity", "name", name=op.f("uq_project_entity_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "user",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("entity", Number, nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entity"], ["entity.number"], name=op.f("fk_user_entity")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_user")),
        sa.UniqueConstraint("name", name=op.f("uq_user_name")),
    )
    op.create_table(
        "api_key",
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("user", Number, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["user.number"], name=op.f("fk_api_key_user")),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_api_key")),
    )
    op.create_index(op.f("ix_api_key_user"), "api_key", ["user"], unique=False)
    op.create_table(
        "login_token",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user", Number, nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.number"], name=op.f("fk_login_token_user")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_token")),
    )
    op.create_table(
        "member",
        sa.Column("user", Number, nullable=False),
        sa.Column("entity", Number, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["entity"], ["entity.number"], name=op.f("fk_member_entity")),
        sa.ForeignKeyConstraint(["user"], ["user.number"], name=op.f("fk_member_user")),
        sa.PrimaryKeyConstraint("user", "entity", name=op.f("pk_member")),
    )
    op.create_table(
        "path",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("project", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.number"], name=op.f("fk_path_project")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_path")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_path_project_name")),
    )
    op.create_table(
        "run",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("project", Number, nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("user", Number, nullable=False),
        sa.Column("color", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("attempt", Number, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("history", Number, nullable=False),
        sa.Column("system", Number, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.Column("heartbeat_us", sa.BigInteger(), nullable=True),
        sa.Column("last_us", sa.BigInteger(), nullable=True),
        sa.Column("runtime_us", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("next_step", sa.BigInteger(), nullable=False),
        sa.Column("stop_us", sa.BigInteger(), nullable=True),
        sa.Column("deleted_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["project.number"], name=op.f("fk_run_project")),
        sa.ForeignKeyConstraint(["user"], ["user.number"], name=op.f("fk_run_user")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_run")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_run_project_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_state_heartbeat", "run", ["state", "heartbeat_us"], unique=False)
    op.create_table(
        "session",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user", Number, nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.number"], name=op.f("fk_session_user")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_table(
        "attempt",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("run", Number, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("history", Number, nullable=False),
        sa.Column("system", Number, nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_attempt_run")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_attempt")),
        sa.UniqueConstraint("run", "ordinal", name=op.f("uq_attempt_run_ordinal")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "run_cell",
        sa.Column("path", Number, nullable=False),
        sa.Column("run", Number, nullable=False),
        sa.Column("num", sa.Float(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["path"], ["path.number"], name=op.f("fk_run_cell_path")),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_run_cell_run")),
        sa.PrimaryKeyConstraint("path", "run", name=op.f("pk_run_cell")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_run_cell_run"), "run_cell", ["run"], unique=False)
    op.create_table(
        "run_tag",
        sa.Column("run", Number, nullable=False),
        sa.Column("tag", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_run_tag_run")),
        sa.PrimaryKeyConstraint("run", "tag", name=op.f("pk_run_tag")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt_metric",
        sa.Column("attempt", Number, nullable=False),
        sa.Column("space", sa.String(length=16), nullable=False),
        sa.Column("path", Number, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("step_metric", sa.Text(), nullable=True),
        sa.Column("goal", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt"], ["attempt.number"], name=op.f("fk_attempt_metric_attempt")
        ),
        sa.ForeignKeyConstraint(["path"], ["path.number"], name=op.f("fk_attempt_metric_path")),
        sa.PrimaryKeyConstraint("attempt", "space", "path", name=op.f("pk_attempt_metric")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt_part",
        sa.Column("attempt", Number, nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt"], ["attempt.number"], name=op.f("fk_attempt_part_attempt")
        ),
        sa.PrimaryKeyConstraint("attempt", "name", name=op.f("pk_attempt_part")),
    )
    op.create_table(
        "segment",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("attempt", Number, nullable=False),
        sa.Column("space", sa.String(length=16), nullable=False),
        sa.Column("parent", Number, nullable=True),
        sa.Column("parent_step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["attempt"], ["attempt.number"], name=op.f("fk_segment_attempt")),
        sa.ForeignKeyConstraint(["parent"], ["segment.number"], name=op.f("fk_segment_parent")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_segment")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_segment_attempt"), "segment", ["attempt"], unique=False)
    op.create_table(
        "stream",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", Number, nullable=False),
        sa.Column("run", Number, nullable=False),
        sa.Column("attempt", Number, nullable=False),
        sa.Column("segment", Number, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt"], ["attempt.number"], name=op.f("fk_stream_attempt")),
        sa.ForeignKeyConstraint(["project"], ["project.number"], name=op.f("fk_stream_project")),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=op.f("fk_stream_run")),
        sa.ForeignKeyConstraint(["segment"], ["segment.number"], name=op.f("fk_stream_segment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream")),
    )
    op.create_index(op.f("ix_stream_attempt"), "stream", ["attempt"], unique=False)
    op.create_index(
        "ix_stream_open", "stream", ["is_open"], unique=False, sqlite_where=sa.text("is_open")
    )
