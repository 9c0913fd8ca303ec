"""Two users, two teams: what one may not see answers 404, on every route (reliability 5.2)."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from kiseki.server.app import endpoints
from tests.unit.server.artifact_client import ArtifactClient
from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, invited, open_run, operator, refusal

LAB = "/api/v1/projects/lab/digits"
DIGEST = hashlib.sha256(b"weights").hexdigest()

# The body that makes a request right, where one is needed. A route without an object is asked in `OWN`.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/runs/delete"): {"runs": ["r1"]},
    ("POST", "/runs/restore"): {"runs": ["r1"]},
    ("POST", "/runs/edit"): {"filter": "", "tags_add": ["mine"]},
    ("POST", "/runs/stop"): {"filter": ""},
    ("POST", "/runs/delete-matching"): {"filter": "id:nothing"},
    ("PATCH", "/runs/{run}"): {"notes": "mine now"},
    ("POST", "/series"): {"runs": ["r1"], "metrics": ["loss"], "groups": {"by": ["config.lr"]}},
    ("POST", "/blobs/missing"): {"sha256": [DIGEST]},
    ("PUT", "/members/{user}"): {"role": "admin"},
    ("POST", "/services"): {"service": "spy"},
    ("POST", "/views"): {"name": "mine now", "doc": {"a": "lossy"}, "shared": True},
    ("PUT", "/views/{slug}"): {"doc": {"a": "lossy"}, "base_version": 1},
    ("PATCH", "/views/{slug}"): {"name": "mine now"},
    ("POST", "/drafts"): {"doc": {"a": "lossy"}},
    ("PATCH", "/users/{user}"): {"disabled": True},
    ("PATCH", "/{version}"): {"description": "mine now"},
    ("POST", "/sweeps"): {
        "config": {"method": "random", "parameters": {"lr": {"min": 0.1, "max": 0.5}}}
    },
    ("PATCH", "/sweeps/{sweep}"): {"name": "mine now"},
    ("POST", "/agents"): {"host": "spy"},
    ("POST", "/agents/{agent}"): {"running": []},
}
# Routes whose path names nothing that belongs to anybody: what they answer with is tested elsewhere.
OWN = {
    "/-/health", "/-/ready", "/-/version", "/api/v1/session", "/api/v1/viewer", "/api/v1/viewer/password",
    "/api/v1/users", "/api/v1/audit", "/api/v1/keys", "/api/v1/teams", "/api/v1/invites",
    "/api/v1/invites/look", "/api/v1/invites/accept", "/api/v1/anonymous", "/api/v1/claim",
    "/api/v1/projects", "/api/v1/events", "/api/v1/search", "/api/v1/alerts",
}  # fmt: skip


class Wall:
    """Bob's team `lab` with a run, a file, an artifact and a sweep; carl of the team `other` sees none."""

    def __init__(self, door: Door) -> None:
        self.door = door
        ada = operator(door)
        self.bob, self.carl = invited(door, ada, "bob"), invited(door, ada, "carl")
        self.bob.post("/api/v1/teams", {"team": "lab"})
        self.carl.post("/api/v1/teams", {"team": "other"})
        assert open_run(self.bob, entity="lab") == (200, "lab")
        assert open_run(self.carl, entity="other") == (200, "other")
        file = "/api/v1/projects/lab/digits/runs/r1/files/model.bin"
        assert self.bob.send(file, b"weights", "PUT").status in (200, 201)
        self.invite = self.bob.post("/api/v1/invites", {"team": "lab"})["number"]
        self.key = self.bob.post("/api/v1/keys", {"name": "k"})["prefix"]
        doc = {"weights": "loss"}
        self.view = self.bob.post(f"{LAB}/views", {"name": "Plan", "doc": doc, "shared": True})[
            "slug"
        ]
        self.draft = self.bob.post(f"{LAB}/drafts", {"doc": doc})["id"]
        self.undo = self.bob.post(f"{LAB}/runs/edit", {"runs": ["r1"], "tags_add": ["t"]}, 200)[
            "undo"
        ]
        ArtifactClient(door, "bob", "lab").log("net", {"model.bin": b"weights"}, client="c-1")
        sweep = self.bob.post(f"{LAB}/sweeps", BODIES["POST", "/sweeps"])["id"]
        agent = self.bob.post(f"{LAB}/sweeps/{sweep}/agents", {"host": "h"})["id"]
        self.made = {
            "collection": "net",
            "version": "v0",
            "client": "c-1",
            "sweep": sweep,
            "agent": agent,
        }
        run = door.core.runs.find(ada_of(door), "lab", "digits", "r1")[1]
        self.stream = next(s.id for s in door.core.meta.streams_of(run.attempt))

    def path(self, path: str) -> str:
        values = {
            "entity": "lab", "project": "digits", "run": "r1", "path": "model.bin", "sha256": DIGEST,
            "team": "lab", "user": "bob", "number": str(self.invite), "prefix": self.key,
            "stream": self.stream, "index": "0", "slug": self.view, "draft": self.draft,
            "undo": self.undo, **self.made,
        }  # fmt: skip
        asked = {
            "/groups": "?by=config.lr",
            "/values": "?key=config.lr",
            "/changes": "?since=v0",
            "/export/series": "?metric=loss",
        }
        query = next((text for end, text in asked.items() if path.endswith(end)), "")
        return re.sub(r"{(\w+)}", lambda found: values[found[1]], path) + query


