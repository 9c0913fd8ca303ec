"""What every store promises about people (`storage/people.py`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from kiseki.errors import Conflict, NotFound
from kiseki.storage.embedded import schema
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import AuditEntry, Invite, Session

NOW = 1_700_000_000_000_000


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[MetaStore]:
    store = EmbeddedMeta(tmp_path / "meta.db")
    yield store
    store.close()


def add(meta: MetaStore, name: str, **options: object) -> int:
    return meta.add_user(name, is_admin=name == "ada", now_us=NOW, **options).number  # type: ignore


def test_a_user_is_kept_whole(meta: MetaStore) -> None:
    number = add(meta, "bob", display_name="Bob", email="b@lab", password="$argon2id$…")
    user = meta.user("bob")
    assert user is not None and user.number == number
    assert (user.kind, user.display_name, user.email, user.has_password, user.settings) == (
        "person", "Bob", "b@lab", True, {},
    )  # fmt: skip
    assert meta.password(number) == "$argon2id$…" and "argon2" not in repr(user)
    meta.edit_user(number, {"settings": {"save_code": True}, "email": ""})
    changed = meta.user("bob")
    assert changed is not None and (changed.settings, changed.email) == ({"save_code": True}, "")
    for name in ("bob", "BOB"):
        with pytest.raises(Conflict):
            add(meta, name)
    with pytest.raises(NotFound):
        meta.edit_user(number, {"entity": "nobody"})


def test_the_server_keeps_an_admin(meta: MetaStore) -> None:
    ada, bob = add(meta, "ada"), add(meta, "bob")
    for change in ({"is_admin": False}, {"disabled_us": NOW}):
        with pytest.raises(Conflict):
            meta.edit_user(ada, change)
        user = meta.user("ada")
        assert user is not None and user.is_admin and user.disabled_us is None
    meta.edit_user(bob, {"is_admin": True})
    meta.edit_user(ada, {"is_admin": False})


def test_a_team_keeps_an_admin_who_can_sign_in(meta: MetaStore) -> None:
    ada, bob = add(meta, "ada"), add(meta, "bob")
    meta.add_team("lab", ada, NOW)
    add(meta, "lab-ci", kind="service", team="lab")
    for wrong in (
        lambda: meta.set_member("lab", ada, "viewer", NOW),
        lambda: meta.drop_member("lab", ada),
    ):
        with pytest.raises(Conflict):
            wrong()
    assert meta.memberships(ada) == {"ada": "owner", "lab": "admin"}
    meta.set_member("lab", bob, "admin", NOW + 1)
    meta.set_member("lab", ada, "viewer", NOW + 2)
    assert [(m.user.name, m.role, m.joined_us) for m in meta.members("lab")] == [
        ("ada", "viewer", NOW), ("lab-ci", "member", NOW), ("bob", "admin", NOW + 1),
    ]  # fmt: skip
    team = meta.team("lab", ada)
    assert team is not None and (team.role, team.members, team.projects) == ("viewer", 3, 0)
    assert [(team.name, team.role) for team in meta.teams(bob)] == [("lab", "admin")]
    assert [(team.name, team.role) for team in meta.teams(None)] == [("lab", "")]
    assert meta.teams(add(meta, "eve")) == [] and meta.team("ada", ada) is None


def test_a_default_team_that_is_left_is_default_no_more(meta: MetaStore) -> None:
    ada, bob = add(meta, "ada"), add(meta, "bob")
    for team in ("lab", "other"):
        meta.add_team(team, ada, NOW)
        meta.set_member(team, bob, "member", NOW)
        meta.edit_user(bob, {"entity": team})
        if team == "lab":
            assert meta.drop_member(team, bob) and not meta.drop_member(team, bob)
        else:
            meta.drop_team(team)
        user = meta.user("bob")
        assert user is not None and user.entity == "bob"


def test_a_deleted_team_takes_its_services_along(meta: MetaStore) -> None:
    ada = add(meta, "ada")
    meta.add_team("lab", ada, NOW)
    ci = add(meta, "lab-ci", kind="service", team="lab")
    meta.add_session(Session(b"s" * 32, ci, NOW, NOW, NOW + 9))
    meta.add_invite(b"i" * 32, Invite(0, "lab", "member", "ada", NOW, NOW + 9))
    meta.make_project("lab", "digits", NOW)
    with pytest.raises(Conflict):
        meta.drop_team("lab")
    assert meta.user("lab-ci") is not None and len(meta.invites("lab")) == 1
    meta.add_team("empty", ada, NOW)
    add(meta, "empty-ci", kind="service", team="empty")
    meta.drop_team("empty")
    assert meta.user("empty-ci") is None
    assert not meta.has_entity("empty") and not meta.has_entity("empty-ci")


def test_an_invite_is_used_once_also_by_two_at_a_time(meta: MetaStore) -> None:
    ada, bob = add(meta, "ada"), add(meta, "bob")
    meta.add_team("lab", ada, NOW)
    made = meta.add_invite(b"i" * 32, Invite(0, "lab", "viewer", "ada", NOW, NOW + 10))
    assert made.number and meta.invite_by_number(made.number) == made
    assert meta.invite(b"i" * 32, NOW) == made
    assert meta.invite(b"i" * 32, NOW + 10) is None and meta.invite(b"x" * 32, NOW) is None
    assert meta.take_invite(b"i" * 32, bob, NOW + 10) is None
    taken = meta.take_invite(b"i" * 32, bob, NOW)
    assert taken is not None and meta.memberships(bob)["lab"] == "viewer"
    assert meta.take_invite(b"i" * 32, ada, NOW) is None
    assert [invite.used_by for invite in meta.invites("lab")] == ["bob"]
    # Whoever comes too late gets no account either.
    with pytest.raises(NotFound):
        add(meta, "eve", invite=b"i" * 32)
    assert meta.user("eve") is None and not meta.has_entity("eve")
    assert meta.drop_invite(made.number) and not meta.drop_invite(made.number)
    server = meta.add_invite(b"j" * 32, Invite(0, None, "member", "ada", NOW, NOW + 10))
    assert meta.invites(None) == [server]
    carl = add(meta, "carl", invite=b"j" * 32)
    assert meta.memberships(carl) == {"carl": "owner"}


def test_what_is_anonymous_is_claimed_once(meta: MetaStore) -> None:
    """I-48."""
    bob, nobody = add(meta, "bob"), add(meta, "anonymous-1", kind="anonymous")
    meta.add_token(b"c" * 32, nobody, NOW + 10, "claim")
    assert meta.take_token(b"c" * 32, NOW) is None  # not one that signs in once
    assert meta.token(b"c" * 32, NOW, "claim") == nobody == meta.token(b"c" * 32, NOW, "claim")
    assert meta.token(b"c" * 32, NOW + 10, "claim") is None
    meta.add_session(Session(b"s" * 32, nobody, NOW, NOW, NOW + 9))
    assert meta.claim(b"c" * 32, bob, NOW) == "anonymous-1"
    assert meta.claim(b"c" * 32, bob, NOW) is None
    assert meta.memberships(bob) == {"bob": "owner", "anonymous-1": "owner"}
    assert meta.memberships(nobody) == {} and meta.session(b"s" * 32) is None
    user = meta.user("anonymous-1")
    assert user is not None and user.disabled_us == NOW


def test_other_sessions_end_and_links_with_them(meta: MetaStore) -> None:
    ada, bob = add(meta, "ada"), add(meta, "bob")
    for digest, user in ((b"1" * 32, ada), (b"2" * 32, ada), (b"3" * 32, bob)):
        meta.add_session(Session(digest, user, NOW, NOW, NOW + 9, "password"))
    meta.add_token(b"t" * 32, ada, NOW + 9)
    meta.drop_sessions(ada, but=b"1" * 32)
    left = [meta.session(digest) is not None for digest in (b"1" * 32, b"2" * 32, b"3" * 32)]
    assert left == [True, False, True] and meta.take_token(b"t" * 32, NOW) is None


def test_the_audit_log_only_grows(meta: MetaStore, tmp_path: Path) -> None:
    """reliability 5.12: not even by hand."""
    for number in range(5):
        meta.add_audit(AuditEntry(0, NOW + number, "ada", "signed-in", f"{number}", "link"))
    found = meta.audit(None, 3)
    assert [entry.object for entry in found] == ["4", "3", "2"]
    assert [entry.object for entry in meta.audit(found[-1].number, 10)] == ["1", "0"]
    with closing(sqlite3.connect(tmp_path / "meta.db")) as db:
        for statement in ("DELETE FROM audit", "UPDATE audit SET user = 'eve'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


def test_errors_hold_no_values(meta: MetaStore) -> None:
    """reliability 5.5: what fails is logged, and the values may be secrets."""
    session = Session(b"the cookie of somebody..........", 99, NOW, NOW, NOW)
    with pytest.raises(IntegrityError) as failed:
        meta.add_session(session)
    assert "cookie" not in str(failed.value)


FIRST_VERSION = f"""
INSERT INTO entity VALUES (1, 'ada', 'user', {NOW}), (2, 'bob', 'user', {NOW + 5});
INSERT INTO user VALUES (1, 'ada', 1, 1, {NOW}), (2, 'bob', 2, 0, {NOW + 5});
INSERT INTO member VALUES (1, 1, 'owner'), (2, 2, 'owner'), (2, 1, 'member');
INSERT INTO api_key VALUES ('key_prefix', 1, x'{"ab" * 32}', 'laptop',
  'read,write,admin', {NOW}, NULL, {NOW});
