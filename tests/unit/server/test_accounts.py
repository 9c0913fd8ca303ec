"""Signing up and in, profile, password, the server's admin (docs/api/native.md, *Accounts*)."""

from __future__ import annotations

import time

import pytest

from kiseki.core import access
from kiseki.core.people.accounts import LINK_RESETS_US, Policy
from kiseki.storage.interface import Storage
from tests.unit.server.asgi import Door
from tests.unit.server.people import (
    PASSWORD,
    Person,
    in_session,
    invited,
    operator,
    refusal,
    token_of,
)

NEW = "a kettle sings in winter"


def test_one_signs_up_by_invite_and_is_in(door: Door) -> None:
    ada = operator(door)
    bob = invited(door, ada, "bob")
    viewer = bob.get("/api/v1/viewer")
    assert viewer == {
        "user": "bob", "entity": "bob", "entities": ["bob"], "admin": False,
        "server": viewer["server"], "kind": "person", "display_name": "", "email": "",
        "has_password": True, "settings": {"save_code": False},
        "memberships": [{"entity": "bob", "kind": "user", "role": "owner"}],
    }  # fmt: skip
    assert Person(door).get("/api/v1/session") == {
        "signup": "invite", "anonymous": False, "signed_in": False
    }  # fmt: skip
    assert bob.get("/api/v1/session")["signed_in"] is True


def test_who_may_sign_up(storage: Storage) -> None:
    """A server is closed, for the invited, or open."""
    body = {"user": "eve", "password": PASSWORD}
    for signup, status in (("closed", (403, "signup")), ("invite", (403, "signup"))):
        door = Door(storage, policy=Policy(signup))  # type: ignore[arg-type]
        assert Person(door).try_post("/api/v1/users", body) == status
        door.core.close()
    door = Door(storage, policy=Policy("open"))
    for wrong, status in (
        ({**body, "password": "short"}, (400, "password")),
        ({**body, "password": "password1234"}, (400, "password")),
        ({**body, "password": "eveeveeveeve1"}, (400, "password")),
        ({**body, "user": "a/b"}, (400, "name")),
        ({**body, "user": "teams"}, (400, "name")),
        ({**body, "user": "ada"}, (409, "taken")),
        ({**body, "user": "ADA"}, (409, "taken")),
        ({**body, "email": "x" * 300}, (400, "email")),
        ({**body, "invite": "unknown"}, (404, "invite")),
    ):
        assert Person(door).try_post("/api/v1/users", wrong) == status, wrong
    assert in_session(door, Person(door).ask("POST", "/api/v1/users", body)).get("/api/v1/viewer")
    door.core.close()


def test_new_accounts_from_one_address_are_bounded(storage: Storage) -> None:
    door = Door(storage, policy=Policy("open", anonymous=True))
    for path in ("/api/v1/anonymous", "/api/v1/users"):
        statuses = []
        for number in range(21):
            body = {"user": f"user {number}", "password": PASSWORD}
            statuses.append(Person(door).ask("POST", path, body).status)
        assert statuses == [201] * 20 + [429]
    door.core.close()