def ada_of(door: Door) -> Any:
    from kiseki.core.rights import Principal

    user = door.core.meta.user("ada")
    assert user is not None
    return Principal(user)


@pytest.fixture
def wall(door: Door) -> Wall:
    return Wall(door)


def body_of(method: str, path: str) -> Any:
    found = (body for (m, end), body in BODIES.items() if m == method and path.endswith(end))
    return next(found, None)


ROUTES = sorted({(e.method, e.path) for e in endpoints() if e.path not in OWN})


def ask(who: Person, method: str, path: str, body: Any) -> Any:
    if method == "PUT" and body is None:
        return who.send(path, b"weights", "PUT")
    return who.ask(method, path, body)


def test_what_is_anothers_does_not_exist(wall: Wall) -> None:
    key = wall.carl.by_key(scopes=["read", "write", "admin"])
    assert len(ROUTES) >= 24
    for who in (wall.carl, key):
        for method, path in ROUTES:
            if path.startswith("/api/v1/streams/"):
                continue
            answer = ask(who, method, wall.path(path), body_of(method, path))
            assert answer.status == 404, (method, path, answer.body)
            assert b"weights" not in answer.body and b"loss" not in answer.body
    # Nothing happened.
    for path in ("/api/v1/projects/lab/digits/runs/r1", "/api/v1/teams/lab"):
        assert wall.bob.get(path)
    assert wall.bob.get("/api/v1/projects/lab/digits/runs/r1")["notes"] == ""


def test_the_same_requests_reach_what_is_ones_own(wall: Wall) -> None:
    """The walk above asks right: for the owner none of it is 404, 400 or 405."""
    last = ("DELETE", "/api/v1/teams/{team}")
    for method, path in sorted(ROUTES, key=lambda route: (route[0] == "DELETE", route == last)):
        if path.startswith(("/api/v1/streams/", "/api/v1/users/")):
            continue
        answer = ask(wall.bob, method, wall.path(path), body_of(method, path))
        expected = {200, 201, 204, 409} if method in ("DELETE", "PUT") else {200, 201, 204}
        if answer.status == 404 and method == "DELETE":  # its run was deleted in this very walk
            continue
        assert answer.status in expected, (method, path, answer.body)


def test_anothers_stream_is_none(wall: Wall) -> None:
    assert wall.bob.get(f"/api/v1/streams/{wall.stream}")["next"] == 3
    assert wall.carl.get(f"/api/v1/streams/{wall.stream}") == {"next": 0}
    records = f"/api/v1/streams/{wall.stream}/records"
    assert refusal(wall.carl.send(records, b"")) == (404, "entity")
    assert wall.bob.send(records, b"").status == 200


def test_lists_and_events_tell_of_ones_own_only(wall: Wall) -> None:
    assert [p["entity"] for p in wall.carl.get("/api/v1/projects")["projects"]] == ["other"]
    assert [t["team"] for t in wall.carl.get("/api/v1/teams")["teams"]] == ["other"]
    assert wall.carl.get("/api/v1/keys")["keys"] == []
    assert wall.carl.ask("GET", "/api/v1/events?project=lab/digits").status == 404
    assert wall.carl.ask("GET", "/api/v1/invites?team=lab").status == 404
    assert wall.carl.ask("POST", "/api/v1/invites", {"team": "lab"}).status == 404
    assert wall.carl.ask("PATCH", "/api/v1/viewer", {"entity": "lab"}).status == 404
    body = {"name": "k", "project": "lab/digits"}
    assert wall.carl.ask("POST", "/api/v1/keys", body).status == 404


def test_content_is_not_read_by_knowing_its_digest(wall: Wall) -> None:
    """docs/api/native.md, *Files*: only in a project where somebody uploaded it."""
    missing = wall.carl.post(
        "/api/v1/projects/other/digits/blobs/missing", {"sha256": [DIGEST]}, 200
    )
    assert missing == {"missing": [DIGEST]}


def test_a_former_member_sees_nothing_at_once(wall: Wall) -> None:
    wall.bob.post("/api/v1/invites/accept", {"token": "x"}, 404)
    url = wall.bob.post("/api/v1/invites", {"team": "lab"})["url"]
    wall.carl.post("/api/v1/invites/accept", {"token": url.partition("#token=")[2]}, 204)
    run = "/api/v1/projects/lab/digits/runs/r1"
    assert wall.carl.ask("GET", run).status == 200
    assert wall.bob.ask("DELETE", "/api/v1/teams/lab/members/carl").status == 204
    assert wall.carl.ask("GET", run).status == 404
