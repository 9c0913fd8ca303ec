"""The one gate: every request of every route passes it, and is denied unless it may pass.

    request ─► host expected? ─► public? ─► key or cookie ─► same origin? ─► route
                 no: 421                      no: 401          no: 403

It also sets the security headers of every answer, renders errors, and strips the path prefix the server
is mounted under.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kiseki.core.access import Access
from kiseki.core.people.tries import Rate
from kiseki.core.rights import NOBODY, Principal
from kiseki.errors import Forbidden, Unauthenticated
from kiseki.server.problems import from_error, problem, with_errors

log = logging.getLogger(__name__)

COOKIE = "kiseki_session"
SECURE_COOKIE = "__Host-kiseki_session"
"""The name over TLS: browsers take it only from this host, with `Secure` and for all paths."""

PUBLIC = frozenset(
    {
        ("GET", "/-/health"),
        ("GET", "/-/ready"),
        ("GET", "/api/v1/session"),
        ("POST", "/api/v1/session"),
        ("POST", "/api/v1/users"),
        ("POST", "/api/v1/invites/look"),
        ("POST", "/api/v1/anonymous"),
    }
)
"""The machine endpoints that answer without credentials; HEAD counts as GET."""

SIGNED_PREFIX = "/files/-/signed/"
"""Addresses that carry their own permission, which their endpoint reads."""

TELEMETRY_PREFIX = "/sdk/otel/"
"""Where the official wandb client reports on itself: nothing is taken, and it asks no more."""

MACHINE_PREFIXES = ("/api/", "/-/", "/graphql", "/files/", "/artifacts/", "/artifactsV2/")
"""Everything else that is read is the page and its assets, which hold no data."""

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'; font-src 'self'; frame-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

_SAFE = ("GET", "HEAD", "OPTIONS")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def is_loopback(host: str) -> bool:
    """Return whether a bind address or host name stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(method: str, path: str) -> bool:
    """Return whether a request is answered without credentials."""
    method = "GET" if method == "HEAD" else method
    if (method, path) in PUBLIC or (path.startswith(SIGNED_PREFIX) and method in ("GET", "PUT")):
        return True
    return method == "GET" and not f"{path}/".startswith(MACHINE_PREFIXES)