INSERT INTO session VALUES (x'{"cd" * 32}', 2, {NOW}, {NOW}, {NOW + 10**15});
INSERT INTO login_token VALUES (x'{"ef" * 32}', 2, {NOW + 10**15});
INSERT INTO project VALUES (1, 1, 'digits', 7, 1, {NOW});
INSERT INTO run (number, project, id, user, color, created_us, attempt, ordinal, history, system, state,
  cause, name, notes, tags, "group", job_type, host, pid, program, started_us, runtime_us, rows, next_step)
  VALUES (1, 1, 'r1', 2, 0, {NOW}, 1, 1, 1, 2, 'finished', '', 'quiet', '', '["a"]', '', '', 'lab', 7, 't.py',
  {NOW}, 9, 3, 3);
INSERT INTO attempt (number, run, ordinal, history, system, stream, state, started_us, rows)
  VALUES (1, 1, 1, 1, 2, 's1', 'finished', {NOW}, 3);
INSERT INTO segment (number, attempt, space) VALUES (1, 1, 'history'), (2, 1, 'system');
"""


def test_a_folder_of_the_first_version_is_upgraded_with_its_people(tmp_path: Path) -> None:
    """Revision 0003: nobody loses an account, a key, a session or a run."""
    path = tmp_path / "meta.db"
    schema.upgrade(path, "0001")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA foreign_keys=ON")
        db.executescript(FIRST_VERSION)
    meta = EmbeddedMeta(path)
    ada, _ = meta.users()
    assert (ada.name, ada.is_admin, ada.kind, ada.has_password, ada.settings, ada.disabled_us) == (
        "ada", True, "person", False, {}, None,
    )  # fmt: skip
    assert meta.memberships(2) == {"ada": "member", "bob": "owner"}
    assert [(m.user.name, m.joined_us) for m in meta.members("ada")] == [("ada", NOW), ("bob", NOW)]
    key = meta.key("key_prefix")
    assert key is not None and (key.user, key.project, key.used_us) == (1, "", NOW)
    session = meta.session(b"\xcd" * 32)
    assert session is not None and (session.user, session.via) == (2, "key")
    assert meta.take_token(b"\xef" * 32, NOW) == 2
    [project] = meta.projects(["ada"])
    run = meta.run(project.number, "r1")
    assert run is not None and (run.user, run.tags, run.rows) == ("bob", ("a",), 3)
    # …and all of it can be changed now.
    meta.edit_user(2, {"password": "hash", "settings": {"save_code": True}})
    meta.add_team("lab", 2, NOW)
    meta.add_audit(AuditEntry(0, NOW, "ada", "signed-in", "", "link"))
    meta.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute("DELETE FROM audit")
    snapshot = tmp_path / f"meta.db.before-{schema.HEAD}"
    assert schema.current(snapshot) == "0001"
