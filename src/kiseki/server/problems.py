"""The one error shape: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from kiseki.errors import PublicError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
CODES = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "absent",
    405: "method",
    409: "conflict",
    413: "too-large",
    421: "host",
    429: "busy",
    500: "internal",
    507: "full",
}


def problem(status: int, detail: str, code: str = "", title: str = "", **extra: Any) -> Response:
    """Return an error answer. `detail` is for people, `code` for programs."""
    body = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or CODES.get(status, "error"),
        **extra,
    }
    response = Response(msgspec.json.encode(body), status, media_type=MEDIA_TYPE)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="kiseki"'
    if status in (429, 503) and "retry_after" in extra:
        response.headers["Retry-After"] = str(extra["retry_after"])
    return response


def with_errors(answer: Response) -> Response:
    """Return an error answer whose text is also where clients of GraphQL look for it."""
    if answer.media_type != MEDIA_TYPE:
        return answer
    body = msgspec.json.decode(bytes(answer.body))
    answer.body = msgspec.json.encode({**body, "errors": [{"message": body["detail"]}]})
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def from_error(error: Exception, where: str) -> Response:
    """Return the answer to a request that raised: what is safe to show, else an id found in the log."""
    if isinstance(error, PublicError) and error.status != 500:
        extra = dict(error.extra)
        code = str(extra.pop("code", ""))
        return problem(error.status, str(error), code, error.title, **extra)
    incident = secrets.token_hex(4)
    log.error("incident=%s %s", incident, where, exc_info=error)
    return problem(
        500, f"something went wrong here; the server's log has it as incident {incident}",
        incident=incident,
    )  # fmt: skip
