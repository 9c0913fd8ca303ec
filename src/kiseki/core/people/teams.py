"""Teams: who belongs to them, with which role, and their service accounts."""

from __future__ import annotations

from kiseki.base.clock import wall_us
from kiseki.core.access import Access
from kiseki.core.names import check_entity
from kiseki.core.people.audit import Audit
from kiseki.core.rights import Principal, can, check_account, check_can, check_server_admin
from kiseki.errors import Forbidden, Invalid, NotFound
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import Member as Member
from kiseki.storage.people import Team as Team
from kiseki.storage.people import User

ROLES = ("viewer", "member", "admin")


class Teams:
    """Answers and changes who is in which team. Thread-safe."""

    def __init__(self, meta: MetaStore, access: Access, audit: Audit) -> None:
        self._meta = meta
        self._access = access
        self._audit = audit

    def of(self, who: Principal) -> list[Team]:
        """Return the teams that somebody belongs to, by name."""
        return [] if who.project else self._meta.teams(who.user.number)

    def all(self, who: Principal) -> list[Team]:
        """Return every team. Raises NotFound unless the server's admin asks."""
        check_server_admin(who)
        return self._meta.teams(None)

    def find(self, who: Principal, name: str, *, to_change: bool = False) -> Team:
        """Return a team.

        Raises:
            NotFound: there is none that `who` may see.
            Forbidden: it is to be changed, and they are no admin of it.
        """
        check_can(who, "read", name, f"team {name}")
        team = self._meta.team(name, who.user.number)
        if team is None:
            raise NotFound(f"team {name} does not exist", code="absent")
        if to_change:
            check_account(who)
            check_can(who, "admin", name, f"team {name}")
        return team

    def members(self, team: Team) -> list[Member]:
        """Return the members of a team, those who joined first before the others."""
        return self._meta.members(team.name)

    def make(self, who: Principal, name: str) -> Team:
        """Make a team with `who` as its admin. Raises Conflict (code `taken`), Invalid (code `name`)."""
        check_account(who)
        if who.user.kind != "person":
            raise Forbidden("only people make teams", code="kind")
        check_entity(name)
        self._meta.add_team(name, who.user.number, wall_us())
        self._access.forget()
        self._audit.by(who, "team-made", name)
        team = self._meta.team(name, who.user.number)
        assert team is not None
        return team

    def delete(self, who: Principal, name: str) -> None:
        """Delete a team that owns no project, with its services. Raises Conflict (code `not-empty`)."""
        self.find(who, name, to_change=True)
        self._meta.drop_team(name)
        self._access.forget()
        self._audit.by(who, "team-deleted", name)

    def set_role(self, who: Principal, name: str, member: str, role: str) -> None:
        """Change the role of a member. Only a server's admin adds people without an invite.

        Raises:
            NotFound: not a member. Conflict: code `last-admin`. Invalid: code `role`.
        """
        self.find(who, name, to_change=True)
        check_role(role)
        user = self._member(name, member)
        if user is None and who.user.is_admin:
            user = self._meta.user(member)
        if user is None:
            raise NotFound(f"{member} is no member of {name}: send an invite", code="absent")
        if user.kind != "person" and role == "admin":
            raise Invalid("only people can be admins of a team", code="role")
        if user.kind == "anonymous":
            raise Invalid("anonymous users join no team", code="role")
        self._meta.set_member(name, user.number, role, wall_us())
        self._access.forget()
        self._audit.by(who, "role-changed", f"{name}: {member} {role}")

    def remove(self, who: Principal, name: str, member: str) -> None:
        """Take somebody out of a team: an admin anybody, everybody themselves.

        Raises:
            NotFound: not a member. Conflict: code `last-admin`.
        """
        is_self = member == who.user.name
        self.find(who, name, to_change=not is_self)
        check_account(who)
        user = self._member(name, member)
        if user is None:
            raise NotFound(f"{member} is no member of {name}", code="absent")
        self._meta.drop_member(name, user.number)
        if user.kind == "service":  # it belongs to no other team
            self._meta.edit_user(user.number, {"disabled_us": wall_us()})
        self._access.forget()
        self._audit.by(who, "member-left" if is_self else "member-removed", f"{name}: {member}")

    def add_service(self, who: Principal, name: str, service: str) -> User:
        """Make a service account of a team, named `{team}-{service}`; it gets in by keys only.

        Raises:
            Conflict: code `taken`. Invalid: code `name`.
        """
        self.find(who, name, to_change=True)
        full = f"{name}-{service}"
        check_entity(full)
        user = self._meta.add_user(
            full, is_admin=False, now_us=wall_us(), kind="service", display_name=service, team=name
        )
        self._audit.by(who, "service-made", full)
        return user

    def services(self, who: Principal) -> list[User]:
        """Return the service accounts of the teams that somebody administers."""
        return [
            member.user
            for team in self.of(who)
            if can(who, "admin", team.name)
            for member in self._meta.members(team.name)
            if member.user.kind == "service"
        ]

    def _member(self, team: str, name: str) -> User | None:
        found = (member.user for member in self._meta.members(team) if member.user.name == name)
        return next(found, None)


def check_role(role: str) -> None:
    """Raise Invalid for what is no role in a team."""
    if role not in ROLES:
        raise Invalid(f"a role is one of {', '.join(ROLES)}; got {role[:40]!r}", code="role")
