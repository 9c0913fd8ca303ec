"""Signing in and out of a browser."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from starlette.responses import Response

from kiseki.core.access import SESSION_US
from kiseki.core.rights import Principal
from kiseki.errors import Invalid, Unauthenticated
from kiseki.server.api.viewer import Viewer, viewer_of
from kiseki.server.gate import COOKIE, SECURE_COOKIE, cookie_of, needs_secure_cookie
from kiseki.server.routing import Call, Routes, render

routes = Routes()


class SessionAnswer(msgspec.Struct):
    """What the page needs before anybody signed in. `signup`: `closed`, `invite` or `open`."""

    signup: str
    anonymous: bool
    signed_in: bool


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """Name and password, or the token of a sign-in link (works once), an API key with all scopes, or the
    token of an anonymous run's link.
    """

    user: str | None = None
    password: str | None = None
    token: str | None = None
    key: str | None = None
    claim: str | None = None


@routes.get("/api/v1/session", answer=SessionAnswer, is_public=True)
def show_session(call: Call) -> SessionAnswer:
    """Return how one gets in, and whether one is."""
    policy = call.core.people.accounts.policy
    cookie, is_signed_in = _cookie(call), False
    if cookie is not None:
        with contextlib.suppress(Unauthenticated):
            call.core.access.by_cookie(cookie)
            is_signed_in = True
    return SessionAnswer(policy.signup, policy.anonymous, is_signed_in)


@routes.post("/api/v1/session", body=SignIn, answer=Viewer, is_public=True)
def sign_in(call: Call) -> Response:
    """Start a browser session. One that the browser has already ends."""
    given: SignIn = call.body
    accounts = call.core.people.accounts
    ways = (given.password, given.token, given.key, given.claim)
    if sum(way is not None for way in ways) != 1 or (given.user is None) != (
        given.password is None
    ):
        raise Invalid("send user and password, or a token, a key or a claim", code="body")
    if given.user is not None and given.password is not None:
        found = accounts.sign_in(given.user, given.password, call.address)
    else:
        found = accounts.sign_in_with(
            token=given.token, key=given.key, claim=given.claim, address=call.address
        )
    return in_session(call, *found)


@routes.add("DELETE", "/api/v1/session", answer=None)
def sign_out(call: Call) -> Response:
    """End the browser session."""
    cookie = _cookie(call)
    if cookie is not None:
        call.core.access.sign_out(cookie)
        call.core.people.audit.by(call.who, "signed-out")
    response = Response(status_code=204)
    response.delete_cookie(**_place(call))
    return response


def in_session(call: Call, who: Principal, cookie: str, status: int = 200) -> Response:
    """Return who one is now, with the cookie of a session that just began."""
    before = _cookie(call)
    if before is not None:
        call.core.access.sign_out(before)
    response = render(call, viewer_of(call.core, who), status)
    response.set_cookie(value=cookie, max_age=SESSION_US // 1_000_000, **_place(call))
    return response


def _cookie(call: Call) -> str | None:
    return cookie_of(call.request.headers, _is_secure(call))


def _is_secure(call: Call) -> bool:
    return needs_secure_cookie(call.request.headers, call.core.url.startswith("https:"))


def _place(call: Call) -> dict[str, Any]:
    is_secure = _is_secure(call)
    name = SECURE_COOKIE if is_secure else COOKIE
    return {"key": name, "path": "/", "secure": is_secure, "httponly": True, "samesite": "lax"}
