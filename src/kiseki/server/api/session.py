"""Who am I; signing in and out."""

from __future__ import annotations

import threading
import time

import msgspec
from starlette.responses import Response

from kiseki.base.version import __version__
from kiseki.core.access import SESSION_US, Principal, can
from kiseki.errors import Busy, Invalid, Unauthenticated
from kiseki.server.api.routing import Call, Routes, render
from kiseki.server.gate import COOKIE, cookie_of, is_loopback

routes = Routes()

TRIES_MAX = 10  # failed ones
TRIES_WINDOW_S = 60.0
ADDRESSES_MAX = 10_000


class ServerInfo(msgspec.Struct):
    version: str
    url: str


class Viewer(msgspec.Struct):
    """Who asks. `entities` are those whose projects are listed, the default one first."""

    user: str
    entity: str
    entities: list[str]
    admin: bool
    server: ServerInfo


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """One of both: the token of a sign-in link, which works once, or an API key."""

    token: str | None = None
    key: str | None = None


@routes.get("/api/v1/viewer", answer=Viewer)
def show_viewer(call: Call) -> Viewer:
    """Return who asks."""
    return _viewer(call, call.who)


def _viewer(call: Call, who: Principal) -> Viewer:
    return Viewer(
        who.user.name,
        who.user.entity,
        call.core.projects.entities(who),
        can(who, "admin", who.user.entity) and who.user.is_admin,
        ServerInfo(__version__, call.core.url),
    )


@routes.post("/api/v1/session", body=SignIn, answer=Viewer, is_public=True)
def sign_in(call: Call) -> Response:
    """Start a browser session."""
    given: SignIn = call.body
    if (given.token is None) == (given.key is None):
        raise Invalid("send either a token or a key", code="body")
    address = call.request.client.host if call.request.client else ""
    _tries.check(address)
    try:
        who, cookie = call.core.access.sign_in(token=given.token, key=given.key)
    except Unauthenticated:
        _tries.failed(address)
        raise
    response = render(call, _viewer(call, who))
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_US // 1_000_000,
        httponly=True,
        samesite="lax",
        secure=_is_secure(call),
        path="/",
    )
    return response


def _is_secure(call: Call) -> bool:
    """Browsers send `Secure` cookies to loopback addresses only in part, so there they go without."""
    return not is_loopback(call.request.url.hostname or "") and call.core.url.startswith("https:")


@routes.add("DELETE", "/api/v1/session", answer=None)
def sign_out(call: Call) -> Response:
    """End the browser session."""
    cookie = cookie_of(call.request.headers)
    if cookie is not None:
        call.core.access.sign_out(cookie)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/")
    return response


class _Tries:
    """Counts failed sign-ins by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: dict[str, list[float]] = {}

    def check(self, address: str) -> None:
        with self._lock:
            recent = self._recent(address)
        if len(recent) >= TRIES_MAX:
            wait = max(1, round(recent[0] + TRIES_WINDOW_S - time.monotonic()))
            raise Busy("too many failed sign-ins from this address", code="tries", retry_after=wait)

    def failed(self, address: str) -> None:
        with self._lock:
            if len(self._failed) >= ADDRESSES_MAX:
                self._failed.clear()
            self._failed[address] = [*self._recent(address), time.monotonic()]

    def _recent(self, address: str) -> list[float]:
        since = time.monotonic() - TRIES_WINDOW_S
        return [at for at in self._failed.get(address, ()) if at > since]


_tries = _Tries()
