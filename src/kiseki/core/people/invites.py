"""Invites: links that let somebody into a team or onto the server, once."""

from __future__ import annotations

import secrets

from kiseki.base.clock import wall_us
from kiseki.core.access import Access, digest_of
from kiseki.core.people.audit import Audit
from kiseki.core.people.teams import Teams, check_role
from kiseki.core.rights import Principal, check_account, check_server_admin
from kiseki.errors import Forbidden, Invalid, NotFound
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import Invite as Invite

DAYS_MAX = 90
DAY_US = 24 * 3600 * 1_000_000


class Invites:
    """Answers and changes who is invited. Thread-safe."""

    def __init__(self, meta: MetaStore, access: Access, teams: Teams, audit: Audit) -> None:
        self._meta = meta
        self._access = access
        self._teams = teams
        self._audit = audit

    def make(
        self, who: Principal, team: str | None = None, role: str = "member", days: int = 7
    ) -> tuple[str, Invite]:
        """Make an invite into a team (None: onto the server); return its token, seen only now.

        Raises:
            NotFound: no such team, or onto the server by somebody who is not its admin.
            Forbidden: not the team's admin. Invalid: code `role` or `days`.
        """
        self._check(who, team)
        check_role(role)
        if not 1 <= days <= DAYS_MAX:
            raise Invalid(f"an invite lives for 1 to {DAYS_MAX} days", code="days")
        token, now = secrets.token_urlsafe(32), wall_us()
        new = Invite(0, team, role, who.user.name, now, now + days * DAY_US)
        invite = self._meta.add_invite(digest_of(token), new)
        self._audit.by(who, "invite-made", f"{invite.number} into {team or 'the server'}")
        return token, invite

    def of(self, who: Principal, team: str | None) -> list[Invite]:
        """Return the invites into a team (None: onto the server), youngest first. Raises as `make`."""
        self._check(who, team)
        return self._meta.invites(team)

    def withdraw(self, who: Principal, number: int) -> None:
        """End an invite. Raises NotFound, Forbidden."""
        invite = self._meta.invite_by_number(number)
        absent = NotFound(f"invite {number} does not exist", code="absent")
        if invite is None:
            raise absent
        try:
            self._check(who, invite.team)
        except NotFound:  # would say which team it is into
            raise absent from None
        self._meta.drop_invite(number)
        self._audit.by(who, "invite-withdrawn", f"{number} into {invite.team or 'the server'}")

    def look(self, token: str) -> Invite:
        """Return what a token is an invite to. Raises NotFound if it is unknown, used or expired."""
        invite = self._meta.invite(digest_of(token), wall_us())
        if invite is None:
            raise _unusable()
        return invite

    def accept(self, who: Principal, token: str) -> Invite:
        """Join the team of an invite, which is used up. Raises NotFound, Forbidden."""
        check_account(who)
        if who.user.kind != "person":
            raise Forbidden("only people join teams", code="kind")
        invite = self._meta.take_invite(digest_of(token), who.user.number, wall_us())
        if invite is None:
            raise _unusable()
        self._access.forget()
        self._audit.by(who, "joined", invite.team or "the server")
        return invite

    def _check(self, who: Principal, team: str | None) -> None:
        if team is None:
            check_server_admin(who)
        else:
            self._teams.find(who, team, to_change=True)


def _unusable() -> NotFound:
    return NotFound("this invite is unknown, was used or has expired", code="invite")
