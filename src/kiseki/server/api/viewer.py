"""Who am I: shown and changed, with a password."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from kiseki.base.version import __version__
from kiseki.core.people.accounts import settings_of
from kiseki.core.rights import Principal
from kiseki.core.service import Core
from kiseki.server.routing import Call, Routes

routes = Routes()


class ServerInfo(msgspec.Struct):
    version: str
    url: str


class Membership(msgspec.Struct):
    """An entity one belongs to. `kind`: `user` or `team`; `role`: `owner`, `admin`, `member`, `viewer`."""

    entity: str
    kind: str
    role: str


class Viewer(msgspec.Struct):
    """Who asks. `entities` are those whose projects are listed, the default one first; `kind` is `person`,
    `service` or `anonymous`.
    """

    user: str
    entity: str
    entities: list[str]
    admin: bool
    server: ServerInfo
    kind: str
    display_name: str
    email: str
    has_password: bool
    settings: dict[str, Any]
    memberships: list[Membership]


class ViewerEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; absent fields stay. `entity` is where runs without one go (I-11)."""

    display_name: str | None = None
    email: str | None = None
    entity: str | None = None
    settings: dict[str, Any] | None = None


class PasswordEdit(msgspec.Struct, forbid_unknown_fields=True):
    """`old` is not needed where there was none, and within the hour after signing in by a link."""

    new: str
    old: str | None = None


def viewer_of(core: Core, who: Principal) -> Viewer:
    """Return who asks, as the API shows it."""
    entities = core.projects.entities(who)
    teams = {team.name for team in core.people.teams.of(who)}
    user = who.user
    return Viewer(
        user.name,
        user.entity,
        entities,
        user.is_admin and "admin" in who.scopes and not who.project,
        ServerInfo(__version__, core.url),
        user.kind,
        user.display_name,
        user.email,
        user.has_password,
        settings_of(user),
        [
            Membership(name, "team" if name in teams else "user", who.entities[name])
            for name in entities
        ],
    )


@routes.get("/api/v1/viewer", answer=Viewer)
def show_viewer(call: Call) -> Viewer:
    """Return who asks."""
    return viewer_of(call.core, call.who)


@routes.add("PATCH", "/api/v1/viewer", body=ViewerEdit, answer=Viewer)
def edit_viewer(call: Call) -> Viewer:
    """Change one's profile, default entity or settings."""
    user = call.core.people.accounts.edit(call.who, **msgspec.structs.asdict(call.body))
    return viewer_of(call.core, replace(call.who, user=user))


@routes.add("PUT", "/api/v1/viewer/password", body=PasswordEdit, answer=None)
def set_password(call: Call) -> None:
    """Set one's password; one's other sessions end."""
    given: PasswordEdit = call.body
    call.core.people.accounts.set_password(call.who, given.old, given.new, call.address)
