"""What was tried against the gate, one test for each way that once led in (reliability 5.2-5.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from kiseki.core.access import Access
from kiseki.core.people.accounts import Policy
from kiseki.core.people.people import open_people
from kiseki.core.rights import Principal, operator
from kiseki.server.api import events
from kiseki.storage.interface import Storage
from tests.unit.server.asgi import Answer, Door
from tests.unit.server.people import (
    Person,
    in_session,
    invited,
    open_run,
    project_of,
    refusal,
    token_of,
)
from tests.unit.server.people import (
    operator as server_admin,
)

ALL = ["read", "write", "admin"]


@pytest.fixture
def ada(door: Door) -> Person:
    return server_admin(door)


@pytest.fixture
def bob(door: Door, ada: Person) -> Person:
    """The admin of the team lab."""
    bob = invited(door, ada, "bob")
    bob.post("/api/v1/teams", {"team": "lab"})
    return bob


def test_a_removed_admin_has_no_invite_left_to_come_back_with(
    door: Door, ada: Person, bob: Person
) -> None:
    ways: tuple[tuple[str, Callable[[], Answer]], ...] = (
        ("carl", lambda: bob.ask("DELETE", "/api/v1/teams/lab/members/carl")),
        ("dora", lambda: bob.ask("PUT", "/api/v1/teams/lab/members/dora", {"role": "viewer"})),
        ("eve", lambda: ada.ask("PATCH", "/api/v1/users/eve", {"disabled": True})),
    )
    for name, change in ways:
        admin = invited(door, bob, name, "lab", role="admin")
        kept = token_of(admin.post("/api/v1/invites", {"team": "lab", "role": "admin"})["url"])
        assert change().status in (200, 204)
        look = Person(door).try_post("/api/v1/invites/look", {"token": kept})
        assert look == (404, "invite"), name
    assert [i["used_by"] for i in bob.get("/api/v1/invites?team=lab")["invites"]] == [
        "eve", "dora", "carl",
    ]  # fmt: skip


def test_invites_of_who_still_may_invite_stay(door: Door, ada: Person, bob: Person) -> None:
    ada.post("/api/v1/teams", {"team": "hers"})
    links = [
        bob.post("/api/v1/invites", {"team": "lab"})["url"],
        ada.post("/api/v1/invites", {"team": "hers"})["url"],
        ada.post("/api/v1/invites", {"team": "lab"})["url"],
        ada.post("/api/v1/invites", {})["url"],
    ]
    ada.ask("PATCH", "/api/v1/users/bob", {"admin": True})
    assert bob.ask("PATCH", "/api/v1/users/ada", {"admin": False}).status == 200
    usable = [
        Person(door).ask("POST", "/api/v1/invites/look", {"token": token_of(url)}).status == 200
        for url in links
    ]
    assert usable == [True, True, False, False]  # ada administers her own team only


def test_a_session_ends_with_the_key_that_began_it(door: Door, bob: Person) -> None:
    """Whoever found a key has not got in for good."""
    made = bob.post("/api/v1/keys", {"name": "found by somebody", "scopes": ALL})
    thief = in_session(door, Person(door).ask("POST", "/api/v1/session", {"key": made["key"]}))
    assert thief.get("/api/v1/viewer")["user"] == "bob"
    assert bob.ask("DELETE", f"/api/v1/keys/{made['prefix']}").status == 204
    assert thief.ask("GET", "/api/v1/viewer").status == 401
    assert bob.ask("GET", "/api/v1/viewer").status == 200


def test_a_service_gets_in_by_keys_only(door: Door, bob: Person) -> None:
    bob.post("/api/v1/teams/lab/services", {"service": "ci"})
    made = bob.post("/api/v1/keys", {"name": "ci", "service": "lab-ci", "scopes": ALL})
    assert Person(door).try_post("/api/v1/session", {"key": made["key"]}) == (401, "kind")


def test_a_cookie_is_no_key_and_a_key_no_cookie(door: Door, bob: Person) -> None:
    """Not even for the seconds in which one is remembered: a key asks for no origin."""
    cookie = bob.headers["cookie"].partition("=")[2]
    key = bob.by_key(scopes=ALL).headers["authorization"].removeprefix("Bearer ")
    for _ in range(2):
        assert bob.ask("GET", "/api/v1/viewer").status == 200
        swapped = Person(door, {"authorization": f"Bearer {cookie}"})
        assert swapped.ask("GET", "/api/v1/viewer").status == 401
        assert Person(door, {"authorization": f"Bearer {key}"}).get("/api/v1/viewer")
        swapped = Person(door, {"cookie": f"kiseki_session={key}"})
        assert swapped.ask("GET", "/api/v1/viewer").status == 401


def test_numbers_of_anothers_invites_tell_nothing(door: Door, ada: Person, bob: Person) -> None:
    eve = invited(door, ada, "eve")
    of_lab = bob.post("/api/v1/invites", {"team": "lab"})["number"]
    of_server = ada.post("/api/v1/invites", {})["number"]
    told = set()
    for number in (of_lab, of_server, 987):
        answer = eve.ask("DELETE", f"/api/v1/invites/{number}")
        assert refusal(answer) == (404, "absent")
        told.add(answer.json["detail"].replace(str(number), "N"))
    assert told == {"invite N does not exist"}


def test_what_is_ones_own_in_a_list_is_not_anothers_cached(
    door: Door, ada: Person, bob: Person
) -> None:
    """Two people at one browser: `user:me` means another now."""
    assert open_run(bob, entity="lab")[0] == 200
    path = project_of("lab", "digits") + "/runs?filter=user:me"
    of_bob = bob.ask("GET", path)
    known = {"if-none-match": of_bob.headers["etag"]}
    assert of_bob.json["matching"] == 1
    assert door.ask("GET", path, headers={**bob.headers, **known}).status == 304
    of_ada = door.ask("GET", path, headers={**ada.headers, **known})
    assert of_ada.status == 200 and of_ada.json["matching"] == 0


def test_events_end_when_rights_end_elsewhere(
    storage: Storage, door: Door, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kiseki admin disable` is another process: the server is not told, and looks."""
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    monkeypatch.setattr(events, "CHECK_S", 0.0)
    key = bob.by_key().headers["authorization"].removeprefix("Bearer ")
    access = door.core.access
    elsewhere = open_people(storage.meta, Access(storage.meta), Policy())

    async def lines(who: Principal, change: Callable[[], object]) -> int:
        messages = events.messages(door.core, None, who)
        count = 0
        async for _ in messages:
            count += 1
            if count == 5:
                change()
            assert count < 50
        return count

    def disable(is_disabled: bool) -> None:
        elsewhere.accounts.administer(operator("root"), "bob", disabled=is_disabled)

    assert asyncio.run(lines(access.by_key(key), lambda: disable(True))) == 5
    disable(False)
    access.forget()
    prefix = access.by_key(key).prefix
    assert asyncio.run(lines(access.by_key(key), lambda: storage.meta.drop_key(prefix))) == 5


