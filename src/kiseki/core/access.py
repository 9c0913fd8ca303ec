"""Who is asking: keys, sessions and sign-in tokens.

What they may do then is decided in `rights.py`. A secret is never stored, only its SHA-256 (they are random,
256 bits, so no slow hash is needed), and never logged. What people change about themselves and each other is
in `people/`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from kiseki.base.clock import wall_us
from kiseki.core.names import check_entity, to_entity
from kiseki.core.people.audit import Audit
from kiseki.core.rights import NOBODY, SCOPES, Principal, Via
from kiseki.errors import Invalid, Unauthenticated
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import Key, Session
from kiseki.storage.people import User as User

KEY_CHARS_MIN = 40
KEY_CHARS_MAX = 512
SESSION_US = 14 * 24 * 3600 * 1_000_000  # without a visit
SESSION_TOUCH_US = 3600 * 1_000_000  # the last use of a session is written this often at most
KEY_TOUCH_US = 60 * 1_000_000  # …and that of a key
TOKEN_US = 3600 * 1_000_000
CACHE_US = 5_000_000  # a principal is believed this long without asking the store
CACHE_SIZE_MAX = 1_000
AT_START = "start of the server"  # the way of what nobody signed in for

_LETTERS = string.ascii_letters + string.digits


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
    if is_new:
        Audit(meta).note(user.name, "user-made", user.name, AT_START)
    if key is not None:
        if find_key(meta, key) is None:
            create_key_at_start(meta, user, "first key", key)
        return FirstUser(user, None, is_new)
    made = create_key_at_start(meta, user, "first key") if is_new and make else None
    return FirstUser(user, made, is_new)


def create_key_at_start(meta: MetaStore, user: User, name: str, key: str | None = None) -> str:
    """Create a key for whoever starts the server, and return it in clear."""
    secret = create_key(meta, user, name=name, key=key)
    Audit(meta).note(user.name, "key-made", f"{prefix_of(secret)} of {user.name}", AT_START)
    return secret


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
    project: str = "",
) -> str:
    """Create a key of a user and return it in clear: the only time that it can be seen."""
    secret = key or make_key()
    prefix, digest, now = prefix_of(secret), digest_of(secret), wall_us()
    meta.add_key(
        Key(prefix, user.number, digest, name, ",".join(scopes), now, expires_us, None, project)
    )
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
        self._audit = Audit(meta, now_us)
        # digest → (believed until, principal); replaced whole, so no lock is needed
        self._known: dict[bytes, tuple[int, Principal]] = {}
        self.changes = 0  # grows with every `forget`: whoever watches for long asks again who it is

    def known(self, secret: str, via: Via) -> Principal | None:
        """Return who a key or cookie was found to belong to a moment ago, without any waiting."""
        return self._cached(digest_of(secret), via)

    def by_key(self, secret: str) -> Principal:
        """Return who a key belongs to. Raises Unauthenticated."""
        digest = digest_of(secret)
        known = self._cached(digest, "key")
        if known is not None:
            return known
        key = find_key(self._meta, secret)
        if key is None:
            raise Unauthenticated("this API key is not known here, or has expired", code="key")
        user = self._user(key.user)
        scopes = frozenset(key.scopes.split(","))
        roles = self._meta.memberships(user.number)
        who = Principal(user, roles, scopes, "key", key.prefix, key.project)
        now = self._now_us()
        if key.used_us is None:
            self._audit.by(who, "key-first-used", key.prefix)
        if key.used_us is None or now - key.used_us > KEY_TOUCH_US:
            self._meta.key_used(key.prefix, now)
        return self._remember(digest, who)

    def by_cookie(self, cookie: str) -> Principal:
        """Return who a session cookie belongs to. Raises Unauthenticated."""
        digest = digest_of(cookie)
        known = self._cached(digest, "session")
        if known is not None:
            return known
        session = self._meta.session(digest)
        now = self._now_us()
        if session is None or session.expires_us <= now:
            raise Unauthenticated("this session has ended: sign in again", code="session")
        if now - session.used_us > SESSION_TOUCH_US:
            self._meta.session_used(digest, now, now + SESSION_US)
        return self._remember(digest, self._in_session(self._user(session.user), session))

    def sign_in(
        self, *, token: str | None = None, key: str | None = None, claim: str | None = None
    ) -> tuple[Principal, str]:
        """Return who a one-time token, a key or a claim link belongs to, and the cookie of a new session.

        Raises:
            Unauthenticated: unknown, used up or expired.
        """
        now = self._now_us()
        if token is not None:
            number = self._meta.take_token(digest_of(token), now)
            if number is None:
                raise Unauthenticated(
                    "this sign-in link was used already or is older than an hour; "
                    "the server's admin makes another one: kiseki admin link NAME",
                    code="token",
                )
            return self.begin(self._user(number), "link")
        if claim is not None:
            number = self._meta.token(digest_of(claim), now, "claim")
            if number is None:
                raise Unauthenticated("this link was claimed already or has expired", code="token")
            return self.begin(self._user(number), "claim")
        who = self.by_key(key or "")
        if who.scopes != frozenset(SCOPES) or who.project:
            raise Unauthenticated(
                "this key is for programs: a session would have more rights than it has",
                code="scope",
            )
        if who.user.kind != "person":
            raise Unauthenticated(f"{who.user.name} is no person: it gets in by keys", code="kind")
        return self.begin(who.user, who.way)

    def begin(self, user: User, via: str) -> tuple[Principal, str]:
        """Start a session of somebody who proved who they are; return them and the cookie."""
        cookie, now = secrets.token_urlsafe(32), self._now_us()
        session = Session(digest_of(cookie), user.number, now, now, now + SESSION_US, via)
        self._meta.add_session(session)
        self._audit.note(user.name, "signed-in", "", via)
        return self._in_session(user, session), cookie

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        digest = digest_of(cookie)
        self._known.pop(digest, None)
        self._meta.drop_session(digest)
        self.changes += 1

    def forget(self) -> None:
        """Forget what was believed: after keys, users or memberships changed."""
        self._known.clear()
        self.changes += 1

    def is_current(self, who: Principal) -> bool:
        """Return whether somebody who was let in a while ago would be let in as the same now.

        For what goes on for long: rights also end by time, and by `kiseki admin` in another process.
        """
        now = self._now_us()
        held: Session | Key | None = None
        if who.session is not None:
            held = self._meta.session(who.session.digest)
        elif who.via == "key":
            held = self._meta.key(who.prefix)
        if held is None or (held.expires_us is not None and held.expires_us <= now):
            return False
        user = self._meta.user_by_number(who.user.number)
        if user is None or user.disabled_us is not None or user.is_admin != who.user.is_admin:
            return False
        return self._meta.memberships(user.number) == who.entities

    def _in_session(self, user: User, session: Session) -> Principal:
        roles = self._meta.memberships(user.number)
        return Principal(user, roles, frozenset(SCOPES), "session", session=session)

    def by_number(self, number: int) -> Principal:
        """Return the user to whom a signed address was given. Raises Unauthenticated."""
        user = self._user(number)
        return Principal(user, self._meta.memberships(number), frozenset(("read", "write")), "key")

    def _user(self, number: int) -> User:
        user = self._meta.user_by_number(number)
        if user is None or user.disabled_us is not None:
            raise Unauthenticated("this account is gone or disabled", code="user")
        return user

    def _cached(self, digest: bytes, via: Via) -> Principal | None:
        until, who = self._known.get(digest, (0, NOBODY))
        return who if until > self._now_us() and who.via == via else None

    def _remember(self, digest: bytes, who: Principal) -> Principal:
        if len(self._known) >= CACHE_SIZE_MAX:
            self._known.clear()
        self._known[digest] = (self._now_us() + CACHE_US, who)
        return who
