"""The tables of `meta.db`, in SQLAlchemy Core so that PostgreSQL takes the same statements.

      invite ──► entity ◄── member ──► user ◄── api_key, session, login_token
                   ▲
        blob ──► project ◄── run ◄── attempt ◄── segment ◄── stream
                   ▲         ▲ ▲       ▲
                 path ◄── run_cell  run_tag  └── attempt_part, attempt_metric

        project ◄── view ◄── view_version ──► view_doc ◄── draft
        project ◄── collection ◄── artifact ◄── artifact_manifest, artifact_run ──► run
                        ▲              ▲
                        └─ artifact_member ◄── artifact_alias       artifact_content ──► project
        project ◄── sweep ◄── sweep_agent ◄── sweep_trial

A change here needs a revision in `migrations/versions/`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the type is exactly INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")


def _number() -> Column[int]:
    return Column("number", Number, primary_key=True, autoincrement=True)


def _belongs(
    name: str, to: str, *, primary_key: bool = False, index: bool | None = None
) -> Column[int]:
    return Column(
        name, Number, ForeignKey(to), nullable=False, primary_key=primary_key, index=index
    )


entity = Table(
    "entity",
    metadata,
    _number(),
    Column("name", String(128), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # user, team
    Column("created_us", BigInteger, nullable=False),
)

user = Table(
    "user",
    metadata,
    _number(),
    Column("name", String(128), nullable=False, unique=True),
    _belongs("entity", "entity.number"),  # the default one
    Column("is_admin", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False, server_default="person"),  # service, anonymous
    Column("display_name", Text, nullable=False, server_default=""),
    Column("email", Text, nullable=False, server_default=""),
    Column("password", Text),  # argon2id, with its parameters and salt
    Column("settings", Text, nullable=False, server_default="{}"),  # JSON
    Column("disabled_us", BigInteger),
)

member = Table(
    "member",
    metadata,
    _belongs("user", "user.number", primary_key=True),
    _belongs("entity", "entity.number", primary_key=True),
    Column("role", String(16), nullable=False),  # owner, admin, member, viewer
    Column("joined_us", BigInteger, nullable=False, server_default="0"),
)

invite = Table(
    "invite",
    metadata,
    _number(),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("entity", Number, ForeignKey("entity.number"), index=True),  # none: into the server only
    Column("role", String(16), nullable=False),
    Column("by", Text, nullable=False),  # name of a user
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_by", Text),
    sqlite_autoincrement=True,
)

api_key = Table(
    "api_key",
    metadata,
    Column("prefix", String(32), primary_key=True),
    _belongs("user", "user.number", index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("name", String(128), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("used_us", BigInteger),
    Column("project", Text, nullable=False, server_default=""),  # entity/project; empty: all
)

session = Table(
    "session",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _belongs("user", "user.number"),
    Column("created_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("via", String(16), nullable=False, server_default="key"),  # how it began
)

login_token = Table(
    "login_token",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _belongs("user", "user.number"),
    Column("expires_us", BigInteger, nullable=False),
    Column("purpose", String(16), nullable=False, server_default="sign-in"),  # claim
)

# What people did, by name: it outlives whom it speaks of. Rows are only ever added, which triggers enforce.
audit = Table(
    "audit",
    metadata,
    _number(),
    Column("time_us", BigInteger, nullable=False),
    Column("user", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("object", Text, nullable=False),
    Column("via", String(32), nullable=False),
    sqlite_autoincrement=True,
)
_APPEND_ONLY = tuple(
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
for _statement in _APPEND_ONLY:
    _trigger = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(audit, "after_create", _trigger.execute_if(dialect="sqlite"))

project = Table(
    "project",
    metadata,
    _number(),
    _belongs("entity", "entity.number"),
    Column("name", String(128), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("color_next", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    UniqueConstraint("entity", "name"),
    sqlite_autoincrement=True,
)

# The numbers of projects, runs, attempts and segments are never used again (`sqlite_autoincrement`): the
# series store keeps data under them.
#
# `attempt`, `history` and `system` are those of the latest attempt, so that lists need no join.
# They carry no foreign key: an attempt refers to its run.
run = Table(
    "run",
    metadata,
    _number(),
    _belongs("project", "project.number"),
    Column("id", String(128), nullable=False),
    _belongs("user", "user.number"),
    Column("color", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("attempt", Number, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("history", Number, nullable=False),
    Column("system", Number, nullable=False),
    Column("state", String(16), nullable=False),
    Column("cause", Text, nullable=False),
    Column("exit_code", Integer),
    Column("name", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON list
    Column("group", Text, nullable=False),
    Column("job_type", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("program", Text, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("heartbeat_us", BigInteger),
    Column("last_us", BigInteger),
    Column("runtime_us", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("next_step", BigInteger, nullable=False),
    Column("stop_us", BigInteger),
    Column("deleted_us", BigInteger),
    Column("deleted_by", Text, nullable=False, server_default=""),  # name of a user
    Column("purged_us", BigInteger),  # only the id is left, which stays taken
    Column("sweep", Text, nullable=False, server_default=""),  # id of a sweep
    UniqueConstraint("project", "id"),
    Index("ix_run_state_heartbeat", "state", "heartbeat_us"),
    Index("ix_run_listed", "project", "created_us", sqlite_where=text("deleted_us IS NULL")),
    Index("ix_run_deleted", "project", "deleted_us", sqlite_where=text("deleted_us IS NOT NULL")),
    Index("ix_run_sweep", "project", "sweep", sqlite_where=text("sweep != ''")),
    sqlite_autoincrement=True,
)

attempt = Table(
    "attempt",
    metadata,
    _number(),
    _belongs("run", "run.number"),
    Column("ordinal", Integer, nullable=False),
    Column("history", Number, nullable=False),
    Column("system", Number, nullable=False),
    Column("stream", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    UniqueConstraint("run", "ordinal"),
    sqlite_autoincrement=True,
)

# The fold of an attempt in pieces that change at different rates: config, summary, environment, fold.
attempt_part = Table(
    "attempt_part",
    metadata,
    _belongs("attempt", "attempt.number", primary_key=True),
    Column("name", String(16), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

segment = Table(
    "segment",
    metadata,
    _number(),
    _belongs("attempt", "attempt.number", index=True),
    Column("space", String(16), nullable=False),
    Column("parent", Number, ForeignKey("segment.number")),
    Column("parent_step", BigInteger),
    sqlite_autoincrement=True,
)
Index("ix_segment_parent", segment.c.parent, sqlite_where=text("parent IS NOT NULL"))

stream = Table(
    "stream",
    metadata,
    Column("id", String(64), primary_key=True),
    _belongs("project", "project.number"),
    _belongs("run", "run.number"),
    _belongs("attempt", "attempt.number", index=True),
    _belongs("segment", "segment.number"),
    Column("role", String(16), nullable=False),
    Column("applied", BigInteger, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
)
Index("ix_stream_open", stream.c.is_open, sqlite_where=text("is_open"))

path = Table(
    "path",
    metadata,
    _number(),
    _belongs("project", "project.number"),
    Column("name", Text, nullable=False),
    UniqueConstraint("project", "name"),
)

# Scalars of config and summary, so that any of them filters and sorts without being declared.
run_cell = Table(
    "run_cell",
    metadata,
    _belongs("path", "path.number", primary_key=True),
    _belongs("run", "run.number", primary_key=True, index=True),
    Column("num", Float),
    Column("text", Text),
    sqlite_with_rowid=False,
)

run_tag = Table(
    "run_tag",
    metadata,
    _belongs("run", "run.number", primary_key=True),
    Column("tag", String(512), primary_key=True),
    sqlite_with_rowid=False,
)

attempt_metric = Table(
    "attempt_metric",
    metadata,
    _belongs("attempt", "attempt.number", primary_key=True),
    Column("space", String(16), primary_key=True),
    _belongs("path", "path.number", primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("step_metric", Text),
    Column("goal", String(16)),
    sqlite_with_rowid=False,
)

# Alerts of all runs, so that a home page lists the newest: each was also folded into its attempt.
alert = Table(
    "alert",
    metadata,
    _number(),
    _belongs("project", "project.number"),
    _belongs("run", "run.number", index=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("level", String(16), nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Index("ix_alert_project", "project", "number"),
    sqlite_autoincrement=True,
)

# What takes a change of many runs back (zstd of msgpack).
undo = Table(
    "undo",
    metadata,
    Column("id", String(64), primary_key=True),
    _belongs("project", "project.number"),
    _belongs("user", "user.number", index=True),
    Column("data", LargeBinary, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)

# Content is kept once, under its SHA-256; a row says that this project was given it, and may show it.
blob = Table(
    "blob",
    metadata,
    _belongs("project", "project.number", primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),  # given, or promised to be there
    Index("ix_blob_digest", "digest"),
    sqlite_with_rowid=False,
)

# Content that a purged run named: dropped unless a run of the project names it, or somebody was told that it
# is here.
unnamed = Table(
    "unnamed",
    metadata,
    _belongs("project", "project.number", primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    sqlite_with_rowid=False,
)

# How people arranged a project's pages. `keeper` is 0, or the number of the user whose own view this is: of
# each slug there is one with 0, and everybody may have a `mine`.
view = Table(
    "view",
    metadata,
    _number(),
    _belongs("project", "project.number"),
    Column("keeper", Number, nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    _belongs("owner", "user.number"),
    Column("is_shared", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("edited_us", BigInteger, nullable=False),
    Column("edited_by", Text, nullable=False),  # name of a user
    Column("deleted_us", BigInteger),
    UniqueConstraint("project", "keeper", "slug"),
    sqlite_autoincrement=True,
)

# A document is kept once per content; it goes with the last version or draft that holds it.
view_doc = Table(
    "view_doc",
    metadata,
    _belongs("project", "project.number", primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("data", LargeBinary, nullable=False),  # zstd of JSON
    Column("size", Integer, nullable=False),  # of the JSON
)

view_version = Table(
    "view_version",
    metadata,
    _belongs("view", "view.number", primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, index=True),
    Column("time_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),  # name of a user
    sqlite_with_rowid=False,
)

draft = Table(
    "draft",
    metadata,
    _belongs("project", "project.number", primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    _belongs("user", "user.number"),
    Column("until_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Artifacts. `tags` and `waiting` (aliases of a version that is not committed yet) are JSON lists.
collection = Table(
    "collection",
    metadata,
    _number(),
    _belongs("project", "project.number"),
    Column("name", String(128), nullable=False),
    Column("kind", String(16), nullable=False),  # sequence, portfolio
    Column("type", String(128), nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("next_version", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    UniqueConstraint("project", "name"),
    sqlite_autoincrement=True,
)

artifact = Table(
    "artifact",
    metadata,
    _number(),
    _belongs("collection", "collection.number"),
    Column("run", Number, ForeignKey("run.number"), index=True),
    _belongs("user", "user.number"),
    Column("state", String(16), nullable=False),  # pending, committed, deleted
    Column("version", BigInteger),
    Column("digest", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", Text, nullable=False),  # JSON as it was sent
    Column("ttl_s", BigInteger),
    Column("size", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("step", BigInteger),
    Column("tags", Text, nullable=False),
    Column("waiting", Text, nullable=False),
    Column("shared", String(256), nullable=False),
    Column("manifest", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index("ix_artifact_collection_digest", "collection", "digest"),
    sqlite_autoincrement=True,
)

artifact_manifest = Table(
    "artifact_manifest",
    metadata,
    _number(),
    _belongs("artifact", "artifact.number", index=True),
    Column("part", String(16), nullable=False),  # full, incremental, patch
    Column("base", Number),
    Column("digest", String(64), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("created_us", BigInteger, nullable=False),
)

# Clients name content by its MD5: which content of the project that is.
artifact_content = Table(
    "artifact_content",
    metadata,
    _belongs("project", "project.number", primary_key=True),
    Column("digest", LargeBinary(16), primary_key=True),
    Column("sha256", LargeBinary(32), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("artifact", Number, nullable=False),  # the first one that held it
    Column("told_us", BigInteger, nullable=False, server_default="0"),  # somebody was told so
    sqlite_with_rowid=False,
)

artifact_member = Table(
    "artifact_member",
    metadata,
    _number(),
    _belongs("collection", "collection.number"),
    _belongs("artifact", "artifact.number", index=True),
    Column("version", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    UniqueConstraint("collection", "artifact"),
    UniqueConstraint("collection", "version"),
)

artifact_alias = Table(
    "artifact_alias",
    metadata,
    _belongs("collection", "collection.number", primary_key=True),
    Column("alias", String(128), primary_key=True),
    _belongs("member", "artifact_member.number", index=True),
    sqlite_with_rowid=False,
)

# What clients call a version, or a collection (no version), before they are told its id.
artifact_client = Table(
    "artifact_client",
    metadata,
    Column("id", String(256), primary_key=True),
    _belongs("collection", "collection.number", index=True),
    Column("artifact", Number, ForeignKey("artifact.number"), index=True),
    sqlite_with_rowid=False,
)

artifact_run = Table(
    "artifact_run",
    metadata,
    _belongs("run", "run.number", primary_key=True),
    Column("role", String(8), primary_key=True),  # made, used
    _belongs("artifact", "artifact.number", primary_key=True, index=True),
    Column("time_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Sweeps. `cursor` is the index of the grid that comes next; `config` is YAML as it came.
sweep = Table(
    "sweep",
    metadata,
    _number(),
    _belongs("project", "project.number"),
    Column("id", String(64), nullable=False),
    _belongs("user", "user.number"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("state", String(16), nullable=False),  # RUNNING, PAUSED, FINISHED, CANCELED
    Column("method", String(16), nullable=False),
    Column("config", Text, nullable=False),
    Column("trials", BigInteger, nullable=False),  # handed out
    Column("cursor", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    UniqueConstraint("project", "id"),
    sqlite_autoincrement=True,
)

sweep_agent = Table(
    "sweep_agent",
    metadata,
    _number(),
    Column("id", String(64), nullable=False, unique=True),
    _belongs("sweep", "sweep.number", index=True),
    _belongs("user", "user.number"),
    Column("host", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("heartbeat_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),  # when it was told to exit
)

# Values that were handed out. `point` is unique in a sweep: of a grid the values themselves.
sweep_trial = Table(
    "sweep_trial",
    metadata,
    _number(),
    _belongs("sweep", "sweep.number"),
    Column("ordinal", BigInteger, nullable=False),
    _belongs("agent", "sweep_agent.number", index=True),
    Column("offers", Integer, nullable=False),
    Column("run", String(128), nullable=False),
    Column("point", String(64), nullable=False),
    Column("params", Text, nullable=False),  # JSON
    Column("offered_us", BigInteger, nullable=False),
    Column("stopped_us", BigInteger),  # given up early
    Column("lost_us", BigInteger),  # no run ever began
    UniqueConstraint("sweep", "ordinal"),
    UniqueConstraint("sweep", "point"),
    UniqueConstraint("sweep", "run"),
)
