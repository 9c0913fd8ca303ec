"""What every `MetaStore` promises (storage-design §8). Today there is one: SQLite."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import OperationalError

from kiseki.errors import Conflict, NotFound, UnsupportedVersion
from kiseki.record.codec import encode_value
from kiseki.storage.embedded import schema
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.filters import Compare, Key, SortKey
from kiseki.storage.interface import (
    FieldStat,
    Fold,
    MetaStore,
    Metric,
    NewStream,
    Run,
    Session,
    Stream,
)
from kiseki.storage.interface import Key as ApiKey

NOW = 1_700_000_000_000_000


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[MetaStore]:
    store = EmbeddedMeta(tmp_path / "meta.db")
    yield store
    store.close()


def new_run(
    meta: MetaStore, id: str = "r1", stream: str = "s1", **options: object
) -> tuple[Run, Stream]:
    if meta.user("ada") is None:
        meta.add_user("ada", is_admin=True, now_us=NOW)
    user = meta.user("ada")
    assert user is not None
    project = meta.make_project("ada", "digits", NOW)
    values: dict[str, object] = {
        "run": None, "attempt": None, "role": "writer", "user": user.number, "now_us": NOW, **options
    }  # fmt: skip
    return meta.add_stream(NewStream(stream, project.number, id, **values))  # type: ignore[arg-type]


def test_users_own_an_entity_of_their_name(meta: MetaStore) -> None:
    ada = meta.add_user("ada", is_admin=True, now_us=NOW)
    bob = meta.add_user("bob", is_admin=False, now_us=NOW)
    assert [user.name for user in meta.users()] == ["ada", "bob"]
    assert meta.user("bob") == bob == meta.user_by_number(bob.number)
    assert meta.memberships(ada.number) == {"ada": "owner"}
    assert meta.has_entity("bob") and not meta.has_entity("eve")
    assert meta.user("eve") is None and meta.user_by_number(99) is None
    with pytest.raises(Conflict):
        meta.add_user("ada", is_admin=False, now_us=NOW)
    assert len(meta.users()) == 2


def test_keys_come_back_as_they_went_in(meta: MetaStore) -> None:
    user = meta.add_user("ada", is_admin=True, now_us=NOW).number
    key = ApiKey("ksk_12345678", user, b"\0" * 32, "laptop", "read,write", NOW, NOW + 5)
    meta.add_key(key)
    assert meta.key(key.prefix) == key
    assert meta.keys(user) == [key]
    meta.key_used(key.prefix, NOW + 1)
    found = meta.key(key.prefix)
    assert found is not None and found.used_us == NOW + 1
    with pytest.raises(Conflict):
        meta.add_key(key)
    assert meta.drop_key(key.prefix) and not meta.drop_key(key.prefix)
    assert meta.key(key.prefix) is None


def test_sessions_and_tokens_end(meta: MetaStore) -> None:
    user = meta.add_user("ada", is_admin=True, now_us=NOW).number
    session = Session(b"a" * 32, user, NOW, NOW, NOW + 100)
    meta.add_session(session)
    assert meta.session(session.digest) == session
    meta.session_used(session.digest, NOW + 50, NOW + 150)
    found = meta.session(session.digest)
    assert found is not None and (found.used_us, found.expires_us) == (NOW + 50, NOW + 150)
    meta.add_token(b"t" * 32, user, NOW + 100)
    meta.add_token(b"u" * 32, user, NOW + 100)
    meta.add_token(b"v" * 32, user, NOW + 100)
    assert meta.take_token(b"t" * 32, NOW) == user
    assert meta.take_token(b"t" * 32, NOW) is None  # once
    assert meta.take_token(b"u" * 32, NOW + 100) is None  # expired
    assert meta.drop_expired(NOW + 200) == 2
    assert meta.session(session.digest) is None


def test_projects_are_made_once(meta: MetaStore) -> None:
    meta.add_user("ada", is_admin=True, now_us=NOW)
    first = meta.make_project("ada", "digits", NOW)
    assert meta.make_project("ada", "digits", NOW + 9) == first
    assert meta.project("ada", "digits") == first
    assert meta.project("ada", "other") is None
    counted = meta.counted(first)
    assert (counted.runs, counted.running, counted.last_us) == (0, 0, None)
    with pytest.raises(NotFound):
        meta.make_project("eve", "digits", NOW)
    new_run(meta)
    [listed] = meta.projects(["ada", "eve"])
    assert (listed.runs, listed.running) == (1, 1)
    assert meta.counted(first) == listed
    assert meta.projects([]) == []


def test_a_new_stream_makes_run_attempt_and_segments(meta: MetaStore) -> None:
    run, stream = new_run(meta)
    assert (run.entity, run.project_name, run.id, run.user) == ("ada", "digits", "r1", "ada")
    assert (run.state, run.ordinal, run.color, run.tags) == ("running", 1, 0, ())
    assert stream.segment == run.history != run.system
    assert stream.is_open and stream.applied == 0
    assert new_run(meta) == (run, stream)  # the same again changes nothing
    [attempt] = meta.attempts(run.number)
    assert attempt == meta.attempt(run.attempt)
    assert (attempt.stream, attempt.history, attempt.system) == ("s1", run.history, run.system)
    other, _ = new_run(meta, "r2", "s2")
    assert other.color == 1  # kept for life: a counter of the project


def test_an_uploader_writes_to_the_system_segment(meta: MetaStore) -> None:
    run, _ = new_run(meta)
    _, uploader = new_run(meta, "r1", "u1", run=run.number, attempt=run.attempt, role="uploader")
    assert uploader.segment == run.system
    assert [stream.id for stream in meta.streams_of(run.attempt)] == ["s1", "u1"]


def test_a_new_attempt_keeps_the_earlier_one(meta: MetaStore) -> None:
    run, _ = new_run(meta)
    meta.save(
        [Fold(run.attempt, columns={"state": "crashed", "rows": 7}, cells={"summary.a": 1.0})]
    )
    again, stream = new_run(meta, "r1", "s2", run=run.number)
    assert (again.number, again.ordinal, again.color) == (run.number, 2, run.color)
    assert (again.state, again.rows) == ("running", 0)
    assert stream.segment == again.history not in (run.history, run.system)
    assert [(a.ordinal, a.state, a.rows) for a in meta.attempts(run.number)] == [
        (1, "crashed", 7),
        (2, "running", 0),
    ]
    # What the earlier attempt still sends changes neither the run's columns nor its cells.
    meta.save([Fold(run.attempt, columns={"state": "failed", "rows": 9}, cells={"summary.b": 1.0})])
    found = meta.run_by_number(run.number)
    assert found is not None and (found.state, found.rows) == ("running", 0)
    assert meta.fields(run.project) == []
    assert meta.attempts(run.number)[0].rows == 9


def test_segments_come_with_their_ancestors(meta: MetaStore) -> None:
    run, _ = new_run(meta)
    child, _ = new_run(meta, "r2", "s2", parent=(run.history, 5))
    grandchild, _ = new_run(meta, "r3", "s3", parent=(child.history, 9))
    found = meta.segments([grandchild.history])
    assert set(found) == {run.history, child.history, grandchild.history}
    assert (found[child.history].parent, found[child.history].parent_step) == (run.history, 5)
    assert found[run.history].parent is None


def test_save_is_all_or_nothing_and_moves_the_epoch(meta: MetaStore) -> None:
    run, _stream = new_run(meta)
    before = meta.projects(["ada"])[0].epoch
    fold = Fold(
        run.attempt,
        cursors={"s1": 42},
        columns={
            "name": "quiet-river", "tags": ("b", "a"), "state": "finished", "exit_code": 0, "rows": 40,
            "next_step": 40, "last_us": NOW + 5, "heartbeat_us": NOW + 6,
        },
        parts={
            "config": encode_value({"lr": 0.1, "deep": {"n": 2**70}}),
            "summary": encode_value({"loss": float("inf")}),
            "fold": b"opaque",
        },
        cells={"config.lr": 0.1, "summary.name": "x", "config.flag": True, "summary.loss": "NaN"},
        metrics=[Metric("loss", "history", "number", NOW), Metric("cpu", "system", "number", NOW + 1)],
    )  # fmt: skip
    meta.save([fold])
    found = meta.run(run.project, "r1")
    assert found is not None
    assert (found.name, found.tags, found.state, found.exit_code) == (
        "quiet-river", ("b", "a"), "finished", 0,
    )  # fmt: skip
    assert found.config == {"lr": 0.1, "deep": {"n": 2**70}}
    assert found.summary == {"loss": float("inf")}
    assert meta.parts(run.attempt, ("fold", "nothing")) == {"fold": b"opaque"}
    assert meta.cursors() == {run.project: {"s1": 42}}
    stored = meta.stream("s1")
    assert stored is not None and stored.applied == 42 and stored.is_open
    assert meta.projects(["ada"])[0].epoch == before + 1
    assert meta.fields(run.project) == [
        FieldStat("config.flag", "number", 1),
        FieldStat("config.lr", "number", 1),
        FieldStat("summary.loss", "text", 1),
        FieldStat("summary.name", "text", 1),
    ]
    assert [(m.path, m.space, m.runs, m.first_us) for m in meta.metrics(run.project)] == [
        ("loss", "history", 1, NOW),
        ("cpu", "system", 1, NOW + 1),
    ]
    assert meta.run_metrics(run.attempt) == list(fold.metrics)
    # Again with less: what is absent stays, None removes a cell.
    meta.save([Fold(run.attempt, cells={"config.lr": None}, is_visible=False, closed=["s1"])])
    assert [field.path for field in meta.fields(run.project)] == [
        "config.flag", "summary.loss", "summary.name",
    ]  # fmt: skip
    assert meta.projects(["ada"])[0].epoch == before + 1
    assert meta.open_streams() == []
    meta.reopen(["s1"])
    assert [stream.id for stream in meta.open_streams()] == ["s1"]


def test_fields_count_the_runs_that_are_there(meta: MetaStore) -> None:
    for index, value in enumerate((1.0, "text", "more", True)):
        run, _ = new_run(meta, f"r{index}", f"s{index}")
        meta.save([Fold(run.attempt, cells={"config.a": value, f"summary.only{index}": value})])
    assert meta.fields(run.project)[0] == FieldStat("config.a", "number", 4)
    meta.edit_run(run.number, {"deleted_us": NOW})
    assert meta.fields(run.project) == [
        FieldStat("config.a", "text", 3),
        FieldStat("summary.only0", "number", 1),
        FieldStat("summary.only1", "text", 1),
        FieldStat("summary.only2", "text", 1),
    ]


def test_saving_what_is_unknown_changes_nothing(meta: MetaStore) -> None:
    meta.save([])
    meta.save([Fold(99, cursors={"x": 1}, columns={"rows": 1})])
    assert meta.cursors() == {}


def test_runs_are_found_sorted_and_paged(meta: MetaStore) -> None:
    losses = {"a": 3.0, "b": "NaN", "c": 1.0, "d": None, "e": 2.0}
    for index, (id, loss) in enumerate(losses.items()):
        run, _ = new_run(meta, id, f"stream-{id}", now_us=NOW + index)
        meta.save([Fold(run.attempt, columns={"state": "finished"}, cells={"summary.loss": loss})])
    project = run.project

    def ids(*args: object, **options: object) -> list[str]:
        return [run.id for run in meta.find_runs(project, *args, **options)[2]]  # type: ignore[arg-type]

    assert ids() == ["e", "d", "c", "b", "a"]  # the youngest first
    loss = SortKey(Key("summary", "loss"))
    assert ids(order=[loss])[:3] == ["c", "e", "a"]
    assert set(ids(order=[loss])[3:]) == {"b", "d"}  # NaN and missing last…
    descending = SortKey(Key("summary", "loss"), descending=True)
    assert ids(order=[descending])[:3] == ["a", "e", "c"]  # …in either direction
    below = Compare(Key("summary", "loss"), "<", "2.5")
    assert set(ids(where=below)) == {"c", "e"}
    assert meta.find_runs(project, below, limit=1)[:2] == (5, 2)
    assert ids(offset=1, limit=2) == ["d", "c"]
    found = meta.run(project, "c")
    assert found is not None
    meta.edit_run(found.number, {"deleted_us": NOW})
    assert meta.find_runs(project)[:2] == (4, 4)
    assert [run.id for run in meta.runs(project, ["e", "c", "a", "zz"])] == ["e", "a"]
    deleted = meta.run(project, "c")
    assert deleted is not None and deleted.deleted_us == NOW


def test_runs_go_into_the_trash_and_come_back(meta: MetaStore) -> None:
    """I-21: what is purged keeps its number and id, and cannot come back."""
    runs = [new_run(meta, id, f"stream-{id}")[0] for id in "abc"]
    a, b, c = (run.number for run in runs)
    project = runs[0].project
    meta.save([Fold(run.attempt, columns={"notes": "x"}, cells={"config.lr": 1.0}) for run in runs])
    before = meta.projects(["ada"])[0].epoch
    assert meta.throw_away([a, b], "ada", NOW) == [a, b]
    assert meta.throw_away([b, c], "bob", NOW + 5) == [c]
    assert meta.projects(["ada"])[0].epoch == before + 2
    assert [run.id for run in meta.runs(project, list("cab"), deleted=True)] == list("cab")
    total, [youngest] = meta.trash(project, 0, 1)
    assert (total, youngest.id, youngest.deleted_by) == (3, "c", "bob")
    assert [run.id for run in meta.trash(project, 1, 9)[1]] == ["b", "a"]
    assert meta.restore([a, c], NOW) == [c]  # `a` has been there for too long
    assert {run.id for run in meta.expired(NOW, 9)} == {"a", "b"}
    assert not meta.purge(runs[2], NOW, NOW + 9, {}, [])
    assert meta.purge(runs[0], NOW, NOW + 9, {}, ["ab" * 32])
    assert not meta.purge(runs[0], NOW, NOW + 9, {}, [])
    assert meta.restore([a], 0) == [] and meta.trash(project, 0, 9)[0] == 1
    left = meta.run(project, "a")
    assert left is not None and (left.number, left.notes, left.purged_us) == (a, "", NOW + 9)
    meta.save([Fold(runs[0].attempt, columns={"notes": "late"}, cursors={"stream-a": 9})])
    assert meta.run_by_number(a) == left
    assert meta.fields(project) == [FieldStat("config.lr", "number", 1)]
    loose = meta.loose_segments(9)
    assert {one.segment for one in loose} == {runs[0].history, runs[0].system}
    assert [one.streams for one in loose if one.segment == runs[0].history] == [["stream-a"]]
    for one in loose:
        meta.drop_segment(one, [])
    assert (
        meta.loose_segments(9) == [] and meta.attempts(a) == [] and meta.stream("stream-a") is None
    )
    assert meta.unnamed() == {project: ["ab" * 32]}


def test_content_goes_unless_somebody_counts_on_it(meta: MetaStore) -> None:
    project = new_run(meta)[0].project
    old, given, promised, other = ("0a" * 32, "0b" * 32, "0c" * 32, "0d" * 32)
    meta.add_blobs(project, dict.fromkeys((old, given, promised, other), 1), NOW)
    assert meta.add_blobs(project, {given: 1}, NOW + 9) == 0
    meta.promise(project, [promised], NOW + 9, NOW + 5)
    meta.promise(project, [old], NOW + 9, NOW)  # noted lately: not again
    assert meta.drop_blobs(project, [old, given, promised, "0e" * 32], NOW) == [old, "0e" * 32]
    assert set(meta.blobs(project, [old, given, promised, other])) == {given, promised, other}
    assert not meta.has_blob(old) and meta.has_blob(other)
    meta.settle(project, [old])
    assert meta.unnamed() == {}


def test_silent_runs_are_those_not_heard_of(meta: MetaStore) -> None:
    quiet, _ = new_run(meta, "quiet", "s1", now_us=NOW)
    new_run(meta, "loud", "s2", now_us=NOW + 100)
    done, _ = new_run(meta, "done", "s3", now_us=NOW)
    meta.save([Fold(done.attempt, columns={"state": "finished"})])
    assert [run.number for run in meta.silent_runs(NOW + 50)] == [quiet.number]


def test_what_was_saved_is_there_after_reopening(tmp_path: Path) -> None:
    meta = EmbeddedMeta(tmp_path / "meta.db")
    run, _ = new_run(meta)
    meta.save([Fold(run.attempt, columns={"name": "kept"})])
    meta.close()
    again = EmbeddedMeta(tmp_path / "meta.db")
    found = again.run_by_number(run.number)
    assert found is not None and found.name == "kept"
    again.close()


_WRITER = """
import sys
from pathlib import Path
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import Fold
meta = EmbeddedMeta(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    meta.save([Fold(1, cursors={"s1": n}, columns={"rows": n}, cells={"summary.n": float(n)})])
    print(n, flush=True)
"""


def test_a_kill_leaves_the_last_saved_fold_whole(tmp_path: Path) -> None:
    """reliability 2.4: cursor, columns and cells are of one transaction."""
    path = tmp_path / "meta.db"
    meta = EmbeddedMeta(path)
    new_run(meta)
    meta.close()
    for round in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, env=os.environ
        )
        assert writer.stdout is not None
        for _ in range(5 + round):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        acknowledged = int((writer.stdout.read().split() or [acknowledged])[-1])
        writer.stdout.close()
        writer.wait()
        meta = EmbeddedMeta(path)
        stream, run = meta.stream("s1"), meta.run_by_number(1)
        assert stream is not None and run is not None
        assert stream.applied == run.rows >= acknowledged
        exactly = Compare(Key("summary", "n"), ":", str(run.rows))
        assert meta.find_runs(run.project, exactly)[1] == 1
        meta.close()


# ── files ──


def test_a_project_holds_what_it_was_given(meta: MetaStore) -> None:
    """Content is known by its digest, and readable only where somebody brought it."""
    new_run(meta)
    one, other = meta.make_project("ada", "one", NOW), meta.make_project("ada", "other", NOW)
    digests = [f"{i:064x}" for i in range(1_200)]
    assert meta.add_blobs(one.number, {digests[0]: 3}, NOW) == 1
    assert meta.add_blobs(one.number, {digests[0]: 3, digests[1_100]: 2**40}, NOW + 1) == 1
    assert meta.add_blobs(one.number, {}, NOW) == 0
    assert meta.blobs(one.number, digests) == {digests[0]: 3, digests[1_100]: 2**40}
    assert meta.blobs(other.number, digests) == {}
    held = sum(meta.blobs(one.number, digests).values())
    assert meta.blob_bytes([one.number, other.number]) == {one.number: held}


# ── the schema ──


def test_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    def described(path: Path) -> dict[str, object]:
        engine = create_engine(f"sqlite:///{path}")
        found = inspect(engine)
        tables = {
            name: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)],
                found.get_pk_constraint(name)["constrained_columns"],
                sorted(str(index["column_names"]) for index in found.get_indexes(name)),
                sorted(str(key["column_names"]) for key in found.get_unique_constraints(name)),
                sorted(str(key["constrained_columns"]) for key in found.get_foreign_keys(name)),
            )
            for name in found.get_table_names()
        }
        engine.dispose()
        return dict(tables)

    schema.prepare(tmp_path / "made.db")
    schema.upgrade(tmp_path / "migrated.db")
    assert described(tmp_path / "made.db") == described(tmp_path / "migrated.db")
    assert schema.current(tmp_path / "migrated.db") == schema.HEAD
    files = (schema.MIGRATIONS / "versions").glob("*.py")
    assert sorted(file.stem.partition("_")[0] for file in files) == list(schema.KNOWN)
    assert schema.KNOWN[-1] == schema.HEAD


def test_many_may_make_the_database_at_once(tmp_path: Path) -> None:
    path = tmp_path / "meta.db"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.prepare, [path] * 8))
    assert schema.current(path) == schema.HEAD


def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "meta.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(UnsupportedVersion, match="9999"):
        EmbeddedMeta(path)
    assert path.read_bytes() == before


def test_an_older_schema_is_migrated_after_a_snapshot(tmp_path: Path) -> None:
    """design §3 Server: migrated forward by itself after a snapshot."""
    path = tmp_path / "meta.db"
    schema.upgrade(path, schema.KNOWN[0])
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO entity (name, kind, created_us) VALUES ('ada', 'user', 0)")
        db.execute("INSERT INTO user (name, entity, is_admin, created_us) VALUES ('ada', 1, 1, 0)")
        db.commit()
    meta = EmbeddedMeta(path)
    assert [user.name for user in meta.users()] == ["ada"]
    meta.close()
    assert schema.current(path) == schema.HEAD
    snapshot = tmp_path / f"meta.db.before-{schema.HEAD}"
    assert schema.current(snapshot) == schema.KNOWN[0]
    with closing(sqlite3.connect(snapshot)) as db:
        assert db.execute("SELECT count(*) FROM entity").fetchone() == (1,)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """What a kill within a revision leaves is the state before it: the next start tries again."""
    path = tmp_path / "meta.db"
    schema.upgrade(path, schema.KNOWN[0])
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE blob (in_the_way)")
        tables = db.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
    with pytest.raises(OperationalError, match="already exists"):
        schema.prepare(path)
    assert schema.current(path) == schema.KNOWN[0]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall() == tables
        db.execute("DROP TABLE blob")
    schema.prepare(path)
    assert schema.current(path) == schema.HEAD
