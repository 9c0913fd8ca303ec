"""Invites, and runs without an account that a person claims."""

from __future__ import annotations

from typing import Any

import msgspec

from kiseki.core.people.invites import Invite
from kiseki.errors import NotFound
from kiseki.server.api.urls import token_url
from kiseki.server.routing import Call, Routes

routes = Routes()


class InviteAnswer(msgspec.Struct, kw_only=True):
    """An invite; `team` null: onto the server; `used_by` null: not used yet."""

    number: int
    team: str | None
    role: str
    by: str
    created_us: int
    expires_us: int
    used_by: str | None


class NewInviteAnswer(InviteAnswer, kw_only=True):
    """An invite with its link, which is shown now only and works once."""

    url: str


class InvitesAnswer(msgspec.Struct):
    invites: list[InviteAnswer]


class InvitesQuery(msgspec.Struct):
    """Without a team: the invites onto the server."""

    team: str | None = None


class NewInvite(msgspec.Struct, forbid_unknown_fields=True):
    """`team` absent: onto the server, which its admins may."""

    team: str | None = None
    role: str = "member"
    days: int = 7


class Token(msgspec.Struct, forbid_unknown_fields=True):
    """What follows `#token=` in a link."""

    token: str


class LookAnswer(msgspec.Struct):
    """What an invite is to."""

    team: str | None
    role: str
    by: str
    expires_us: int


class AnonymousAnswer(msgspec.Struct):
    """A user that nobody is yet: its key to log with, and the link to look with and to claim it."""

    user: str
    entity: str
    key: str
    url: str


class ClaimAnswer(msgspec.Struct):
    entity: str


@routes.post("/api/v1/invites", body=NewInvite, answer=NewInviteAnswer, status=201)
def make_invite(call: Call) -> NewInviteAnswer:
    """Make an invite; its link is shown in this answer only."""
    given: NewInvite = call.body
    token, invite = call.core.people.invites.make(call.who, given.team, given.role, given.days)
    url = token_url(call.core.url, "invite", token)
    return NewInviteAnswer(**_fields(invite), url=url)


@routes.get("/api/v1/invites", query=InvitesQuery, answer=InvitesAnswer)
def list_invites(call: Call) -> InvitesAnswer:
    """Return the invites into a team, or onto the server, youngest first."""
    found = call.core.people.invites.of(call.who, call.query.team)
    return InvitesAnswer([InviteAnswer(**_fields(invite)) for invite in found])


@routes.add("DELETE", "/api/v1/invites/{number}", answer=None)
def withdraw_invite(call: Call) -> None:
    """End an invite."""
    number = call.path["number"]
    if not number.isdecimal() or len(number) > 18:
        raise NotFound(f"invite {number[:40]} does not exist", code="absent")
    call.core.people.invites.withdraw(call.who, int(number))


@routes.post("/api/v1/invites/look", body=Token, answer=LookAnswer, is_public=True)
def look_at_invite(call: Call) -> LookAnswer:
    """Return what a token is an invite to."""
    invite = call.core.people.invites.look(call.body.token)
    return LookAnswer(invite.team, invite.role, invite.by, invite.expires_us)


@routes.post("/api/v1/invites/accept", body=Token, answer=None)
def accept_invite(call: Call) -> None:
    """Join the team of an invite, which is used up."""
    call.core.people.invites.accept(call.who, call.body.token)


@routes.post("/api/v1/anonymous", answer=AnonymousAnswer, is_public=True, status=201)
def make_anonymous(call: Call) -> AnonymousAnswer:
    """Make a user for runs without an account, where the server keeps such."""
    made = call.core.people.anonymous.make(call.address)
    url = token_url(call.core.url, "claim", made.token)
    return AnonymousAnswer(made.user.name, made.user.entity, made.key, url)


@routes.post("/api/v1/claim", body=Token, answer=ClaimAnswer)
def claim(call: Call) -> ClaimAnswer:
    """Become the owner of what an anonymous user logged; its link and keys end."""
    return ClaimAnswer(call.core.people.anonymous.claim(call.who, call.body.token))


def _fields(invite: Invite) -> dict[str, Any]:
    return {
        "number": invite.number,
        "team": invite.team,
        "role": invite.role,
        "by": invite.by,
        "created_us": invite.created_us,
        "expires_us": invite.expires_us,
        "used_by": invite.used_by,
    }
