"""API keys: listed, made (shown once), revoked."""

from __future__ import annotations

from typing import Any

import msgspec

from kiseki.core.people.keys import Key, User
from kiseki.server.routing import Call, Routes

routes = Routes()


class KeyAnswer(msgspec.Struct, kw_only=True):
    """A key without its secret. `project` null: all that its user may; `expires_us` null: never."""

    prefix: str
    name: str
    scopes: list[str]
    project: str | None
    user: str
    created_us: int
    expires_us: int | None
    used_us: int | None


class NewKeyAnswer(KeyAnswer, kw_only=True):
    """A key in clear: the only time that it can be seen."""

    key: str


class KeysAnswer(msgspec.Struct):
    keys: list[KeyAnswer]


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """`scopes`: some of `read`, `write`, `admin`; `days` null: without an end; `project`:
    `entity/project`, the only one it may touch; `service`: whose key, one's own if absent.
    """

    name: str
    scopes: list[str] = msgspec.field(default_factory=lambda: ["read", "write"])
    days: int | None = 90
    project: str | None = None
    service: str | None = None


@routes.get("/api/v1/keys", answer=KeysAnswer)
def list_keys(call: Call) -> KeysAnswer:
    """Return one's own keys and those of the services one administers."""
    found = call.core.people.keys.of(call.who)
    return KeysAnswer([KeyAnswer(**_fields(key, user)) for key, user in found])


@routes.post("/api/v1/keys", body=NewKey, answer=NewKeyAnswer, status=201)
def make_key(call: Call) -> NewKeyAnswer:
    """Make a key; it is shown in this answer only."""
    given: NewKey = call.body
    secret, key, user = call.core.people.keys.make(
        call.who,
        given.name,
        scopes=given.scopes,
        days=given.days,
        project=given.project or "",
        service=given.service or "",
    )
    return NewKeyAnswer(**_fields(key, user), key=secret)


@routes.add("DELETE", "/api/v1/keys/{prefix}", answer=None)
def revoke_key(call: Call) -> None:
    """End a key at once."""
    call.core.people.keys.revoke(call.who, call.path["prefix"])


def _fields(key: Key, user: User) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": key.scopes.split(","),
        "project": key.project or None,
        "user": user.name,
        "created_us": key.created_us,
        "expires_us": key.expires_us,
        "used_us": key.used_us,
    }
