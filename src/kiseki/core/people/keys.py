"""The API keys of people and of the services they administer."""

from __future__ import annotations

from collections.abc import Sequence

from kiseki.base.clock import wall_us
from kiseki.core.access import Access, create_key, prefix_of
from kiseki.core.people.audit import Audit
from kiseki.core.people.teams import Teams
from kiseki.core.rights import SCOPES, Principal, can, check_account
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import Key as Key
from kiseki.storage.people import User as User

NAME_CHARS_MAX = 128
KEYS_MAX = 100  # of one user
DAYS_MAX = 3650
DAY_US = 24 * 3600 * 1_000_000


class Keys:
    """Answers and changes which keys there are. Thread-safe."""

    def __init__(self, meta: MetaStore, access: Access, teams: Teams, audit: Audit) -> None:
        self._meta = meta
        self._access = access
        self._teams = teams
        self._audit = audit

    def of(self, who: Principal) -> list[tuple[Key, User]]:
        """Return one's own keys and those of the services one administers, with whose they are."""
        check_account(who)
        return [(key, user) for user in self._users(who) for key in self._meta.keys(user.number)]

    def make(
        self,
        who: Principal,
        name: str,
        *,
        scopes: Sequence[str] = ("read", "write"),
        days: int | None = 90,
        project: str = "",
        service: str = "",
    ) -> tuple[str, Key, User]:
        """Make a key; return it in clear, the only time that it can be seen, and how it is kept.

        Args:
            days: until it ends; None: never.
            project: the only project it may touch, as `entity/project`; it need not exist yet.
            service: whose key, the name of a service account; "" for one's own.

        Raises:
            Invalid: a value that is not allowed. NotFound: no such service, no such entity.
            Forbidden: the kind of user has no further keys. Conflict: code `full`.
        """
        check_account(who)
        if who.user.kind == "anonymous":
            raise Forbidden("an anonymous user has the one key it was given", code="kind")
        user = self._user(who, service)
        return self.make_for(who, user, name, scopes=scopes, days=days, project=project)

    def make_for(
        self,
        who: Principal,
        user: User,
        name: str,
        *,
        scopes: Sequence[str],
        days: int | None,
        project: str = "",
    ) -> tuple[str, Key, User]:
        """Make a key of a user that `who` acts for. Arguments, answer and errors as of `make`."""
        if not 0 < len(name.strip()) <= NAME_CHARS_MAX:
            raise Invalid(f"a key's name has 1 to {NAME_CHARS_MAX} characters", code="name")
        ordered = tuple(scope for scope in SCOPES if scope in scopes)
        if not ordered or set(ordered) != set(scopes):
            raise Invalid(f"scopes are some of {', '.join(SCOPES)}", code="scopes")
        if days is not None and not 1 <= days <= DAYS_MAX:
            raise Invalid(f"a key lives for 1 to {DAYS_MAX} days, or without an end", code="days")
        if project:
            self._check_project(who, project)
        if len(self._meta.keys(user.number)) >= KEYS_MAX:
            raise Conflict(f"{user.name} has {KEYS_MAX} keys: revoke one first", code="full")
        ends_us = None if days is None else wall_us() + days * DAY_US
        secret = create_key(
            self._meta, user, name=name.strip(), scopes=ordered, expires_us=ends_us, project=project
        )
        key = self._meta.key(prefix_of(secret))
        assert key is not None
        self._audit.by(who, "key-made", f"{key.prefix} of {user.name}")
        return secret, key, user

    def revoke(self, who: Principal, prefix: str) -> None:
        """End a key at once. Raises NotFound if it is not one's own, nor of a service of one's own."""
        check_account(who)
        key = self._meta.key(prefix)
        owners = {user.number: user for user in self._users(who)}
        if key is None or key.user not in owners:
            raise NotFound(f"key {prefix[:40]} does not exist", code="absent")
        self._meta.drop_key(prefix)
        self._access.forget()
        self._audit.by(who, "key-revoked", f"{prefix} of {owners[key.user].name}")

    def _users(self, who: Principal) -> list[User]:
        return [who.user, *self._teams.services(who)]

    def _user(self, who: Principal, service: str) -> User:
        if not service:
            return who.user
        for user in self._teams.services(who):
            if user.name == service:
                return user
        raise NotFound(f"service {service} does not exist", code="absent")

    def _check_project(self, who: Principal, project: str) -> None:
        entity, slash, name = project.partition("/")
        if not slash or not name or "/" in name:
            raise Invalid("`project` is written entity/project", code="project")
        if not can(who, "read", entity):
            raise NotFound(f"project {project} does not exist", code="absent")
