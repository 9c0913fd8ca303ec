"""Who is asking, and what they may do.

Owns: users, keys, sessions, sign-in tokens, and `can`, the one function that decides. A secret is never
stored, only its SHA-256 (they are random, 256 bits, so no slow hash is needed), and never logged.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kiseki.base.clock import wall_us
from kiseki.core.names import check_entity, to_entity
from kiseki.errors import Forbidden, Invalid, NotFound, Unauthenticated
from kiseki.storage.interface import Key, MetaStore, Session, User

Verb = Literal["read", "write", "admin"]

SCOPES = ("read", "write", "admin")
KEY_CHARS_MIN = 40
KEY_CHARS_MAX = 512
SESSION_US = 14 * 24 * 3600 * 1_000_000  # without a visit
SESSION_TOUCH_US = 3600 * 1_000_000  # the last use of a session is written this often at most
KEY_TOUCH_US = 60 * 1_000_000  # …and that of a key
TOKEN_US = 3600 * 1_000_000
CACHE_US = 5_000_000  # a principal is believed this long without asking the store
CACHE_SIZE_MAX = 1_000

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a user, through a key or a session, with what they belong to."""

    user: User
    entities: Mapping[str, str] = field(default_factory=dict)  # entity → role
    scopes: frozenset[str] = frozenset(SCOPES)
    via: Literal["key", "session", "nobody"] = "key"
    prefix: str = ""  # public part of the key


NOBODY = Principal(User(0, "", "", False, 0), {}, frozenset(), "nobody")


def can(who: Principal, verb: Verb, entity: str) -> bool:
    """Return whether somebody may read, write or administer what an entity owns."""
    if verb not in who.scopes:
        return False
    if who.user.is_admin:
        return True
    role = who.entities.get(entity)
    return role == "owner" or (role == "member" and verb != "admin")


def make_key() -> str:
    """Return a new API key: `ksk_`, 8 public characters, 43 secret ones (256 bits)."""
    return "ksk_" + "".join(secrets.choice(_LETTERS) for _ in range(8 + 43))


def prefix_of(key: str) -> str:
    """Return the public part of a key; of a key that is not ours a short digest stands for it."""
    if key.startswith("ksk_"):
        return key[:12]
    return "key_" + digest_of(key).hex()[:8]


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class FirstUser:
    """The outcome of `ensure_first_user`. `key` is the fresh key in clear, if one was made."""

    user: User
    key: str | None
    is_new: bool


def ensure_first_user(
    meta: MetaStore, name: str, *, key: str | None = None, make: bool = True
) -> FirstUser:
    """Return the first user, created with a key if nobody exists yet.

    Args:
        name: what to call it (adapted to what an entity may be called).
        key: a key it shall have (KISEKI_FIRST_KEY); added if it is not there yet.
        make: make a key for a new user if none is given.

    Raises:
        Invalid: the given key is too short.
    """
    if key is not None:
        check_first_key(key)
    users = meta.users()
    now = wall_us()
    is_new = not users
    user = users[0] if users else meta.add_user(to_entity(name), is_admin=True, now_us=now)
    if key is not None:
        if find_key(meta, key) is None:
            create_key(meta, user, name="first key", key=key)
        return FirstUser(user, None, is_new)
    made = create_key(meta, user, name="first key") if is_new and make else None
    return FirstUser(user, made, is_new)


def check_first_key(key: str) -> None:
    """Raise Invalid if the first user cannot have this key."""
    if not KEY_CHARS_MIN <= len(key) <= KEY_CHARS_MAX:
        raise Invalid(f"the first user's key must have {KEY_CHARS_MIN} characters or more")


def create_user(meta: MetaStore, name: str, *, is_admin: bool = False) -> User:
    """Create a user and its default entity. Raises Invalid for a bad name, Conflict for a taken one."""
    check_entity(name)
    return meta.add_user(name, is_admin=is_admin, now_us=wall_us())


def create_key(
    meta: MetaStore,
    user: User,
    *,
    name: str = "",
    scopes: tuple[str, ...] = SCOPES,
    expires_us: int | None = None,
    key: str | None = None,
) -> str:
    """Create a key of a user and return it in clear: the only time that it can be seen."""
    secret = key or make_key()
    prefix, digest = prefix_of(secret), digest_of(secret)
    meta.add_key(Key(prefix, user.number, digest, name, ",".join(scopes), wall_us(), expires_us))
    return secret


