"""Runs without an account (I-48): a user that nobody is yet, and its claim by a person."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

from kiseki.base.clock import wall_us
from kiseki.core.access import Access, create_key, digest_of
from kiseki.core.people.accounts import Policy
from kiseki.core.people.audit import Audit
from kiseki.core.people.tries import Rate
from kiseki.core.rights import Principal, check_account
from kiseki.errors import Forbidden, NotFound
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import User

LIFE_US = 30 * 24 * 3600 * 1_000_000  # of its key and its link
MADE_AN_HOUR = 20  # from one address

_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class Made:
    """A new anonymous user with its key and the token of its link, both in clear."""

    user: User
    key: str
    token: str


class Anonymous:
    """Makes anonymous users and hands them over. Thread-safe."""

    def __init__(self, meta: MetaStore, access: Access, audit: Audit, policy: Policy) -> None:
        self._meta = meta
        self._access = access
        self._audit = audit
        self._policy = policy
        self._made = Rate(MADE_AN_HOUR, 3600)

    def make(self, address: str = "") -> Made:
        """Make an anonymous user, with a key to log with and a link to look with, for 30 days.

        Raises:
            Forbidden: code `anonymous`: this server wants accounts. Busy: too many from this address.
        """
        if not self._policy.anonymous:
            raise Forbidden(
                "this server keeps no anonymous runs (kiseki server --anonymous): sign in",
                code="anonymous",
            )
        self._made.take(address, "anonymous users from this address")
        now = wall_us()
        name = "anonymous-" + "".join(secrets.choice(_LETTERS) for _ in range(10))
        user = self._meta.add_user(name, is_admin=False, now_us=now, kind="anonymous")
        key = create_key(
            self._meta, user, name="anonymous", scopes=("read", "write"), expires_us=now + LIFE_US
        )
        token = secrets.token_urlsafe(32)
        self._meta.add_token(digest_of(token), user.number, now + LIFE_US, "claim")
        self._audit.note(name, "anonymous-made")
        return Made(user, key, token)

    def claim(self, who: Principal, token: str) -> str:
        """Make a person the owner of what an anonymous user logged; return the entity's name.

        Raises:
            NotFound: the link is unknown, was claimed or has expired. Forbidden: not a person.
        """
        check_account(who)
        if who.user.kind != "person":
            raise Forbidden("sign in as yourself to claim these runs", code="kind")
        entity = self._meta.claim(digest_of(token), who.user.number, wall_us())
        if entity is None:
            raise NotFound("this link is unknown, was claimed or has expired", code="absent")
        self._access.forget()
        self._audit.by(who, "claimed", entity)
        return entity