class Gate:
    """Outermost ASGI middleware.

    Args:
        hosts: names the server answers to, without port (loopback names always are).
        root_path: prefix of every path, without a slash at the end.
        rate: how often a key may ask; records and files on their way in are not counted.
        is_tls: people reach the server over TLS: only the cookie of that name counts, except on loopback.
    """

    def __init__(
        self,
        app: App,
        access: Access,
        hosts: Iterable[str] = (),
        root_path: str = "",
        is_tls: bool = False,
        rate: Rate | None = None,
    ) -> None:
        self.app = app
        self.access = access
        self.hosts = frozenset(name.lower() for name in (*LOOPBACK_NAMES, *hosts))
        self.root_path = root_path
        self.is_tls = is_tls
        self.rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # lifespan is handled by the server, websockets are not spoken
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        began = time.perf_counter()
        status = 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_security(message.get("headers", ()))
            await send(message)

        try:
            answer = await self._admit(scope)
            if answer is None:
                await self.app(scope, receive, send_safely)
            else:
                await _worded(answer, scope)(scope, receive, send_safely)
        except Exception as error:  # the request's main: whatever happens gets an answer
            if status:
                raise
            await _worded(_to_answer(error, scope), scope)(scope, receive, send_safely)
        finally:
            log.debug(
                "method=%s path=%r status=%d ms=%.1f",
                scope["method"], scope["path"], status, (time.perf_counter() - began) * 1e3,
            )  # fmt: skip

    async def _admit(self, scope: Scope) -> Response | None:
        """Return None to let a request pass, with `kiseki.who` set; else the refusal."""
        headers = Headers(scope=scope)
        host = _host_name(headers.get("host", ""))
        if host not in self.hosts:
            return problem(
                421,
                f"this server is not known as {host!r}; start it with --public-url or --host to change that",
                "host",
            )
        scope["kiseki.root"] = self.root_path
        if self.root_path:
            if f"{scope['path']}/".startswith(f"{self.root_path}/"):
                scope["path"] = scope["path"][len(self.root_path) :] or "/"
            scope["root_path"] = ""
        method, path = scope["method"], scope["path"]
        # With an app in the scope Starlette raises for a wrong method instead of answering itself.
        scope["app"] = self
        scope["kiseki.who"] = NOBODY
        if path.startswith(TELEMETRY_PREFIX):
            return Response(status_code=404)
        if is_public(method, path):
            if method not in _SAFE:
                check_same_origin(headers, is_needed=False)
            return None
        scope["kiseki.who"] = who = await self._identify(headers)
        if self.rate is not None and who.via == "key" and not _is_ingest(path):
            self.rate.take(who.prefix, "requests with this key")
        if who.via == "session" and method not in _SAFE:
            check_same_origin(headers, is_needed=True)
        return None

    async def _identify(self, headers: Headers) -> Principal:
        secret = key_of(headers.get("authorization", ""))
        if secret is not None:
            known = self.access.known(secret, "key")
            return known if known else await run_in_threadpool(self.access.by_key, secret)
        cookie = cookie_of(headers, needs_secure_cookie(headers, self.is_tls))
        if cookie is None:
            raise Unauthenticated("sign in, or send an API key", code="unauthenticated")
        known = self.access.known(cookie, "session")
        return known if known else await run_in_threadpool(self.access.by_cookie, cookie)


def _is_ingest(path: str) -> bool:
    is_lines = path.startswith("/files/") and path.endswith("/file_stream")
    return is_lines or path.startswith("/api/v1/streams/") or "/blobs/" in path


def _with_security(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    names = {name.lower() for name, _ in given}
    return given + [item for item in SECURITY_HEADERS if item[0] not in names]


def _to_answer(error: Exception, scope: Scope) -> Response:
    if isinstance(error, HTTPException):
        answer = problem(error.status_code, error.detail)
        answer.headers.update(error.headers or {})
        return answer
    return from_error(error, f"method={scope['method']} path={scope['path']!r}")


def _worded(answer: Response, scope: Scope) -> Response:
    """Return an error as who asked reads it: a client of GraphQL looks for its text under `errors`."""
    return with_errors(answer) if scope["path"] == "/graphql" else answer


def _host_name(host: str) -> str:
    """Return the name of a Host header, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def key_of(authorization: str) -> str | None:
    """Return the key of an Authorization header: `Bearer KEY`, or Basic with user `api`.

    Raises:
        Unauthenticated: a header that is neither.
    """
    if not authorization:
        return None
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        if user == "api" and password:
            return password
    raise Unauthenticated("the Authorization header holds no API key", code="key")


def needs_secure_cookie(headers: Headers, is_tls: bool) -> bool:
    """Return whether a request's session is in the cookie for TLS.

    Browsers send `Secure` cookies to loopback addresses only in part, so there the plain one is used; and
    over plain HTTP they would not keep it at all.
    """
    return is_tls and not is_loopback(_host_name(headers.get("host", "")))


def cookie_of(headers: Headers, is_secure: bool) -> str | None:
    """Return the session cookie of a request."""
    wanted = SECURE_COOKIE if is_secure else COOKIE
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted and value:
                return value
    return None


def check_same_origin(headers: Headers, *, is_needed: bool) -> None:
    """Raise Forbidden for a request that another site's page made the browser send."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        is_same = site == "same-origin"
    elif origin is not None:
        is_same = urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    else:
        is_same = not is_needed
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not is_same or kind in _FORMS:
        raise Forbidden("this request does not come from the server's own page", code="origin")
