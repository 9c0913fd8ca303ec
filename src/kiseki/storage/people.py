"""What `core` may ask of the store about people: users, teams, keys, sessions, invites, the audit log.

Of every secret only the SHA-256 is here (of a password the argon2id hash). Each call is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

UserKind = Literal["person", "service", "anonymous"]
Purpose = Literal["sign-in", "claim"]


@dataclass(frozen=True, slots=True)
class User:
    """A person, service or anonymous user. `entity` is the name of its default entity."""

    number: int
    name: str
    entity: str
    is_admin: bool
    created_us: int
    kind: UserKind = "person"
    display_name: str = ""
    email: str = ""
    has_password: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    disabled_us: int | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """An entity of kind `team`; `role` is that of whoever was asked for, "" if not a member."""

    name: str
    role: str
    members: int
    projects: int
    created_us: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user within an entity."""

    user: User
    role: str
    joined_us: int


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. Only the SHA-256 of the whole key is known; `prefix` is its public part.

    `project` (`entity/project`) is the only one it may touch; "" for all that its user may.
    """

    prefix: str
    user: int
    digest: bytes
    name: str
    scopes: str  # comma-separated, of: read write admin
    created_us: int
    expires_us: int | None = None
    used_us: int | None = None
    project: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that signed in; `digest` is the SHA-256 of its cookie, `via` how it began."""

    digest: bytes
    user: int
    created_us: int
    used_us: int
    expires_us: int
    via: str = "key"  # password, link, claim, `key` and its prefix


@dataclass(frozen=True, slots=True)
class Invite:
    """A link that lets somebody in, once. `team` None: into the server only. `used_by` is a user's name."""

    number: int
    team: str | None
    role: str
    by: str
    created_us: int
    expires_us: int
    used_by: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something somebody did; `user` and `object` are names, `via` the way (session, key prefix, link)."""

    number: int
    time_us: int
    user: str
    action: str
    object: str
    via: str


class PeopleStore(Protocol):
    """People and what lets them in. Thread-safe; durable when a call returns."""

    # users
    def add_user(
        self,
        name: str,
        *,
        is_admin: bool,
        now_us: int,
        kind: UserKind = "person",
        display_name: str = "",
        email: str = "",
        password: str | None = None,
        invite: bytes | None = None,
        team: str | None = None,
    ) -> User:
        """Create a user and its entity of the same name, which it owns and is its default.

        Args:
            password: its hash.
            invite: digest of an invite that is used up with it, and whose team it joins.
            team: of a service: the team it joins as member, and its default; it owns nothing.

        Raises:
            Conflict: code `taken`: a user or team has this name.
            NotFound: the invite is unknown, used or expired; the team does not exist.
        """
        ...

    def user(self, name: str) -> User | None: ...

    def user_by_number(self, number: int) -> User | None: ...

    def users(self) -> list[User]: ...

    def edit_user(self, number: int, columns: Mapping[str, Any]) -> None:
        """Change fields of a user, by their names in `User`; `password` is the hash.

        Invites that a user may not make any more are withdrawn: here, and by `set_member`, `drop_member`.

        Raises:
            NotFound: the new default entity does not exist.
            Conflict: code `last-admin`: it would leave no admin of the server.
        """
        ...

    def password(self, user: int) -> str | None:
        """Return the hash of a user's password."""
        ...

    def memberships(self, user: int) -> dict[str, str]:
        """Return entity name → role (`owner`, `admin`, `member`, `viewer`), the own entity included."""
        ...

    def has_entity(self, name: str) -> bool: ...

    # teams
    def add_team(self, name: str, admin: int, now_us: int) -> None:
        """Create a team with its first admin. Raises Conflict, code `taken`."""
        ...

    def team(self, name: str, user: int) -> Team | None:
        """Return a team with the role of a user in it."""
        ...

    def teams(self, user: int | None) -> list[Team]:
        """Return the teams of a user (None: all teams), by name."""
        ...

    def drop_team(self, name: str) -> None:
        """Delete a team with its memberships, invites and services.

        Raises:
            Conflict: code `not-empty`: it owns a project.
        """
        ...

    def members(self, team: str) -> list[Member]:
        """Return the members of a team, those who joined first before the others."""
        ...

    def set_member(self, entity: str, user: int, role: str, now_us: int) -> None:
        """Give a user a role in an entity.

        Raises:
            NotFound: no such entity. Conflict: code `last-admin`.
        """
        ...

    def drop_member(self, entity: str, user: int) -> bool:
        """Take a user out of a team; its default entity becomes its own again if it was this one.

        Raises:
            Conflict: code `last-admin`.
        """
        ...

    # keys
    def add_key(self, key: Key) -> None: ...

    def key(self, prefix: str) -> Key | None: ...

    def keys(self, user: int) -> list[Key]: ...

    def key_used(self, prefix: str, now_us: int) -> None: ...

    def drop_key(self, prefix: str) -> bool:
        """Delete a key; the sessions that it began (`via` is `key PREFIX`) end with it."""
        ...

    # sessions and one-time tokens
    def add_session(self, session: Session) -> None: ...

    def session(self, digest: bytes) -> Session | None: ...

    def session_used(self, digest: bytes, now_us: int, expires_us: int) -> None: ...

    def drop_session(self, digest: bytes) -> None: ...

    def drop_sessions(self, user: int, but: bytes = b"") -> None:
        """End the sessions of a user and its unused sign-in links, except one session."""
        ...

    def add_token(
        self, digest: bytes, user: int, expires_us: int, purpose: Purpose = "sign-in"
    ) -> None:
        """Keep a token, by its SHA-256."""
        ...

    def token(self, digest: bytes, now_us: int, purpose: Purpose) -> int | None:
        """Return the user of a token, which stays; None if it is unknown or expired."""
        ...

    def take_token(self, digest: bytes, now_us: int) -> int | None:
        """Use a sign-in token up; return its user, or None if it is unknown, used or expired."""
        ...

    def claim(self, digest: bytes, by: int, now_us: int) -> str | None:
        """Make a user the owner of the anonymous entity a token is for; return its name, None if unknown.

        The anonymous user, its keys, sessions and the token end.
        """
        ...

    # invites
    def add_invite(self, digest: bytes, invite: Invite) -> Invite:
        """Keep an invite, by the SHA-256 of its token; return it with its number.

        Raises:
            NotFound: no such team.
        """
        ...

    def invite(self, digest: bytes, now_us: int) -> Invite | None:
        """Return an invite that may still be used."""
        ...

    def invite_by_number(self, number: int) -> Invite | None: ...

    def invites(self, team: str | None) -> list[Invite]:
        """Return the invites into a team (None: into the server), youngest first."""
        ...

    def take_invite(self, digest: bytes, user: int, now_us: int) -> Invite | None:
        """Use an invite up and join its team, never with less than the role held; None if unusable."""
        ...

    def drop_invite(self, number: int) -> bool: ...

    def drop_expired(self, now_us: int) -> int:
        """Delete expired sessions and tokens; return how many."""
        ...

    # audit
    def add_audit(self, *entries: AuditEntry) -> None:
        """Append entries; their numbers are given by the store."""
        ...

    def audit(self, before: int | None, limit: int) -> list[AuditEntry]:
        """Return entries, youngest first, with numbers below `before`."""
        ...
