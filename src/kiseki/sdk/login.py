"""`kiseki.login`: a key for the server, found, asked for, or that of an anonymous account (Q-01)."""

from __future__ import annotations

import getpass
import sys

from kiseki.client import credentials
from kiseki.client.credentials import Target
from kiseki.errors import AuthenticationError
from kiseki.sdk import arguments
from kiseki.sdk.current import Session
from kiseki.sdk.settings import Settings


def login(
    session: Session,
    *,
    key: str | None,
    relogin: bool | None,
    host: str | None,
    force: bool | None,
    timeout: float | None,
    verify: bool,
    anonymous: str | None,
) -> bool:
    """Return whether there is a key for the server; the public function says what the arguments mean."""
    arguments.check_anonymous(anonymous)
    settings = session.base_settings()
    if settings.disabled or settings.mode in ("offline", "disabled"):
        return False
    base_url, wish = host or settings.base_url, anonymous or settings.anonymous or "never"
    target = credentials.resolve(base_url, key or settings.api_key, session.environ)
    seconds = timeout or settings.http_timeout
    chosen = Settings(base_url=target.base_url) if host else Settings()
    if wish != "must":
        found = key or ("" if relogin else target.key) or _ask(target.base_url)
        if found:
            _check(Target(target.base_url, found.strip()), seconds, verify)
            if found != target.key or key:
                credentials.write_key(target.base_url, found.strip())
            if key:  # in this process it counts more than one in the environment
                chosen.update({"api_key": found.strip()})
            session.set_up(chosen)
            return True
    if wish != "never" and _has_anonymous(target, seconds):
        chosen.update({"anonymous": wish})
        session.set_up(chosen)
        return True
    if force:
        raise AuthenticationError(f"no key for {target.base_url}. To sign in: kiseki login")
    return False


def _check(target: Target, seconds: float, verify: bool) -> None:
    if fault := credentials.fault_of_key(target.key):
        raise AuthenticationError(f"the key for {target.base_url} is malformed: {fault}")
    if verify:
        from kiseki.client.http import Client

        with Client(target.base_url, target.key, seconds) as client:
            client.get_json("/api/v1/viewer")


def _has_anonymous(target: Target, seconds: float) -> bool:
    from kiseki.sdk.registration import anonymous_target

    return anonymous_target(target, seconds) is not None


def _ask(base_url: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        return ""
    print(f"kiseki: to get a key, open {base_url}/authorize in a browser", file=sys.stderr)
    return getpass.getpass("kiseki: paste it here (it is not shown): ").strip()