def find_key(meta: MetaStore, secret: str) -> Key | None:
    """Return the stored key of a secret, or None if there is none or it has expired."""
    if not KEY_CHARS_MIN <= len(secret) <= KEY_CHARS_MAX:
        return None
    key = meta.key(prefix_of(secret))
    if key is None or not hmac.compare_digest(key.digest, digest_of(secret)):
        return None
    return None if key.expires_us is not None and key.expires_us <= wall_us() else key


def make_token(meta: MetaStore, user: User) -> str:
    """Return a sign-in token that works once, within the hour."""
    token = secrets.token_urlsafe(32)
    meta.add_token(digest_of(token), user.number, wall_us() + TOKEN_US)
    return token


class Access:
    """Answers who a key or a cookie belongs to. Thread-safe."""

    def __init__(self, meta: MetaStore, now_us: Callable[[], int] = wall_us) -> None:
        self._meta = meta
        self._now_us = now_us
        # digest → (believed until, principal); replaced whole, so no lock is needed
        self._known: dict[bytes, tuple[int, Principal]] = {}

    def known(self, secret: str) -> Principal | None:
        """Return who a key or cookie was found to belong to a moment ago, without any waiting."""
        return self._cached(digest_of(secret))

    def by_key(self, secret: str) -> Principal:
        """Return who a key belongs to. Raises Unauthenticated."""
        digest = digest_of(secret)
        known = self._cached(digest)
        if known is not None:
            return known
        key = find_key(self._meta, secret)
        if key is None:
            raise Unauthenticated("this API key is not known here, or has expired", code="key")
        now = self._now_us()
        if key.used_us is None or now - key.used_us > KEY_TOUCH_US:
            self._meta.key_used(key.prefix, now)
        who = self._principal(key.user, "key", frozenset(key.scopes.split(",")), key.prefix)
        return self._remember(digest, who)

    def by_cookie(self, cookie: str) -> Principal:
        """Return who a session cookie belongs to. Raises Unauthenticated."""
        digest = digest_of(cookie)
        known = self._cached(digest)
        if known is not None:
            return known
        session = self._meta.session(digest)
        now = self._now_us()
        if session is None or session.expires_us <= now:
            raise Unauthenticated("this session has ended: sign in again", code="session")
        if now - session.used_us > SESSION_TOUCH_US:
            self._meta.session_used(digest, now, now + SESSION_US)
        return self._remember(digest, self._principal(session.user, "session", frozenset(SCOPES)))

    def sign_in(self, *, token: str | None = None, key: str | None = None) -> tuple[Principal, str]:
        """Return who a one-time token or a key belongs to, and the cookie of a new session.

        Raises:
            Unauthenticated: unknown, used up or expired.
        """
        now = self._now_us()
        if token is not None:
            number = self._meta.take_token(digest_of(token), now)
            if number is None:
                raise Unauthenticated(
                    "this sign-in link was used already or is older than an hour; "
                    "restart the server for a new one, or sign in with an API key",
                    code="token",
                )
        else:
            number = self.by_key(key or "").user.number
        cookie = secrets.token_urlsafe(32)
        self._meta.add_session(Session(digest_of(cookie), number, now, now, now + SESSION_US))
        return self._principal(number, "session", frozenset(SCOPES)), cookie

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        digest = digest_of(cookie)
        self._known.pop(digest, None)
        self._meta.drop_session(digest)

    def forget(self) -> None:
        """Forget what was believed: after keys, users or memberships changed."""
        self._known.clear()

    def _principal(
        self,
        number: int,
        via: Literal["key", "session"],
        scopes: frozenset[str],
        prefix: str = "",
    ) -> Principal:
        user = self._meta.user_by_number(number)
        if user is None:
            raise Unauthenticated("this user is gone", code="user")
        return Principal(user, self._meta.memberships(number), scopes, via, prefix)

    def _cached(self, digest: bytes) -> Principal | None:
        until, who = self._known.get(digest, (0, NOBODY))
        return who if until > self._now_us() else None

    def _remember(self, digest: bytes, who: Principal) -> Principal:
        if len(self._known) >= CACHE_SIZE_MAX:
            self._known.clear()
        self._known[digest] = (self._now_us() + CACHE_US, who)
        return who


def check_can(who: Principal, verb: Verb, entity: str, what: str) -> None:
    """Raise NotFound if somebody may not even see `what`, which an entity owns; Forbidden if only not so.

    The key that may read but not write is told so; nobody learns of things that are not theirs.
    """
    if can(who, verb, entity):
        return
    if who.user.is_admin or entity in who.entities:
        raise Forbidden(f"{who.user.name} may not {verb} {what} with this key", code="scope")
    raise NotFound(f"{what} does not exist", code="absent")
