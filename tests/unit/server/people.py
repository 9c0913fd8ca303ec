"""People at a door: each with their own session or key."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

from kiseki.core import access
from tests.unit.server.asgi import Answer, Door
from tests.unit.server.test_api import frames, opening

PASSWORD = "nine lanterns over the bay"


class Person:
    """Somebody who asks: by cookie or by key, or without any."""

    def __init__(self, door: Door, headers: dict[str, str] | None = None) -> None:
        self.door = door
        self.headers = headers or {}

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.send(path, b"" if body is None else json.dumps(body).encode(), method)

    def send(self, path: str, body: bytes, method: str = "POST") -> Answer:
        headers = dict(self.headers)
        if "cookie" in headers:
            headers["sec-fetch-site"] = "same-origin"
        return self.door.ask(method, path, body, headers)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        answer = self.ask("POST", path, body)
        assert answer.status == status, answer.body
        return answer.json if answer.body else None

    def try_post(self, path: str, body: Any = None) -> tuple[int, str]:
        """Return status and code of a request that is refused."""
        return refusal(self.ask("POST", path, body))

    def by_key(self, **options: Any) -> Person:
        """Return the same person with a new key."""
        made = self.post("/api/v1/keys", {"name": "k", **options})
        return Person(self.door, {"authorization": f"Bearer {made['key']}"})


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def token_of(url: str) -> str:
    return url.partition("#token=")[2]


def in_session(door: Door, answer: Answer) -> Person:
    """Return the person whose session an answer began."""
    assert answer.status in (200, 201), answer.body
    return Person(door, {"cookie": answer.cookies[-1].partition(";")[0]})


def invited(door: Door, host: Person, name: str, team: str | None = None, **options: Any) -> Person:
    """Return a new person, who signed up with an invite."""
    made = host.post("/api/v1/invites", {"team": team, **options})
    body = {"user": name, "password": PASSWORD, "invite": token_of(made["url"])}
    return in_session(door, Person(door).ask("POST", "/api/v1/users", body))


def operator(door: Door) -> Person:
    """Return ada, the server's admin, in a session."""
    user = door.core.meta.user("ada")
    assert user is not None
    token = access.make_token(door.core.meta, user)
    return in_session(door, Person(door).ask("POST", "/api/v1/session", {"token": token}))


def open_run(
    who: Person, project: str = "digits", entity: str = "", run: str = "r1"
) -> tuple[int, str]:
    """Try to start a run, with one row; return the status and the entity it went to, or the code."""
    stream = uuid.uuid4().hex
    body = frames(*opening(stream, project=project, entity=entity, run=run), (0, 0, 1, 1, [0.5]))
    answer = who.send(f"/api/v1/streams/{stream}/records", body)
    if answer.status != 200:
        return refusal(answer)
    return answer.status, answer.json["run"]["entity"]


def project_of(entity: str, project: str) -> str:
    return f"/api/v1/projects/{quote(entity)}/{quote(project)}"
