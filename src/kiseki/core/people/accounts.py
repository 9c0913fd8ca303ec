"""Accounts: signing up and in, profile, password, and what a server's admin does with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kiseki.base.clock import wall_us
from kiseki.core.access import Access, digest_of, make_token
from kiseki.core.names import check_entity
from kiseki.core.people.audit import Audit
from kiseki.core.people.passwords import Passwords, check_password
from kiseki.core.people.tries import Rate, Tries
from kiseki.core.rights import Principal, can, check_account, check_server_admin
from kiseki.errors import Forbidden, Invalid, NotFound, Unauthenticated
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import User as User

SignUp = Literal["closed", "invite", "open"]

TEXT_CHARS_MAX = 200
SIGN_UPS_AN_HOUR = 20  # from one address
LINK_RESETS_US = 3600 * 1_000_000  # a session begun by a link sets a password without the old one
SETTINGS: Mapping[str, Any] = {"save_code": False}
"""What a user can set, with its default; runs are told it when they open (I-70)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is let in: `signup` is who may make an account, `anonymous` whether runs need one at all."""

    signup: SignUp = "invite"
    anonymous: bool = False


class Accounts:
    """Answers and changes who has an account. Thread-safe; hashing a password blocks for 0.2 s."""

    def __init__(
        self, meta: MetaStore, access: Access, audit: Audit, policy: Policy, passwords: Passwords
    ) -> None:
        self.policy = policy
        self._meta = meta
        self._access = access
        self._audit = audit
        self._passwords = passwords
        self._tries = Tries()
        self._sign_ups = Rate(SIGN_UPS_AN_HOUR, 3600)

    # ── signing up and in ──

    def sign_up(
        self,
        name: str,
        password: str,
        *,
        display_name: str = "",
        email: str = "",
        invite: str | None = None,
        address: str = "",
    ) -> tuple[Principal, str]:
        """Make an account and start a session; return who it is and the cookie.

        Raises:
            Forbidden: code `signup`: not without an invite, or not at all.
            NotFound: code `invite`. Conflict: code `taken`. Invalid: code `name` or `password`.
            Busy: too many accounts from this address.
        """
        if self.policy.signup == "closed":
            raise Forbidden(
                "accounts are made by the admin of this server: kiseki admin add-user",
                code="signup",
            )
        if invite is None and self.policy.signup == "invite":
            raise Forbidden("an account needs an invite: ask for a link", code="signup")
        now = wall_us()
        if invite is not None and self._meta.invite(digest_of(invite), now) is None:
            raise NotFound("this invite is unknown, was used or has expired", code="invite")
        check_entity(name)
        _check_texts({"display_name": display_name, "email": email})
        check_password(password, name)
        self._sign_ups.take(address, "new accounts from this address")
        user = self._meta.add_user(
            name,
            is_admin=False,
            now_us=now,
            display_name=display_name,
            email=email,
            password=self._passwords.hash(password),
            invite=None if invite is None else digest_of(invite),
        )
        self._audit.note(name, "signed-up", "", "open" if invite is None else "invite")
        return self._access.begin(user, "password")

    def sign_in(self, name: str, password: str, address: str = "") -> tuple[Principal, str]:
        """Start a session with a password; return who it is and the cookie.

        Unknown names and wrong passwords are told apart neither by the answer nor by its time.

        Raises:
            Unauthenticated: not this name with this password.
            Busy: after five failed tries a minute, and then for longer and longer.
        """
        self._tries.take(name, address)
        user = self._meta.user(name)
        stored = self._meta.password(user.number) if user is not None else None
        is_right = self._passwords.verify(stored, password)
        if user is None or stored is None or not is_right or user.disabled_us is not None:
            if user is not None:  # what nobody is called may be a password in the wrong field
                self._audit.note(user.name, "sign-in-failed", "", "password")
            raise Unauthenticated("this name with this password is not known", code="credentials")
        self._tries.succeeded(name, address)
        if self._passwords.is_outdated(stored):
            self._meta.edit_user(user.number, {"password": self._passwords.hash(password)})
        return self._access.begin(user, "password")

    def sign_in_with(
        self,
        *,
        token: str | None = None,
        key: str | None = None,
        claim: str | None = None,
        address: str = "",
    ) -> tuple[Principal, str]:
        """Start a session with a link or a key. Raises as `sign_in`.

        Tries are counted for each secret: guessing 256 bits is hopeless, and counting all of an address would
        let anybody behind the same proxy keep the others out.
        """
        secret = digest_of(token or key or claim or "").hex()
        self._tries.take(secret, address)
        found = self._access.sign_in(token=token, key=key, claim=claim)
        self._tries.succeeded(secret, address)
        return found

    # ── oneself ──

    def edit(
        self,
        who: Principal,
        *,
        display_name: str | None = None,
        email: str | None = None,
        entity: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> User:
        """Change one's profile; None stays as it is.

        Raises:
            NotFound: code `entity`: the default entity is none that one may write to.
            Invalid: an unknown setting, or a text that is too long.
        """
        check_account(who)
        texts = {"display_name": display_name, "email": email}
        changes: dict[str, Any] = {key: text for key, text in texts.items() if text is not None}
        _check_texts(changes)
        if entity is not None:
            if entity not in who.entities or not can(who, "write", entity):
                raise NotFound(
                    f"{entity!r} is no entity that {who.user.name} may write to", code="entity"
                )
            changes["entity"] = entity
        if settings is not None:
            for name, value in settings.items():
                if type(value) is not type(SETTINGS.get(name)):
                    raise Invalid(f"{name!r} is no setting, or has no such value", code="settings")
            changes["settings"] = {**who.user.settings, **settings}
        if changes:
            self._meta.edit_user(who.user.number, changes)
            self._access.forget()
            self._audit.by(who, "profile-changed", ", ".join(changes))
        return self._meta.user_by_number(who.user.number) or who.user

    def set_password(self, who: Principal, old: str | None, new: str, address: str = "") -> None:
        """Set one's password and end one's other sessions.

        Raises:
            Forbidden: code `password`: the old one is wrong; it is not needed where there is none, and
                within the hour after one came in by a link.
            Invalid: code `password`: the new one may not be taken.
        """
        check_account(who)
        user = who.user
        if user.kind != "person":
            raise Forbidden("only people have passwords", code="kind")
        session = who.session
        is_by_link = (
            session is not None
            and session.via == "link"
            and session.created_us > wall_us() - LINK_RESETS_US
        )
        stored = self._meta.password(user.number)
        if stored is not None and not is_by_link:
            self._tries.take(user.name, address)
            if not self._passwords.verify(stored, old or ""):
                raise Forbidden("the old password is not right", code="password")
            self._tries.succeeded(user.name, address)
        check_password(new, user.name)
        self._meta.edit_user(user.number, {"password": self._passwords.hash(new)})
        self._meta.drop_sessions(user.number, session.digest if session else b"")
        self._access.forget()
        self._audit.by(who, "password-changed", user.name)

    # ── a server's admin ──

    def everybody(self, who: Principal) -> list[User]:
        """Return all users. Raises NotFound unless the server's admin asks."""
        check_server_admin(who)
        return self._meta.users()

    def administer(
        self, who: Principal, name: str, *, admin: bool | None = None, disabled: bool | None = None
    ) -> User:
        """Make somebody an admin of the server or not, disable or enable them.

        Raises:
            NotFound: no such user, or not asked by an admin. Conflict: code `last-admin`.
            Invalid: a service or anonymous user as admin.
        """
        check_server_admin(who)
        user = self._find(name)
        if admin and user.kind != "person":
            raise Invalid(f"{name} is no person and cannot be an admin", code="kind")
        changes: dict[str, Any] = {}
        if admin is not None and admin != user.is_admin:
            changes["is_admin"] = admin
        if disabled is not None and disabled != (user.disabled_us is not None):
            changes["disabled_us"] = wall_us() if disabled else None
        if changes:
            self._meta.edit_user(user.number, changes)
            if disabled:
                self._meta.drop_sessions(user.number)
            self._access.forget()
        if "is_admin" in changes:
            self._audit.by(who, "admin-given" if admin else "admin-taken", name)
        if "disabled_us" in changes:
            self._audit.by(who, "user-disabled" if disabled else "user-enabled", name)
        return self._find(name)

    def make(self, who: Principal, name: str, *, admin: bool = False) -> User:
        """Make an account without a password: its person comes in by a link first.

        Raises:
            NotFound: not asked by an admin. Invalid: code `name`. Conflict: code `taken`.
        """
        check_server_admin(who)
        check_entity(name)
        user = self._meta.add_user(name, is_admin=admin, now_us=wall_us())
        self._audit.by(who, "user-made", name)
        return user

    def link(self, who: Principal, name: str) -> str:
        """Return the token of a link that signs somebody in once, within the hour.

        Raises:
            NotFound: no such person, or not asked by an admin.
        """
        check_server_admin(who)
        user = self._find(name)
        if user.kind != "person" or user.disabled_us is not None:
            raise NotFound(f"{name} cannot sign in", code="absent")
        self._audit.by(who, "link-made", name)
        return make_token(self._meta, user)

    def _find(self, name: str) -> User:
        user = self._meta.user(name)
        if user is None:
            raise NotFound(f"user {name} does not exist", code="absent")
        return user


def settings_of(user: User) -> dict[str, Any]:
    """Return the settings of a user, with the defaults of those never set."""
    return {name: user.settings.get(name, default) for name, default in SETTINGS.items()}


def _check_texts(texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if len(text) > TEXT_CHARS_MAX:
            raise Invalid(f"`{name}` has at most {TEXT_CHARS_MAX} characters", code=name)