def test_passwords_let_in_and_nothing_tells_who_exists(door: Door) -> None:
    """reliability 5.4, 5.5: one answer for a wrong password, an unknown name, a user without one."""
    ada = operator(door)
    invited(door, ada, "bob")
    right = {"user": "bob", "password": PASSWORD}
    bob = in_session(door, Person(door).ask("POST", "/api/v1/session", right))
    assert bob.get("/api/v1/viewer")["user"] == "bob"
    answers = [
        Person(door).ask("POST", "/api/v1/session", {"user": name, "password": password})
        for name, password in (("bob", "x"), ("nobody", PASSWORD), ("ada", ""), ("bob", "x" * 9999))
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
    assert answers[0].json["code"] == "credentials"
    for wrong in (
        {},
        {"user": "bob"},
        {"password": "x"},
        {**right, "key": "k"},
        {"token": "a", "claim": "b"},
    ):
        assert Person(door).try_post("/api/v1/session", wrong) == (400, "body")


def test_hashing_takes_as_long_for_nobody(storage: Storage) -> None:
    """The unknown name costs a hash too; counted, not timed."""
    door = Door(storage)
    passwords = door.core.people.accounts._passwords
    calls = []
    verify = passwords.verify
    passwords.verify = lambda *given: calls.append(given) or verify(*given)  # type: ignore
    for name in ("ada", "nobody"):
        Person(door).ask("POST", "/api/v1/session", {"user": name, "password": "x"})
    assert [stored for stored, _ in calls] == [None, None]
    door.core.close()


def test_a_new_session_ends_the_one_before(door: Door) -> None:
    """reliability 5.4: rotated at log-in."""
    bob = invited(door, operator(door), "bob")
    again = in_session(
        door, bob.ask("POST", "/api/v1/session", {"user": "bob", "password": PASSWORD})
    )
    assert bob.ask("GET", "/api/v1/viewer").status == 401
    assert again.get("/api/v1/viewer")["user"] == "bob"


def test_a_new_password_ends_the_other_sessions(door: Door) -> None:
    bob = invited(door, operator(door), "bob")
    login = {"user": "bob", "password": PASSWORD}
    other = in_session(door, Person(door).ask("POST", "/api/v1/session", login))
    edit = "/api/v1/viewer/password"
    assert refusal(bob.ask("PUT", edit, {"new": NEW})) == (403, "password")
    assert refusal(bob.ask("PUT", edit, {"old": "x", "new": NEW})) == (403, "password")
    assert refusal(bob.ask("PUT", edit, {"old": PASSWORD, "new": "x"})) == (400, "password")
    assert bob.ask("PUT", edit, {"old": PASSWORD, "new": NEW}).status == 204
    assert bob.get("/api/v1/viewer")["user"] == "bob"
    assert other.ask("GET", "/api/v1/viewer").status == 401
    assert Person(door).ask("POST", "/api/v1/session", login).status == 401
    assert Person(door).ask("POST", "/api/v1/session", {**login, "password": NEW}).status == 200


def test_the_link_of_an_admin_helps_who_forgot_the_password(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = operator(door)
    bob = invited(door, ada, "bob")
    assert bob.try_post("/api/v1/users/bob/link")[0] == 404
    link = ada.post("/api/v1/users/bob/link")["url"]
    assert link.startswith("http://127.0.0.1:7500/login#token=")
    back = in_session(door, Person(door).ask("POST", "/api/v1/session", {"token": token_of(link)}))
    late = time.time_ns() // 1000 + LINK_RESETS_US
    with monkeypatch.context() as patch:
        patch.setattr("kiseki.core.people.accounts.wall_us", lambda: late)
        assert back.ask("PUT", "/api/v1/viewer/password", {"new": NEW}).status == 403
    assert back.ask("PUT", "/api/v1/viewer/password", {"new": NEW}).status == 204
    assert bob.ask("GET", "/api/v1/viewer").status == 401


def test_profile_and_default_entity(door: Door) -> None:
    """I-11, I-70."""
    ada = operator(door)
    ada.post("/api/v1/teams", {"team": "lab"})
    ada.post("/api/v1/teams", {"team": "other"})
    bob = invited(door, ada, "bob", "lab")
    edit = {
        "display_name": "Bob",
        "email": "bob@lab",
        "entity": "lab",
        "settings": {"save_code": True},
    }
    viewer = bob.ask("PATCH", "/api/v1/viewer", edit).json
    assert {key: viewer[key] for key in edit} == edit
    assert viewer["entities"] == ["lab", "bob"]
    assert bob.get("/api/v1/viewer") == viewer
    for wrong, status in (
        ({"entity": "other"}, (404, "entity")),
        ({"entity": "nobody"}, (404, "entity")),
        ({"settings": {"save_code": 1}}, (400, "settings")),
        ({"settings": {"unknown": True}}, (400, "settings")),
        ({"display_name": "x" * 201}, (400, "display_name")),
        ({"is_admin": True}, (400, "body")),
    ):
        assert refusal(bob.ask("PATCH", "/api/v1/viewer", wrong)) == status
    assert ada.ask("DELETE", "/api/v1/teams/lab/members/bob").status == 204
    assert bob.get("/api/v1/viewer")["entity"] == "bob"  # not what one no longer belongs to
    carl = invited(door, ada, "carl", "lab", role="viewer")
    assert refusal(carl.ask("PATCH", "/api/v1/viewer", {"entity": "lab"})) == (404, "entity")


def test_a_server_admin_sees_disables_and_promotes(door: Door) -> None:
    ada = operator(door)
    bob = invited(door, ada, "bob")
    key = bob.by_key()
    assert [user["user"] for user in ada.get("/api/v1/users")["users"]] == ["ada", "bob"]
    for method, path, body in (
        ("GET", "/api/v1/users", None),
        ("GET", "/api/v1/audit", None),
        ("PATCH", "/api/v1/users/ada", {"disabled": True}),
        ("POST", "/api/v1/users/ada/link", None),
        ("POST", "/api/v1/invites", {}),
    ):
        assert refusal(bob.ask(method, path, body)) == (404, "absent"), path
    assert refusal(ada.ask("PATCH", "/api/v1/users/ada", {"admin": False})) == (409, "last-admin")
    assert refusal(ada.ask("PATCH", "/api/v1/users/ada", {"disabled": True})) == (409, "last-admin")
    assert refusal(ada.ask("PATCH", "/api/v1/users/nobody", {"admin": True})) == (404, "absent")
    assert ada.ask("PATCH", "/api/v1/users/bob", {"disabled": True}).json["disabled"] is True
    for who in (bob, key):
        assert who.ask("GET", "/api/v1/viewer").status == 401
    login = {"user": "bob", "password": PASSWORD}
    assert Person(door).ask("POST", "/api/v1/session", login).status == 401
    assert ada.try_post("/api/v1/users/bob/link") == (404, "absent")
    ada.ask("PATCH", "/api/v1/users/bob", {"disabled": False, "admin": True})
    assert key.get("/api/v1/viewer")["user"] == "bob"
    back = in_session(door, Person(door).ask("POST", "/api/v1/session", login))
    assert back.get("/api/v1/viewer")["admin"] is True
    # A key without the scope has none of it.
    assert key.get("/api/v1/viewer")["admin"] is False
    assert refusal(key.ask("GET", "/api/v1/users")) == (403, "scope")


def test_the_audit_log_tells_what_was_done_and_holds_no_secret(door: Door) -> None:
    """reliability 5.12."""
    ada = operator(door)
    bob = invited(door, ada, "bob")
    key = bob.by_key()
    key.get("/api/v1/viewer")
    key.get("/api/v1/viewer")
    Person(door).ask("POST", "/api/v1/session", {"user": "bob", "password": "wrong secret"})
    Person(door).ask("POST", "/api/v1/session", {"user": "a password", "password": "x"})
    bob.ask("DELETE", "/api/v1/session")
    page = ada.get("/api/v1/audit")
    told = [(entry["user"], entry["action"], entry["via"]) for entry in page["entries"]]
    prefix = bob.headers and key.headers["authorization"][7:19]
    assert told == [
        ("bob", "signed-out", "session"),
        ("bob", "sign-in-failed", "password"),
        ("bob", "key-first-used", f"key {prefix}"),
        ("bob", "key-made", "session"),
        ("bob", "signed-in", "password"),
        ("bob", "signed-up", "invite"),
        ("ada", "invite-made", "session"),
        ("ada", "signed-in", "link"),
        ("ada", "key-made", "start of the server"),
        ("ada", "user-made", "start of the server"),
    ]
    assert page["next"] is None
    first = ada.get("/api/v1/audit?limit=3")
    rest = ada.get(f"/api/v1/audit?limit=100&after={first['next']}")
    assert first["entries"] + rest["entries"] == page["entries"]
    assert "wrong" not in str(page) and "a password" not in str(page)


def test_only_a_key_for_everything_signs_a_browser_in(door: Door) -> None:
    """A session has all rights of a user: a lesser key must not become one."""
    bob = invited(door, operator(door), "bob")
    for options, status in (({}, 401), ({"scopes": ["read", "write", "admin"]}, 200)):
        key = bob.by_key(**options).headers["authorization"].removeprefix("Bearer ")
        assert Person(door).ask("POST", "/api/v1/session", {"key": key}).status == status


def test_old_hashes_are_renewed(door: Door) -> None:
    from kiseki.core.people.passwords import Passwords

    meta = door.core.meta
    user = access.create_user(meta, "bob")
    meta.edit_user(user.number, {"password": Passwords(memory_kib=32, passes=2).hash(PASSWORD)})
    Person(door).ask("POST", "/api/v1/session", {"user": "bob", "password": PASSWORD})
    assert "m=64,t=1" in str(meta.password(user.number))