def test_only_the_headers_of_events_can_be_asked_for(door: Door, bob: Person) -> None:
    """HEAD once held its connection for an hour."""
    answer = bob.ask("HEAD", "/api/v1/events")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert door.core.live.count == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"t\xcbken": "x"}',
        b'{"token": "\xcb"}',
        b'{"token": "\\ud800"}',
        b"[" * 5000,
        b"\xff",
        b"",
    ],
)
def test_a_body_that_is_no_json_is_refused(door: Door, body: bytes) -> None:
    """reliability 7.6: also by who nobody knows."""
    assert Person(door).send("/api/v1/invites/look", body).status == 400


def test_a_page_in_a_frame_is_not_taken_for_the_file(door: Door, bob: Person) -> None:
    """reliability 5.9: the one may run its scripts, so no cache may answer with it for the other."""
    assert open_run(bob, entity="lab")[0] == 200
    path = project_of("lab", "digits") + "/runs/r1/files/x.html"
    assert bob.send(path, b"<script>1</script>", "PUT").status == 201
    frame = {**bob.headers, "sec-fetch-dest": "iframe"}
    page, file = door.ask("GET", path, headers=frame), bob.ask("GET", path)
    assert page.headers["content-type"].startswith("text/html")
    assert file.headers["content-disposition"].startswith("attachment")
    for one, other, headers in ((page, file, bob.headers), (file, page, frame)):
        assert one.headers["vary"] == "Sec-Fetch-Dest"
        known = {**headers, "if-none-match": one.headers["etag"]}
        assert door.ask("GET", path, headers=known).status == 200
        known["if-none-match"] = other.headers["etag"]
        assert door.ask("GET", path, headers=known).status == 304
